"""The wall clock without its jumps.

A wall clock is set: by a person, by a time service that comes late, by a host that wakes up.
Whoever measures in wall time how long something lasts then ends leases early, or not for a day.
This one goes on by the monotonic clock and leans towards the wall, so that a jump back and forth
does no harm and a lasting correction is followed.
"""

import time
from collections.abc import Callable

# A wall clock set an hour ahead has been followed after ten hours; one set back and forth within a
# minute has moved this clock by 6 s.
LEANING = 0.1


class SteadyClock:
    """Unix milliseconds that pass evenly and never go back.

    Parameters
    ----------
    wall_s, monotonic_s
        The machine's clocks in seconds.

    Examples
    --------
    >>> wall, monotonic = iter([1000.0, 87_401.0]), iter([0.0, 1.0])
    >>> clock = SteadyClock(lambda: next(wall), lambda: next(monotonic))
    >>> clock()  # a second later the wall has been set a day ahead
    1001100
    """

    def __init__(
        self, wall_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._wall_s = wall_s
        self._monotonic_s = monotonic_s
        self._now_s = wall_s()
        self._read_s = monotonic_s()

    def __call__(self) -> int:
        """Return the time in unix milliseconds."""
        read_s = self._monotonic_s()
        passed_s = read_s - self._read_s
        self._read_s = read_s
        self._now_s += passed_s
        most_s = LEANING * passed_s
        self._now_s += min(max(self._wall_s() - self._now_s, -most_s), most_s)
        return int(self._now_s * 1000)
