"""The agent of the pools: feeds each pool's fold and carries out its steps."""

from dataclasses import dataclass, field
from typing import Any

from schemas.codec import Codec, UndecodableError
from schemas.crash_points import WorkerPoint, reached
from schemas.records import DemandObserved
from schemas.topics import DEMAND_OBSERVED
from streams.pipeline.eventtime import HOUR_MS
from streams.pipeline.pool_minutes import MOST_MINUTES, check, times_of
from streams.pipeline.pool_state import PoolState
from streams.pipeline.pools import PoolFold
from streams.pipeline.resources import RESOURCES
from streams.runtime.calendar_reader import CalendarReader
from streams.runtime.guard import PoisonError, refuse_future, refuse_partition
from streams.runtime.sender import Sender
from streams.runtime.settlement import Stage
from streams.runtime.state_tables import StateTable


@dataclass(slots=True)
class _Work:
    """A pool that is worked on, and what of it is not durable yet."""

    fold: PoolFold
    partition: int
    rank: int = 0
    shown: tuple[int, int] | None = None
    chunks: dict[int, bytes] = field(default_factory=dict)


class PoolStage(Stage):
    """Observed demand in; forecasts and judged hours out."""

    def __init__(
        self, codec: Codec, sender: Sender, calendar: CalendarReader, table: StateTable,
        partitions: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self._codec = codec
        self._sender = sender
        self._calendar = calendar
        self._read_for_hour = -1
        self._table = table
        self._partitions = partitions
        self._pools: dict[str, _Work] = {}

    async def step(self, event: Any) -> None:
        """Apply one message."""
        try:
            observed = self._codec.decode(DEMAND_OBSERVED, event.message.value, DemandObserved)
            check(observed)
        except (UndecodableError, ValueError) as error:
            raise PoisonError(str(error)) from error
        refuse_partition(observed.source_partition, self._partitions)
        refuse_future(max(times_of(observed)), event.message)
        async with self._busy:
            work = await self._work(observed, event.message.partition)
            if work.fold.state.minutes.would_close(observed) > MOST_MINUTES:
                raise PoisonError("more years to close than can be at once")
            step = work.fold.apply(observed)
            work.chunks |= step.chunks
            work.rank = event.message.offset + 1
            await self._sender.send(step.outputs)

    async def _show_calendar(self, work: _Work, time_ms: int) -> None:
        """Let a pool know the calendar as it is now, for the messages that follow.

        This is done when its state is saved and at no other time: what comes again after a crash
        then meets the calendar that it met at first. Once an hour of event time all that was
        announced is read before; between, a record counts once it has come.
        """
        hour = time_ms // HOUR_MS
        if hour != self._read_for_hour:
            await self._calendar.caught_up()
            self._read_for_hour = hour
        shown = hour, self._calendar.version
        if work.shown != shown:
            work.fold.adopt(self._calendar.events(time_ms), time_ms)
            work.shown = shown

    def _forget(self) -> None:
        self._pools.clear()

    async def _settle(self) -> None:
        await self._sender.settle()
        changed = {pool: work for pool, work in self._pools.items() if work.rank}
        if not changed:
            return
        reached(WorkerPoint.POOLS_OUTPUTS_DURABLE)
        for pool, work in changed.items():
            for number, data in work.chunks.items():
                await self._table.put(work.partition, _chunk_key(pool, number), work.rank, data)
        await self._sender.settle()
        reached(WorkerPoint.POOLS_HOURS_DURABLE)
        for pool, work in changed.items():
            await self._show_calendar(work, work.fold.now_ms)
            await self._table.put(work.partition, _state_key(pool), work.rank, work.fold.save())
            work.rank = 0
            work.chunks.clear()
        await self._sender.settle()
        reached(WorkerPoint.POOLS_STATE_DURABLE)

    async def _work(self, observed: DemandObserved, partition: int) -> _Work:
        pool = observed.pool
        if pool not in self._pools:
            data = self._table.get(_state_key(pool))
            if data is None:
                state = PoolState.empty(self._partitions, len(RESOURCES))
            else:
                state = PoolState.from_bytes(data)
            fold = PoolFold(pool, state, lambda number: self._table.get(_chunk_key(pool, number)))
            self._pools[pool] = _Work(fold, partition)
            if data is None:
                await self._show_calendar(self._pools[pool], min(times_of(observed)))
        return self._pools[pool]


def _state_key(pool: str) -> bytes:
    return b"state/" + pool.encode()


def _chunk_key(pool: str, number: int) -> bytes:
    return b"hours/%d/" % number + pool.encode()
