"""What demand really was, by minute and hour: demand.observed added up as the pipeline does it."""

from typing import Literal

from schemas.records import DemandObserved
from streams.dashboard.newest import Newest
from streams.dashboard.reserves import POOLS_KEPT
from streams.dashboard.rows import Rows
from streams.pipeline.eventtime import HOUR_MINUTES, HOUR_MS, MINUTE_MS
from streams.pipeline.level import NOTHING
from streams.pipeline.pool_minutes import MOST_MINUTES, PoolMinutes, Stretch, check
from streams.pipeline.resources import RESOURCES, values
from streams.runtime.guard import refuse_partition

MINUTES_KEPT = 180
HOURS_KEPT = 15 * 24

Row = tuple[float, ...]
Closed = tuple[Literal["minute", "hour"], int, Row]  # which, its time, its values


class PoolActuals:
    """One pool: the last minutes and hours, a row of resources each.

    Levels of partitions that have not spoken since the feed began are unknown; so nothing counts
    before each partition has.
    """

    def __init__(self, partitions: int) -> None:
        self._minutes = PoolMinutes(partitions, 0, {})
        self._complete_from = 0
        self._launches, self._integral, self._added = 0, NOTHING, 0
        self.by_minute = Rows(1 + len(RESOURCES), MINUTES_KEPT)
        self.by_hour = Rows(1 + len(RESOURCES), HOURS_KEPT)

    def add(self, observed: DemandObserved) -> list[Closed]:
        """Take what one partition saw; return what closed.

        Raises
        ------
        ValueError
            For what the workers bury: nothing of it is kept.
        """
        check(observed)
        if self._minutes.would_close(observed) > MOST_MINUTES:
            raise ValueError("more years to close than can be at once")
        if observed.source_partition not in self._minutes.sources:
            first = observed.closed_through // MINUTE_MS
            self._complete_from = max(self._complete_from, first)
        closed: list[Closed] = []
        if self._minutes.tell(observed):
            for stretch in self._minutes.close():
                self._close(stretch, closed)
        return closed

    def _close(self, stretch: Stretch, closed: list[Closed]) -> None:
        row = values(stretch.launches, stretch.integral, MINUTE_MS)
        self._launches += stretch.launches
        self._integral = self._integral.plus(stretch.integral.times(stretch.minutes))
        self._added += stretch.minutes
        for minute in range(stretch.first, stretch.last + 1):
            if minute >= self._complete_from:
                self.by_minute.add((minute * MINUTE_MS, *row))
                closed.append(("minute", minute * MINUTE_MS, row))
        if (stretch.last + 1) % HOUR_MINUTES == 0:
            self._close_hour(stretch.last // HOUR_MINUTES, closed)

    def _close_hour(self, hour: int, closed: list[Closed]) -> None:
        is_whole = self._added == HOUR_MINUTES and hour * HOUR_MINUTES >= self._complete_from
        if is_whole:
            row = values(self._launches, self._integral, HOUR_MS)
            self.by_hour.add((hour * HOUR_MS, *row))
            closed.append(("hour", hour * HOUR_MS, row))
        self._launches, self._integral, self._added = 0, NOTHING, 0


class Actuals:
    """All pools.

    Parameters
    ----------
    partitions
        Profile partitions, each of which has to speak before a minute is closed.
    """

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._pools = Newest[str, PoolActuals](POOLS_KEPT)
        self.watermarks: dict[int, int] = {}

    def take(self, observed: DemandObserved) -> list[Closed]:
        """Keep what one partition saw of a pool; return what closed.

        Raises
        ------
        ValueError
            For what the workers bury.
        """
        number = observed.source_partition
        refuse_partition(number, self._partitions)
        pool = self._pools.get(observed.pool) or PoolActuals(self._partitions)
        closed = pool.add(observed)
        self._pools.put(observed.pool, pool)
        self.watermarks[number] = max(self.watermarks.get(number, 0), observed.closed_through)
        return closed

    def series(self, pool: str, resource: str, unit: str) -> list[tuple[int, float]]:
        """Return time and value, `unit` being minute or hour, oldest first."""
        known = self._pools.get(pool)
        if known is None or resource not in RESOURCES:
            return []
        number = RESOURCES.index(resource)
        rows = known.by_minute if unit == "minute" else known.by_hour
        return [(int(row[0]), row[1 + number]) for row in rows]
