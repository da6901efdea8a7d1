"""The agent of the population: one writer that merges the partitions' hours."""

from typing import Any

from schemas.codec import Codec
from schemas.crash_points import WorkerPoint, reached
from schemas.records import PopulationPartial
from schemas.topics import POPULATION_PARTIALS
from streams.pipeline.eventtime import HOUR_MS
from streams.pipeline.population import PopulationFold
from streams.runtime.guard import PoisonError, refuse_future, refuse_partition
from streams.runtime.sender import Sender
from streams.runtime.settlement import Stage
from streams.runtime.state_tables import StateTable

STATE = b"state"


class PopulationStage(Stage):
    """Partitions' hourly statistics in; whole hours out."""

    def __init__(
        self, codec: Codec, sender: Sender, table: StateTable, partitions: int, floor: int
    ) -> None:
        super().__init__()
        self._codec = codec
        self._sender = sender
        self._table = table
        self._partitions = partitions
        self._floor = floor
        self._fold: PopulationFold | None = None
        self._rank = 0

    async def step(self, event: Any) -> None:
        """Apply one message."""
        async with self._busy:
            fold = self._load()
            fold.floor = self._floor
            try:
                value = event.message.value
                partial = self._codec.decode(POPULATION_PARTIALS, value, PopulationPartial)
                self._check(partial, event.message)
                outputs = fold.apply(partial)
            except ValueError as error:
                raise PoisonError(str(error)) from error
            self._fold, self._rank = fold, event.message.offset + 1
            await self._sender.send(outputs)

    def _check(self, partial: PopulationPartial, message: Any) -> None:
        """Refuse what no partition says: it would be waited for, or have said all there is."""
        refuse_partition(partial.partition, self._partitions)
        refuse_future((partial.hour + 1) * HOUR_MS, message)

    def _forget(self) -> None:
        self._fold = None

    async def _settle(self) -> None:
        await self._sender.settle()
        if self._fold is not None and self._rank:
            reached(WorkerPoint.POPULATION_OUTPUTS_DURABLE)
            await self._table.put(0, STATE, self._rank, self._fold.to_bytes())
            await self._sender.settle()
            reached(WorkerPoint.POPULATION_STATE_DURABLE)
            self._rank = 0

    def _load(self) -> PopulationFold:
        if self._fold is not None:
            return self._fold
        data = self._table.get(STATE)
        if data is None:
            return PopulationFold.empty(self._partitions)
        return PopulationFold.from_bytes(data, self._partitions)
