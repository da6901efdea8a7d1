"""A user's decayed counts per local hour of the week: launches, and in how many weeks active."""

import struct

from streams.models.cycles.local_hour import MONDAY_HOURS, WEEK_HOURS, hour_of_week, week_of

_HALF = struct.Struct("<e")
_MAX = 60000.0  # below the largest half, 65504
_HEAD = struct.Struct("<iiiI")  # first hour, week, open hour or NO_HOUR, its launches
_NO_HOUR = -(2**31)
_MAX_HOUR = 20_000_000  # the year 4251
_BITS = [[bit for bit in range(8) if byte >> bit & 1] for byte in range(256)]
_DROP = 0.01  # of a week: nothing of a year-old hour stays at a half-life of six weeks


def half(value: float) -> float:
    """Round to half precision, the form in which counts are kept: 2 bytes, error < 0.05 %.

    Examples
    --------
    >>> half(2.7182818)
    2.71875
    """
    rounded: float = _HALF.unpack(_HALF.pack(min(value, _MAX)))[0]
    return rounded


class WeekActivity:
    """Forgetting counts per hour of the week.

    Whole hours are folded in, not events, so that an increment is never lost to rounding. All
    counts decay by `2 ** (-1 / half_life_weeks)` when a week turns: at most 168 products a week of
    activity, however many weeks were skipped.

    Parameters
    ----------
    half_life_weeks
        Weeks of event time after which an hour weighs half.

    Examples
    --------
    >>> week = WeekActivity(half_life_weeks=1)
    >>> week.open(9)
    >>> week.fold(9, launches=3.0)
    >>> week.fold(9 + 168, launches=1.0)
    >>> week.evidence(81, 9 + 168)  # launches, active weeks, exposed weeks
    (2.5, 1.5, 1.5)
    """

    __slots__ = (
        "_totals",
        "active",
        "decay",
        "first_hour",
        "launches",
        "open_hour",
        "open_launches",
        "week",
    )

    def __init__(self, half_life_weeks: float) -> None:
        self.decay = 2.0 ** (-1.0 / half_life_weeks)
        self.first_hour: int | None = None
        self.open_hour: int | None = None  # in which the user was active, not folded in yet
        self.open_launches = 0
        self.week = 0
        self.launches: dict[int, float] = {}
        self.active: dict[int, float] = {}
        self._totals: tuple[float, float] | None = None

    def open(self, hour: int) -> None:
        """Begin a local hour in which the user is active."""
        if self.first_hour is None:
            self.first_hour, self.week = hour, week_of(hour)
        self.open_hour = hour
        self.open_launches = 0

    def fold(self, hour: int, launches: float) -> None:
        """Add a closed local hour in which the user was active."""
        self.open_hour = None
        self.open_launches = 0
        self._turn_to(week_of(hour))
        self._totals = None
        at = hour_of_week(hour)
        self.active[at] = half(self.active.get(at, 0.0) + 1.0)
        if launches > 0.0:
            self.launches[at] = half(self.launches.get(at, 0.0) + launches)

    def _turn_to(self, week: int) -> None:
        if week <= self.week:
            return
        factor = self.decay ** (week - self.week)
        self.week = week
        self.active = {h: half(n * factor) for h, n in self.active.items() if n * factor > _DROP}
        self.launches = {
            h: half(n * factor) for h, n in self.launches.items() if n * factor > _DROP
        }

    def evidence(self, at: int, hour: int) -> tuple[float, float, float]:
        """Launches, active weeks and exposed weeks of hour `at` of the week, as of local `hour`.

        Exposure is the decayed number of times that the hour came by since the user's first hour:
        a geometric sum, in closed form.
        """
        if self.first_hour is None or hour < self.first_hour:
            return 0.0, 0.0, 0.0
        newest = (hour - at + MONDAY_HOURS) // WEEK_HOURS  # week of its last time up to `hour`
        oldest = -((at - MONDAY_HOURS - self.first_hour) // WEEK_HOURS)  # week of its first time
        times = max(0, newest - oldest + 1)
        week = max(week_of(hour), self.week)
        sums = (1.0 - self.decay**times) / (1.0 - self.decay) * self.decay ** (week - newest)
        aged = self.decay ** (week - self.week)
        launches, active = self.launches.get(at, 0.0) * aged, self.active.get(at, 0.0) * aged
        if self.open_hour is not None and hour_of_week(self.open_hour) == at:
            launches, active = self._with_open(launches, active, hour)
        return launches, active, sums

    def _with_open(self, launches: float, active: float, hour: int) -> tuple[float, float]:
        """Add the open hour if it is over as of local `hour`."""
        if self.open_hour is None or self.open_hour > hour:
            return launches, active
        aged = self.decay ** (week_of(hour) - week_of(self.open_hour))
        return launches + self.open_launches * aged, active + aged

    def total(self, what: int, hour: int) -> float:
        """Decayed launches (`what` 0) or active hours (1) of a whole week, as of local `hour`.

        Halves add up exactly in double precision: the sum does not depend on the order.
        """
        if self._totals is None:
            self._totals = (sum(self.launches.values()), sum(self.active.values()))
        total = self._totals[what] * float(self.decay ** max(0, week_of(hour) - self.week))
        return self._with_open(total, total, hour)[what]

    def own_share(self, hour: int) -> float:
        """Share of the hours until local `hour` with any activity, by own counts only."""
        _, _, weeks = self.evidence(hour_of_week(hour), hour)
        return min(1.0, (self.total(1, hour) + 1.0) / (WEEK_HOURS * weeks + 10.0))

    def own_active(self, at: int, hour: int) -> float:
        """Probability of activity in hour `at` of the week as of `hour`, by own counts only."""
        _, seen, weeks = self.evidence(at, hour)
        return min(1.0, (seen + self.own_share(hour)) / (weeks + 1.0))

    def to_bytes(self) -> bytes:
        """First hour and week, a bit mask of the hours seen, then two halves for each of them."""
        if self.first_hour is None:
            return b""
        hours = sorted(self.active)
        mask = sum(1 << at for at in hours)
        values = [self.active[at] for at in hours] + [self.launches.get(at, 0.0) for at in hours]
        opened = _NO_HOUR if self.open_hour is None else self.open_hour
        head = _HEAD.pack(self.first_hour, self.week, opened, self.open_launches)
        return head + mask.to_bytes(21, "little") + struct.pack(f"<{len(values)}e", *values)

    @classmethod
    def from_bytes(cls, data: bytes, half_life_weeks: float) -> "WeekActivity":
        week = cls(half_life_weeks)
        if not data:
            return week
        if len(data) < _HEAD.size + 21:
            raise ValueError("week activity: truncated")
        week.first_hour, week.week, opened, week.open_launches = _HEAD.unpack_from(data)
        week.open_hour = None if opened == _NO_HOUR else opened
        if max(abs(week.first_hour), abs(week.week), abs(week.open_hour or 0)) > _MAX_HOUR:
            raise ValueError("week activity: an hour is out of range")
        mask = data[_HEAD.size : _HEAD.size + 21]
        hours = [8 * at + bit for at, byte in enumerate(mask) for bit in _BITS[byte]]
        body = data[_HEAD.size + 21 :]
        if len(body) != 4 * len(hours):
            raise ValueError(f"week activity: {len(body)} bytes for {len(hours)} hours")
        values = struct.unpack(f"<{2 * len(hours)}e", body)
        if values and not (min(values) >= 0.0 and max(values) <= _MAX and sum(values) > 0.0):
            # The sum is NaN where any value is.
            raise ValueError("week activity: a count is out of range")
        week.active = dict(zip(hours, values, strict=False))
        launches = zip(hours, values[len(hours) :], strict=True)
        week.launches = {at: count for at, count in launches if count > 0.0}
        return week
