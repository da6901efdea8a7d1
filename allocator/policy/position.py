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
    """

    ready: int
    building: int
    terminable: int

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
