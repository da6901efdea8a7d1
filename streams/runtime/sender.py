"""Sends outputs and waits until the broker has them all."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from infra.observe import tracing
from infra.observe import worker as metrics
from schemas import cloudevents, dead_letters
from schemas.codec import Codec
from schemas.crash_points import WorkerPoint, reached
from schemas.records import DemandForecast, DemandObserved
from schemas.settings import Settings
from schemas.topics import Topic
from schemas.topics import dead_letters as dead_letters_of
from streams.pipeline.outputs import Output
from streams.runtime.outbox import Outbox


class Sender:
    """Puts a fold's outputs on their topics.

    Parameters
    ----------
    outbox
        Takes the messages.
    codec, settings
        How records become bytes, and what topics are called.
    may_send
        Called before anything is sent; ends the process where nothing may be sent any more.
    """

    def __init__(
        self, outbox: Outbox, codec: Codec, settings: Settings, may_send: Callable[[], None]
    ) -> None:
        self._outbox = outbox
        self._codec = codec
        self._settings = settings
        self._full_name = cache(settings.topic)  # there are some forty
        self._may_send = may_send

    async def send(self, outputs: Sequence[Output]) -> None:
        """Send outputs; they are durable once the sender has settled."""
        traced = (tracing.headers() or []) if outputs else []
        for number, output in enumerate(outputs):
            if number == 1:
                reached(WorkerPoint.AMID_OUTPUTS)
            name = self._full_name(output.topic.name)
            value, told = None, cloudevents.Headers()
            if output.record is not None:
                value = self._codec.encode(output.topic, output.record)
                told = cloudevents.headers(output.record, self._settings.topic_prefix)
            await self.start(name, output.key.encode(), value, headers=[*told, *traced])
            _count(output)

    async def start(
        self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None,
        headers: Any = None,
    ) -> None:  # fmt: skip
        """Send bytes; they are durable once the sender has settled."""
        self._may_send()
        await self._outbox.put(topic, key, value, partition, headers)

    async def settle(self) -> None:
        """Return once all that was sent is durable; raises what the outbox raises."""
        await self._outbox.settle()

    async def bury(self, event: Any, topic: Topic, error: Exception) -> None:
        """Put a message on its topic's dead letters and return once it is durable there."""
        message = event.message
        headers = dead_letters.headers(
            error, message.topic, message.partition, message.offset, topic.name
        )
        kept = list(message.headers or ())
        await self.send_raw(dead_letters_of(topic), message.key, message.value, [*kept, *headers])
        reached(WorkerPoint.LETTER_DURABLE)
        metrics.DEAD_LETTERS.labels(topic.name).inc()

    async def bury_state(self, topic: Topic, key: bytes, data: bytes) -> None:
        """Put a saved state that can't be used on the dead letters of the topic it came from."""
        error = ValueError("saved state could not be used")
        headers = dead_letters.headers(error, topic.name, -1, -1, "state")
        await self.send_raw(dead_letters_of(topic), key, data, headers)

    async def send_raw(
        self, topic: Topic, key: bytes | None, value: bytes | None,
        headers: list[tuple[str, bytes]],
    ) -> None:  # fmt: skip
        """Send a message as it is, with headers, and return once it is durable."""
        await self.start(self._settings.topic(topic.name), key, value, headers=headers)
        await self.settle()


_sent = cache(metrics.OUTPUTS.labels)  # looking a label up takes longer than counting


def _count(output: Output) -> None:
    _sent(output.topic.name).inc()
    record = output.record
    if isinstance(record, DemandObserved):
        mark = metrics.CLOSED_THROUGH.labels(str(record.source_partition))
        mark.set(record.closed_through / 1000)
    elif isinstance(record, DemandForecast):
        metrics.FORECAST_MADE.set(record.made_at / 1000)
