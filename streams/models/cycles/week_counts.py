"""What all users together did in each local hour of the week: integer counts that merge exactly."""

from collections.abc import Iterable

import msgspec

from streams.models.cycles.local_hour import WEEK_HOURS, hour_of_week
from streams.models.cycles.section import decode_section, encode_section

_VERSION = 1
_LIMIT = 2**62


class _State(msgspec.Struct, array_like=True):
    launches: list[int]
    active: list[int]
    weeks: int
    steps: list[int]


_DECODER = msgspec.msgpack.Decoder(_State)


class WeekCounts:
    """Launches, active user-hours and exposed user-hours per hour of the week.

    Counts are integers: merging is associative and commutative to the bit, whatever the order in
    which partitions report. Exposure (a user existed in that hour, active or not) comes in ranges
    of hours; a range is two changes of a difference array and a number of whole weeks, so that a
    gap of a year costs the same as one of an hour.

    Examples
    --------
    >>> counts = WeekCounts()
    >>> counts.add_hour(hour=9, launches=3)  # local hour 9 of 1970: hour 81 of the week
    >>> counts.add_exposure(first=0, last=168)  # a week and an hour
    >>> counts.launches[81], counts.active[81], counts.exposure()[72], counts.exposure()[81]
    (3, 1, 2, 1)
    """

    __slots__ = ("active", "launches", "steps", "weeks")

    def __init__(self) -> None:
        self.launches = [0] * WEEK_HOURS
        self.active = [0] * WEEK_HOURS
        self.weeks = 0  # whole weeks of exposure, of every hour
        self.steps = [0] * (WEEK_HOURS + 1)  # differences of the exposure beyond whole weeks

    def add_hour(self, hour: int, launches: int) -> None:
        """Count one user's active local hour."""
        at = hour_of_week(hour)
        self.launches[at] += launches
        self.active[at] += 1

    def add_exposure(self, first: int, last: int) -> None:
        """Count one user's existence in the local hours first..last, both included."""
        length = last - first + 1
        if length <= 0:
            return
        weeks, rest = divmod(length, WEEK_HOURS)
        self.weeks += weeks
        start = hour_of_week(first)
        end = start + rest
        self.steps[start] += 1
        self.steps[min(end, WEEK_HOURS)] -= 1
        if end > WEEK_HOURS:
            self.steps[0] += 1
            self.steps[end - WEEK_HOURS] -= 1

    def exposure(self) -> list[int]:
        """User-hours of existence per hour of the week, of length 168."""
        total = self.weeks
        hours = []
        for step in self.steps[:WEEK_HOURS]:
            total += step
            hours.append(total)
        return hours

    def merge(self, other: "WeekCounts") -> None:
        """Add another partition's or hour's counts."""
        self.launches = _sum(self.launches, other.launches)
        self.active = _sum(self.active, other.active)
        self.steps = _sum(self.steps, other.steps)
        self.weeks += other.weeks

    def to_bytes(self) -> bytes:
        state = _State(self.launches, self.active, self.weeks, self.steps)
        return encode_section(_VERSION, state)

    @classmethod
    def from_bytes(cls, data: bytes) -> "WeekCounts":
        state = decode_section("week counts", _VERSION, _DECODER, data)
        lengths = (len(state.launches), len(state.active), len(state.steps))
        if lengths != (WEEK_HOURS, WEEK_HOURS, WEEK_HOURS + 1):
            raise ValueError(f"week counts: lengths {lengths} are not 168, 168 and 169")
        counts = cls()
        counts.launches, counts.active = state.launches, state.active
        counts.weeks, counts.steps = state.weeks, state.steps
        if sum(counts.steps) != 0 or not _in_range((*counts.launches, *counts.active)):
            raise ValueError("week counts: a count is out of range")
        if not _in_range(counts.exposure()):
            raise ValueError("week counts: the exposure is out of range")
        return counts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WeekCounts) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # counts change


def _sum(left: list[int], right: list[int]) -> list[int]:
    return [a + b for a, b in zip(left, right, strict=True)]


def _in_range(values: Iterable[int]) -> bool:
    return all(0 <= value < _LIMIT for value in values)
