"""What time it is for one partition: by the wall, or by the events it has seen."""

import time
from collections.abc import Callable

from allocator.options import ClockMode
from schemas.steady_clock import SteadyClock

# Once event time is this near the wall, a recording has been replayed to its end.
NEAR_MS = 120_000


def wall_ms() -> int:
    """Return the wall's time in unix milliseconds."""
    return time.time_ns() // 1_000_000


class PartitionClock:
    """Time that never goes back.

    Parameters
    ----------
    mode
        See `AllocatorOptions`.
    live_ms
        Unix milliseconds while it is live, by default the wall's without its jumps.

    Examples
    --------
    >>> clock = PartitionClock("event")
    >>> clock.saw(5_000); clock.saw(4_000); clock.now_ms()
    5000
    """

    def __init__(self, mode: ClockMode, live_ms: Callable[[], int] | None = None) -> None:
        self._mode = mode
        self._live_ms = live_ms or SteadyClock()
        self._latest_ms = 0

    @property
    def is_live(self) -> bool:
        """Tell whether time passes by itself."""
        return self._mode == "wall"

    @property
    def has_begun(self) -> bool:
        """Tell whether the time is known."""
        return self.is_live or self._latest_ms > 0

    def saw(self, event_ms: int) -> None:
        """Note an event's time; a live clock does not follow a client whose own is wrong."""
        if self._mode == "auto" and self._live_ms() - event_ms < NEAR_MS:
            self._mode = "wall"
        if not self.is_live:
            self._latest_ms = max(self._latest_ms, event_ms)

    def now_ms(self) -> int:
        """Return the time."""
        if self._mode == "wall":
            self._latest_ms = max(self._latest_ms, self._live_ms())
        return self._latest_ms


class CallClock:
    """The simulated cloud's time: while a call is made, when it was decided.

    In a replay calls are made after a commit that holds more messages; the cloud shall see each
    at the moment it was meant for.
    """

    def __init__(self, clock: PartitionClock) -> None:
        self._clock = clock
        self.at_ms: int | None = None

    def __call__(self) -> int:
        """Return the time in unix milliseconds."""
        if self.at_ms is not None and not self._clock.is_live:
            return self.at_ms
        return self._clock.now_ms()
