"""The agent of the service: judges from reserve.status how pools are served."""

from typing import Any

from schemas.codec import Codec, UndecodableError
from schemas.crash_points import WorkerPoint, reached
from schemas.records import ReserveStatus
from schemas.topics import RESERVE_STATUS
from streams.pipeline.service_watch import ServiceWatch
from streams.runtime.guard import PoisonError
from streams.runtime.sender import Sender
from streams.runtime.settlement import Stage
from streams.runtime.state_tables import StateTable


class ServiceStage(Stage):
    """Statuses of the reserve in; judged hours out."""

    def __init__(self, codec: Codec, sender: Sender, table: StateTable) -> None:
        super().__init__()
        self._codec = codec
        self._sender = sender
        self._table = table
        self._states: dict[str, bytes] = {}
        self._changed: dict[str, tuple[int, int]] = {}

    async def step(self, event: Any) -> None:
        """Apply one message."""
        try:
            status = self._codec.decode(RESERVE_STATUS, event.message.value, ReserveStatus)
        except UndecodableError as error:
            raise PoisonError(str(error)) from error
        async with self._busy:
            before = self._states.get(status.pool) or self._table.get(status.pool.encode()) or b""
            watch = ServiceWatch(status.pool, before)
            outputs = watch.apply(status)
            self._states[status.pool] = watch.save()
            self._changed[status.pool] = event.message.partition, event.message.offset + 1
            await self._sender.send(outputs)

    def _forget(self) -> None:
        self._states.clear()

    async def _settle(self) -> None:
        await self._sender.settle()
        if not self._changed:
            return
        reached(WorkerPoint.SERVICE_OUTPUTS_DURABLE)
        for pool, (partition, rank) in self._changed.items():
            await self._table.put(partition, pool.encode(), rank, self._states[pool])
        self._changed.clear()
        await self._sender.settle()
        reached(WorkerPoint.SERVICE_STATE_DURABLE)
