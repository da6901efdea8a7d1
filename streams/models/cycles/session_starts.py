"""When a user's sessions begin: by local hour of the day, workdays and weekends apart."""

import struct
from datetime import tzinfo
from math import exp

from streams.models.cycles.local_hour import HOUR_S, hours_between, local_hour
from streams.models.cycles.week_activity import half

_VERSION = 1
_HEAD = struct.Struct("<Bii6s")  # version, first and latest local day, mask of the cells in use
_CELLS = 48
_NONE = -(2**31)
_MAX_DAY = 2**24
_FADE = 0.5 ** (1.0 / 42.0)  # half as much after six weeks, as the cycle forgets
_SHARES = (5.0 / 7.0, 2.0 / 7.0)  # of the days: workdays, weekend
_PRIOR_DAYS = 3.0  # what the presence forecast counts for


class SessionStarts:
    """Decayed counts of session starts, 24 hours of workdays and 24 of weekends.

    The rate of a cell is Gamma-Poisson: its prior is how likely the presence forecast thinks it
    that an absent user turns up in that hour, and counts as three days.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> zone, monday_9h = ZoneInfo("UTC"), 1718614800.0
    >>> starts = SessionStarts()
    >>> for day in range(5):
    ...     starts.observe(monday_9h + day * 86400, zone)
    >>> next_monday = monday_9h + 7 * 86400 - 3600
    >>> [round(p, 1) for p in starts.expected(next_monday, zone, [0.0, 0.0, 0.0])]
    [0.0, 0.4, 0.0]

    References
    ----------
    Gelman et al., Bayesian Data Analysis (2013), 2.6: the Gamma-Poisson model.
    """

    __slots__ = ("_counts", "_day", "_first_day")

    def __init__(self) -> None:
        self._counts: dict[int, float] = {}
        self._first_day = _NONE  # local days since 1970
        self._day = _NONE  # that the counts refer to

    def observe(self, start_s: float, zone: tzinfo) -> None:
        """Count a session's start; a late one counts for the latest day.

        Parameters
        ----------
        start_s
            Unix seconds.
        zone
            The user's time zone.
        """
        day, hour = divmod(local_hour(start_s, zone), 24)
        if self._first_day == _NONE:
            self._first_day = self._day = day
        if day > self._day:
            faded = {c: n * _FADE ** (day - self._day) for c, n in self._counts.items()}
            self._counts = {c: half(n) for c, n in faded.items() if n > 0.005}
            self._day = day
        cell = hour + 24 * _is_weekend(day)
        self._counts[cell] = half(self._counts.get(cell, 0.0) + 1.0)

    def expected(self, now_s: float, zone: tzinfo, prior: list[float]) -> list[float]:
        """Return the probability that a session begins in each of the coming hours.

        Parameters
        ----------
        now_s
            Unix seconds; the first hour begins there.
        zone
            The user's time zone.
        prior
            For each hour, the probability that a user who was away turns up in it.
        """
        return [1.0 - exp(-self._rate(now_s + k * HOUR_S, zone, p)) for k, p in enumerate(prior)]

    def _rate(self, start_s: float, zone: tzinfo, prior: float) -> float:
        rate = 0.0
        for at, share in hours_between(start_s, start_s + HOUR_S, zone):
            weekend = at >= 120
            seen = self._counts.get(at % 24 + 24 * weekend, 0.0)
            day = local_hour(start_s, zone) // 24
            days = _SHARES[weekend] * self._days(day)
            faded = seen * _FADE ** max(0, day - self._day)
            rate += share * (faded + prior * _PRIOR_DAYS) / (days + _PRIOR_DAYS)
        return rate

    def _days(self, day: int) -> float:
        """Decayed number of days before `day` that the user has been known."""
        if self._first_day == _NONE:
            return 0.0
        days: float = _FADE ** max(0, day - self._first_day)
        return (1.0 - days) / (1.0 - _FADE)

    def to_bytes(self) -> bytes:
        cells = sorted(self._counts)
        mask = sum(1 << cell for cell in cells).to_bytes(6, "little")
        head = _HEAD.pack(_VERSION, self._first_day, self._day, mask)
        return head + struct.pack(f"<{len(cells)}e", *(self._counts[c] for c in cells))

    @classmethod
    def from_bytes(cls, data: bytes) -> "SessionStarts":
        if len(data) < _HEAD.size:
            raise ValueError("session starts: truncated")
        version, first, day, mask = _HEAD.unpack_from(data)
        bits = int.from_bytes(mask, "little")
        cells = [cell for cell in range(_CELLS) if bits >> cell & 1]
        if version != _VERSION or len(data) != _HEAD.size + 2 * len(cells):
            raise ValueError(f"session starts: version {version}, {len(data)} bytes")
        nothing = first == day == _NONE and not cells
        if not nothing and not -_MAX_DAY < first <= day < _MAX_DAY:
            raise ValueError("session starts: a day is out of range")
        values = struct.unpack_from(f"<{len(cells)}e", data, _HEAD.size)
        if any(not 0.0 < value <= 60_000.0 for value in values):
            raise ValueError("session starts: a count is out of range")
        starts = cls()
        starts._first_day, starts._day = first, day
        starts._counts = dict(zip(cells, values, strict=True))
        return starts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SessionStarts) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # the state changes


def first_start(probabilities: list[float]) -> float | None:
    """Return the median of the first start, in hours from now; None where it is not that soon.

    Parameters
    ----------
    probabilities
        Of a start in each coming hour.

    Examples
    --------
    >>> first_start([0.0, 0.5, 0.5]), first_start([0.1, 0.1])
    (2.0, None)
    """
    absent = 1.0
    for hour, p in enumerate(probabilities):
        if absent * (1.0 - p) <= 0.5:
            return hour + (absent - 0.5) / (absent * p)
        absent *= 1.0 - p
    return None


def _is_weekend(day: int) -> bool:
    return (day + 3) % 7 >= 5  # 1970-01-01 was a Thursday
