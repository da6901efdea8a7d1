"""The agent of incidents: one writer for all alerts, and for what people say of them."""

from typing import Any

from schemas.codec import Codec, UndecodableError
from schemas.records import AlertFeedback, AnomalyObservation
from schemas.settings import Settings
from schemas.topics import ALERTS_FEEDBACK, ANOMALIES_OBSERVED
from streams.pipeline.desk import AlertDesk
from streams.pipeline.outputs import Output
from streams.runtime.guard import PoisonError
from streams.runtime.sender import Sender

STATE = b"state"


class AlertStage:
    """Judged points and people's opinions in; alerts out."""

    def __init__(self, settings: Settings, codec: Codec, sender: Sender, table: Any) -> None:
        self._feedback = settings.topic(ALERTS_FEEDBACK.name)
        self._per_day = settings.alerts_per_day
        self._codec = codec
        self._sender = sender
        self._table = table
        self._known: tuple[bytes | None, AlertDesk] | None = None

    async def step(self, event: Any) -> None:
        """Apply one message: alerts first, durable, then the state that knows of them."""
        desk = self._desk()
        try:
            outputs = self._apply(desk, event.message)
        except (UndecodableError, ValueError) as error:
            raise PoisonError(str(error)) from error
        await self._sender.send(outputs)
        data = desk.to_bytes()
        self._table[STATE] = data
        self._known = (data, desk)

    def forget_partitions(self) -> None:
        """Drop what was derived from the table: after a rebalance it may hold something else."""
        self._known = None

    def _apply(self, desk: AlertDesk, message: Any) -> list[Output]:
        if message.topic == self._feedback:
            said = self._codec.decode(ALERTS_FEEDBACK, message.value, AlertFeedback)
            desk.feedback(said, message.offset)
            return []
        point = self._codec.decode(ANOMALIES_OBSERVED, message.value, AnomalyObservation)
        return desk.observe(point)

    def _desk(self) -> AlertDesk:
        data = self._table.get(STATE)
        if self._known is not None and self._known[0] is data:
            return self._known[1]
        return AlertDesk.from_bytes(data, self._per_day) if data else AlertDesk(self._per_day)
