"""The agent of the total: one writer that adds up what all pools tell."""

from collections.abc import Sequence
from typing import Any

import structlog

from schemas.codec import Codec, UndecodableError
from schemas.crash_points import WorkerPoint, reached
from schemas.records import DemandPartial
from schemas.topics import DEMAND_PARTIALS
from streams.pipeline.tellings import check
from streams.pipeline.total import TotalFold
from streams.pipeline.total_state import TotalState
from streams.runtime.guard import PoisonError, refuse_future
from streams.runtime.sender import Sender
from streams.runtime.settlement import Stage
from streams.runtime.state_tables import StateTable

log = structlog.get_logger()
STATE = b"state"


class TotalStage(Stage):
    """What pools tell in; forecasts of their total out."""

    def __init__(
        self, codec: Codec, sender: Sender, table: StateTable, pools: Sequence[str]
    ) -> None:
        super().__init__()
        self._codec = codec
        self._sender = sender
        self._table = table
        self._pools = tuple(pools)
        self._fold: TotalFold | None = None
        self._rank = 0
        self._chunks: dict[int, bytes] = {}

    async def step(self, event: Any) -> None:
        """Apply one message."""
        try:
            told = self._codec.decode(DEMAND_PARTIALS, event.message.value, DemandPartial)
            check(told)
        except (UndecodableError, ValueError) as error:
            raise PoisonError(str(error)) from error
        refuse_future(told.made_at, event.message)
        async with self._busy:
            self._fold = self._fold or self._load()
            step = self._fold.apply(told)
            self._chunks |= step.chunks
            self._rank = event.message.offset + 1
            await self._sender.send(step.outputs)
        if step.given_up:
            log.warning("the total goes on without pools that are silent", pools=step.given_up)

    def _forget(self) -> None:
        self._fold = None

    async def _settle(self) -> None:
        await self._sender.settle()
        if self._fold is None or not self._rank:
            return
        reached(WorkerPoint.TOTAL_OUTPUTS_DURABLE)
        for number, data in self._chunks.items():
            await self._table.put(0, _chunk_key(number), self._rank, data)
        await self._sender.settle()
        reached(WorkerPoint.TOTAL_HOURS_DURABLE)
        await self._table.put(0, STATE, self._rank, self._fold.save())
        await self._sender.settle()
        reached(WorkerPoint.TOTAL_STATE_DURABLE)
        self._rank = 0
        self._chunks.clear()

    def _load(self) -> TotalFold:
        data = self._table.get(STATE)
        state = TotalState.empty() if data is None else TotalState.from_bytes(data)
        return TotalFold(self._pools, state, lambda n: self._table.get(_chunk_key(n)))


def _chunk_key(number: int) -> bytes:
    return b"hours/%d" % number
