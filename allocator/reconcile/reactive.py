"""The reserve's floor: what a policy without any learning would hold."""

from collections import deque
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

    def observed_lead(self, lead_s: float) -> None:
        """Plan for another launch time, as measured."""


class ReactiveFloor:
    """Holds as many as were asked for within any two minutes of the last hour.

    Parameters
    ----------
    trusted_after
        From so many requests on the learned policy stands alone.

    Examples
    --------
    >>> floor = ReactiveFloor()
    >>> for second in (0, 1, 2): floor.requested(second)
    >>> floor.size(10.0, seen=3), floor.size(3_700.0, seen=3)
    (3, 0)
    """

    def __init__(self, trusted_after: int = 50) -> None:
        self._trusted_after = trusted_after
        self._slots: deque[tuple[int, int]] = deque()

    def requested(self, time_s: float) -> None:
        """Count a request."""
        slot = int(time_s // 120)
        count = self._slots.pop()[1] if self._slots and self._slots[-1][0] == slot else 0
        self._slots.append((slot, count + 1))

    def size(self, time_s: float, seen: int) -> int:
        """Return the floor, 0 once the learned policy has `seen` enough requests."""
        oldest = int(time_s // 120) - 29
        while self._slots and self._slots[0][0] < oldest:
            self._slots.popleft()
        if seen >= self._trusted_after:
            return 0
        return max((count for _, count in self._slots), default=0)
