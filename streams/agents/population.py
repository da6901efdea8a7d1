"""The agent of the population: one writer that merges the partitions' hours."""

from typing import Any

from schemas.codec import Codec
from schemas.records import PopulationPartial
from schemas.topics import POPULATION_PARTIALS
from streams.pipeline.population import PopulationFold
from streams.runtime.guard import PoisonError
from streams.runtime.sender import Sender

STATE = b"state"


class PopulationStage:
    """Partitions' hourly statistics in; whole hours out."""

    def __init__(self, codec: Codec, sender: Sender, table: Any, partitions: int) -> None:
        self._codec = codec
        self._sender = sender
        self._table = table
        self._partitions = partitions

    async def step(self, event: Any) -> None:
        """Apply one message: first the outputs, durable, then the state that knows of them."""
        fold = self._load()
        try:
            value = event.message.value
            partial = self._codec.decode(POPULATION_PARTIALS, value, PopulationPartial)
            outputs = fold.apply(partial)
        except ValueError as error:
            raise PoisonError(str(error)) from error
        await self._sender.send(outputs)
        self._table[STATE] = fold.to_bytes()

    def _load(self) -> PopulationFold:
        data = self._table.get(STATE)
        if data is None:
            return PopulationFold.empty(self._partitions)
        return PopulationFold.from_bytes(data, self._partitions)
