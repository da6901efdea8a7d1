"""The agent of the pools: feeds each pool's fold and carries out its steps."""

from typing import Any

from schemas.codec import Codec, UndecodableError
from schemas.records import DemandObserved
from schemas.topics import DEMAND_OBSERVED
from streams.pipeline.eventtime import HOUR_MS
from streams.pipeline.pool_state import PoolState
from streams.pipeline.pools import PoolFold
from streams.pipeline.resources import RESOURCES
from streams.runtime.calendar_reader import CalendarReader
from streams.runtime.guard import PoisonError
from streams.runtime.sender import Sender


class PoolStage:
    """Observed demand in; forecasts and judged hours out."""

    def __init__(
        self, codec: Codec, sender: Sender, calendar: CalendarReader, table: Any, partitions: int
    ) -> None:
        self._codec = codec
        self._sender = sender
        self._calendar = calendar
        self._read_for_hour = -1
        self._shown: dict[str, tuple[int, int]] = {}
        self._table = table
        self._partitions = partitions
        self._folds: dict[str, tuple[bytes | None, PoolFold]] = {}

    def forget_partitions(self) -> None:
        """Drop what was derived from the table: after a rebalance it may hold something else."""
        self._folds.clear()
        self._shown.clear()

    async def step(self, event: Any) -> None:
        """Apply one message: outputs first, then the history they rest on, then the state."""
        try:
            observed = self._codec.decode(DEMAND_OBSERVED, event.message.value, DemandObserved)
        except UndecodableError as error:
            raise PoisonError(str(error)) from error
        if not 0 <= observed.source_partition < self._partitions:
            raise PoisonError(f"no partition {observed.source_partition} of telemetry")
        fold = self._fold(observed.pool)
        step = fold.apply(observed)
        await self._sender.send(step.outputs)
        for number, data in step.chunks.items():
            self._table[_chunk_key(observed.pool, number)] = data
        if step.chunks:
            await self._sender.durable()
        await self._show_calendar(observed.pool, fold, observed.closed_through)
        self._save(observed.pool, fold)

    async def _show_calendar(self, pool: str, fold: PoolFold, time_ms: int) -> None:
        """Once an hour of event time, read all that was announced up to now.

        Between, the calendar is taken over only where a record has come: it costs 1 us an event.
        """
        hour = time_ms // HOUR_MS
        if hour != self._read_for_hour:
            await self._calendar.caught_up()
            self._read_for_hour = hour
        shown = hour, self._calendar.version
        if self._shown.get(pool) != shown:
            fold.adopt(self._calendar.events(time_ms))
            self._shown[pool] = shown

    def _fold(self, pool: str) -> PoolFold:
        data = self._table.get(_state_key(pool))
        known = self._folds.get(pool)
        if known is not None and known[0] is data:
            return known[1]
        if data is None:
            state = PoolState.empty(self._partitions, len(RESOURCES))
        else:
            state = PoolState.from_bytes(data)
        return PoolFold(pool, state, lambda number: self._table.get(_chunk_key(pool, number)))

    def _save(self, pool: str, fold: PoolFold) -> None:
        data = fold.save()
        self._table[_state_key(pool)] = data
        self._folds[pool] = (data, fold)


def _state_key(pool: str) -> bytes:
    return b"state/" + pool.encode()


def _chunk_key(pool: str, number: int) -> bytes:
    return b"hours/%d/" % number + pool.encode()
