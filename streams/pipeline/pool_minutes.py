"""Adds up one pool's demand over the profile partitions, minute by minute in event time.

A minute of the pool is closed once every partition has closed it. Partitions state absolute
values, so a repeat replaces nothing and adds nothing.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from schemas.records import DemandObserved, MinuteDemand
from streams.pipeline.eventtime import HOUR_MINUTES, MINUTE_MS
from streams.pipeline.level import NOTHING, Level

# At these minutes a pool tells what it adds to the total, and forecasts its next hour, if anything
# happened since it last did.
MARK_MINUTES = 5
# Of one partition in an hour. Squares of what is beyond are no numbers, and would spoil the state.
MOST_LAUNCHES = 1e12
# What one message may close: four years. Each hour in between is forecast, 3 ms with launches alone
# and 12 with all resources: the watchdog ended a worker within it, that got the message again.
MOST_MINUTES = 4 * 8_784 * HOUR_MINUTES


class Stretch(NamedTuple):
    """One or more alike minutes of a pool, all in one hour.

    Parameters
    ----------
    first, minutes
        First minute since the epoch, and how many.
    launches
        Launches in each (not zero only where it is a single minute).
    integral
        Level times milliseconds, in each.
    is_mark
        Whether it ends at a mark.
    is_due
        Whether a forecast of the next hour is due after it: at a mark after a change, and at each
        full hour.
    is_change
        Whether anything happened in it.
    """

    first: int
    minutes: int
    launches: int
    integral: Level
    is_mark: bool
    is_due: bool
    is_change: bool

    @property
    def last(self) -> int:
        """The last minute of the stretch."""
        return self.first + self.minutes - 1


class Source(msgspec.Struct, array_like=True):
    """What one profile partition has told: how far, the level there, and what is not used yet."""

    closed: int
    level: Level
    pending: list[MinuteDemand]


def check(observed: DemandObserved) -> None:
    """Raise ValueError for what no partition says, before any of it is learnt.

    Examples
    --------
    >>> idle = DemandObserved(
    ...     pool="p", source_partition=0, source_offset=0, closed_through=0, minutes=[]
    ... )
    >>> check(idle)
    >>> check(msgspec.structs.replace(idle, expected_launches=-1.0))
    Traceback (most recent call last):
        ...
    ValueError: launches that can't be
    """
    launches = [observed.expected_launches, *(minute.launches for minute in observed.minutes)]
    if not all(0 <= count <= MOST_LAUNCHES for count in launches):  # neither is NaN
        raise ValueError("launches that can't be")


def times_of(observed: DemandObserved) -> list[int]:
    """Return the times, in unix ms, that something was told of: how far, and each minute."""
    return [observed.closed_through, *(minute.time for minute in observed.minutes)]


def level_of(minute: MinuteDemand) -> Level:
    """Return the level a minute ends with."""
    return Level(
        minute.cpu_millicores, minute.memory_kib, minute.storage_kib, minute.network_bytes_per_s
    )


def integral_of(minute: MinuteDemand) -> Level:
    """Return a minute's integral."""
    return Level(
        minute.cpu_millicore_ms, minute.memory_kib_ms, minute.storage_kib_ms, minute.network_byte_ms
    )


class PoolMinutes(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """Demand of one pool, as far as told.

    Parameters
    ----------
    partitions
        How many profile partitions there are; nothing is closed before all have spoken.
    open_minute
        First minute that is not closed.
    sources
        What each partition has told.
    changed
        Whether anything happened since a forecast was last due.
    expected
        By hour that is not closed, the launches that users' profiles let expect.
    """

    partitions: int
    open_minute: int
    sources: dict[int, Source]
    changed: bool = False
    expected: dict[int, float] = {}

    def would_close(self, observed: DemandObserved) -> int:
        """Return how many minutes would be closed if a partition said this; changes nothing."""
        through, number = observed.closed_through // MINUTE_MS, observed.source_partition
        closed = {n: source.closed for n, source in self.sources.items()}
        begins = [self.open_minute] if self.sources else []
        if number not in closed:
            begins.append(min(times_of(observed)) // MINUTE_MS)
        closed[number] = max(through, closed.get(number, through))
        return min(closed.values()) - min(begins) if len(closed) >= self.partitions else 0

    def tell(self, observed: DemandObserved) -> bool:
        """Take what a partition says that it has not said before; tell whether there was any.

        After a crash minutes are closed again, and others with them: heartbeats and activity come
        in another order, and one message may then say what two had said.
        """
        closed = observed.closed_through // MINUTE_MS
        source = self.sources.get(observed.source_partition) or self._first_of(observed)
        if closed <= source.closed:
            return False
        source.pending.extend(m for m in observed.minutes if m.time // MINUTE_MS >= source.closed)
        hour = closed // HOUR_MINUTES
        if observed.expected_launches > 0.0 and source.closed // HOUR_MINUTES < hour:
            self.expected[hour] = self.expected.get(hour, 0.0) + observed.expected_launches
        source.closed = closed
        return True

    def _first_of(self, observed: DemandObserved) -> Source:
        """Begin with a partition, at the first minute that it tells of."""
        first = min(times_of(observed)) // MINUTE_MS
        if not self.open_minute or first < self.open_minute:
            self.open_minute = first
        source = self.sources[observed.source_partition] = Source(-1, NOTHING, [])
        return source

    def expected_of(self, hour: int) -> float:
        """Return the launches expected in an hour, and forget those before it."""
        for past in [h for h in self.expected if h < hour]:
            del self.expected[past]
        return self.expected.get(hour, 0.0)

    def close(self) -> Iterator[Stretch]:
        """Give the minutes that all partitions have closed, in order, each once.

        Idle minutes are given as one stretch up to the next change or mark, and not before that is
        reached: how they are cut must not depend on when partitions spoke.
        """
        if len(self.sources) < self.partitions:
            return
        through = min(source.closed for source in self.sources.values())
        while self.open_minute < through:
            stretch = self._next(through)
            if stretch.last >= through:
                return
            self.open_minute = stretch.last + 1
            self.changed = (stretch.is_change or self.changed) and not stretch.is_due
            yield stretch

    def _next(self, through: int) -> Stretch:
        first = self.open_minute
        changes = [s.pending[0].time // MINUTE_MS for s in self.sources.values() if s.pending]
        next_change = min(changes, default=through + HOUR_MINUTES)
        if next_change <= first:
            return self._changed_minute(first)
        mark = (first // MARK_MINUTES + 1) * MARK_MINUTES
        until = min(next_change, mark)
        is_mark = until == mark
        is_due = is_mark and (self.changed or mark % HOUR_MINUTES == 0)
        level = NOTHING
        for source in self.sources.values():
            level = level.plus(source.level)
        integral = level.times(MINUTE_MS)
        return Stretch(first, until - first, 0, integral, is_mark, is_due, is_change=False)

    def _changed_minute(self, minute: int) -> Stretch:
        launches, total = 0, NOTHING
        for source in self.sources.values():
            if source.pending and source.pending[0].time // MINUTE_MS <= minute:
                told = source.pending.pop(0)
                launches += told.launches
                total = total.plus(integral_of(told))
                source.level = level_of(told)
            else:
                total = total.plus(source.level.times(MINUTE_MS))
        is_mark = (minute + 1) % MARK_MINUTES == 0
        return Stretch(minute, 1, launches, total, is_mark, is_mark, is_change=True)
