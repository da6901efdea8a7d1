"""What the reserve holds and what the policy wants done about it: plain data in and out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """Unassigned instances of one pool, as the caller knows them.

    Parameters
    ----------
    ready
        Could be assigned now.
    building
        Launched and not ready yet; unresolved launches count here.
    terminable
        Of the ready ones, those that have lived their minimum.
    least, most
        Bounds of the size at this moment: of the pool, its budgets, its cap and the cloud's quota.
    why_least, why_most
        Whose they are.
    """

    ready: int
    building: int
    terminable: int
    least: int = 0
    most: int = 1 << 31
    why_least: str = "min"
    why_most: str = "max"

    @property
    def size(self) -> int:
        """Instances paid for: ready and building."""
        return self.ready + self.building


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, and why, in words for reserve.status.

    Parameters
    ----------
    launch, terminate
        Instances to launch or to terminate; at most one of the two is positive.
    target
        Size (ready and building) that the policy asks for.
    reason
        The state it saw, the price it used and the bound that held, in plain words.
    """

    launch: int
    terminate: int
    target: int
    reason: str
