"""The reserve's floor: what a policy without any learning would hold."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from allocator.policy.position import Decision, Position


class Policy(Protocol):
    """Sizes a pool's reserve."""

    def requested(self, time_s: float, user: str = "", program: str = "", *, hit: bool) -> None:
        """Learn from a request, just after it was served."""

    def tick(self, time_s: float) -> None:
        """Let time pass."""

    def target(self, time_s: float, position: Position) -> Decision:
        """Decide, given what is held."""

    def to_bytes(self) -> bytes:
        """Return the learned state."""


@runtime_checkable
class InformedPolicy(Protocol):
    """A policy that takes forecasts and measured launch times into account."""

    def observed_forecast(self, time_s: float, mean: float, high: float) -> None:
        """Take a forecast of the requests within the next lead time."""

    def observed_intents(self, time_s: float, chances: Sequence[float]) -> None:
        """Take each active person's chance to ask within the next lead time."""

    def observed_lead(self, lead_s: float) -> None:
        """Plan for another launch time, as measured."""


@runtime_checkable
class TieredPolicy(Protocol):
    """A policy that knows how likely each further instance is to be needed."""

    @property
    def price_hits_per_s(self) -> float:
        """What an instance-second has to be worth, in hits."""

    def need(self, count: int) -> list[float]:
        """Return the probability that the first, second, ... is needed within a lead time."""


class ReactiveFloor:
    """Holds as many as were asked for within any two minutes of the last hour.

    Parameters
    ----------
    slots
        Counts by two-minute slot, where they are kept over a restart.

    Examples
    --------
    >>> floor = ReactiveFloor([])
    >>> for second in (0, 1, 2): floor.requested(second)
    >>> floor.size(10.0), floor.size(3_700.0)
    (3, 0)
    """

    def __init__(self, slots: list[tuple[int, int]]) -> None:
        self._slots = slots

    def requested(self, time_s: float) -> None:
        """Count a request."""
        slot = int(time_s // 120)
        count = self._slots.pop()[1] if self._slots and self._slots[-1][0] == slot else 0
        self._slots.append((slot, count + 1))
        del self._slots[:-30]

    def size(self, time_s: float) -> int:
        """Return the floor."""
        oldest = int(time_s // 120) - 29
        return max((count for slot, count in self._slots if slot >= oldest), default=0)
