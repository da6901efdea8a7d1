"""The agent of incidents: one writer for all alerts, and for what people say of them."""

from typing import Any

from schemas.codec import Codec, UndecodableError
from schemas.crash_points import WorkerPoint, reached
from schemas.records import AlertFeedback, AnomalyObservation
from schemas.settings import Settings
from schemas.topics import ALERTS_FEEDBACK, ANOMALIES_OBSERVED
from streams.pipeline.desk import AlertDesk
from streams.pipeline.outputs import Output
from streams.runtime.guard import PoisonError
from streams.runtime.sender import Sender
from streams.runtime.settlement import Stage
from streams.runtime.state_tables import StateTable

STATE = b"state"


class AlertStage(Stage):
    """Judged points and people's opinions in; alerts out."""

    def __init__(self, settings: Settings, codec: Codec, sender: Sender, table: StateTable) -> None:
        super().__init__()
        self._feedback = settings.topic(ALERTS_FEEDBACK.name)
        self._per_day = settings.alerts_per_day
        self._codec = codec
        self._sender = sender
        self._table = table
        self._desk: AlertDesk | None = None
        self._is_changed = False

    async def step(self, event: Any) -> None:
        """Apply one message."""
        async with self._busy:
            desk = self._desk or self._load()
            try:
                outputs = self._apply(desk, event.message)
            except (UndecodableError, ValueError) as error:
                raise PoisonError(str(error)) from error
            self._desk, self._is_changed = desk, True
            await self._sender.send(outputs)

    def _forget(self) -> None:
        self._desk = None

    async def _settle(self) -> None:
        await self._sender.settle()
        if self._desk is not None and self._is_changed:
            reached(WorkerPoint.ALERTS_OUTPUTS_DURABLE)
            # Two topics move it, so its rank is how often it was saved.
            rank = self._table.rank(STATE) + 1
            await self._table.put(0, STATE, rank, self._desk.to_bytes())
            await self._sender.settle()
            reached(WorkerPoint.ALERTS_STATE_DURABLE)
            self._is_changed = False

    def _apply(self, desk: AlertDesk, message: Any) -> list[Output]:
        if message.topic == self._feedback:
            said = self._codec.decode(ALERTS_FEEDBACK, message.value, AlertFeedback)
            desk.feedback(said, message.offset)
            return []
        point = self._codec.decode(ANOMALIES_OBSERVED, message.value, AnomalyObservation)
        return desk.observe(point)

    def _load(self) -> AlertDesk:
        data = self._table.get(STATE)
        return AlertDesk.from_bytes(data, self._per_day) if data else AlertDesk(self._per_day)
