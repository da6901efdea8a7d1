"""The agent of the service: judges from reserve.status how pools are served."""

from typing import Any

from schemas.codec import Codec, UndecodableError
from schemas.records import ReserveStatus
from schemas.topics import RESERVE_STATUS
from streams.pipeline.service_watch import ServiceWatch
from streams.runtime.guard import PoisonError
from streams.runtime.sender import Sender


class ServiceStage:
    """Statuses of the reserve in; judged hours out."""

    def __init__(self, codec: Codec, sender: Sender, table: Any) -> None:
        self._codec = codec
        self._sender = sender
        self._table = table

    async def step(self, event: Any) -> None:
        """Apply one message: outputs first, durable, then the state that knows of them."""
        try:
            status = self._codec.decode(RESERVE_STATUS, event.message.value, ReserveStatus)
        except UndecodableError as error:
            raise PoisonError(str(error)) from error
        key = status.pool.encode()
        before = self._table.get(key) or b""
        watch = ServiceWatch(status.pool, before)
        await self._sender.send(watch.apply(status))
        after = watch.save()
        if after != before:
            self._table[key] = after
