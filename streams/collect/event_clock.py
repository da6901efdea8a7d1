"""Event time that runs as fast as asked."""

import math
from collections.abc import Callable


class EventClock:
    """Maps event time to wall time from the first event on.

    Parameters
    ----------
    speed
        Seconds of event time a second; `math.inf` never waits.
    now_s
        The wall clock, monotonic.

    Examples
    --------
    >>> wall = iter([0.0, 0.0, 1.0])
    >>> clock = EventClock(60.0, lambda: next(wall))
    >>> clock.ahead_s(0), clock.ahead_s(120_000)
    (0.0, 1.0)
    """

    def __init__(self, speed: float, now_s: Callable[[], float]) -> None:
        self._speed = speed
        self._now_s = now_s
        self._began: tuple[float, int] | None = None

    @property
    def runs(self) -> bool:
        """Whether event time is bound to a clock."""
        return not math.isinf(self._speed)

    def ahead_s(self, event_ms: int) -> float:
        """Return how many wall seconds remain until an event is due."""
        if not self.runs:
            return 0.0
        if self._began is None:
            self._began = self._now_s(), event_ms
        began_s, first_ms = self._began
        due_s = began_s + (event_ms - first_ms) / 1000 / self._speed
        return max(0.0, due_s - self._now_s())

    def event_ms(self, upcoming_ms: int) -> int:
        """Return the event time now, which the upcoming event bounds."""
        ahead_s = self.ahead_s(upcoming_ms)
        return upcoming_ms - math.ceil(ahead_s * 1000 * self._speed) if ahead_s else upcoming_ms
