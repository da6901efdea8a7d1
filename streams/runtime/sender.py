"""Sends outputs and waits until the broker has them all."""

import asyncio
from collections.abc import Sequence
from typing import Any

from infra.observe import tracing
from infra.observe import worker as metrics
from schemas import dead_letters
from schemas.codec import Codec
from schemas.records import DemandForecast, DemandObserved
from schemas.settings import Settings
from schemas.topics import Topic
from schemas.topics import dead_letters as dead_letters_of
from streams.pipeline.outputs import Output


class Sender:
    """Puts a fold's outputs on their topics.

    Parameters
    ----------
    app
        The Faust app whose producer is used, so that its flush before a commit covers them.
    codec, settings
        How records become bytes, and what topics are called.
    """

    def __init__(self, app: Any, codec: Codec, settings: Settings) -> None:
        self._app = app
        self._codec = codec
        self._settings = settings

    async def send(self, outputs: Sequence[Output]) -> None:
        """Send all and return once they are durable; raises what the producer raises."""
        if outputs:
            sent = [
                await self._start(o.topic, o.key, self._codec.encode(o.topic, o.record))
                for o in outputs
            ]
            await asyncio.gather(*sent)
            for output in outputs:
                _count(output)

    async def bury(self, event: Any, topic: Topic, error: Exception) -> None:
        """Put a message on its topic's dead letters and return once it is durable there."""
        message = event.message
        headers = dead_letters.headers(
            error, message.topic, message.partition, message.offset, topic.name
        )
        kept = list(message.headers or ())
        await self.send_raw(dead_letters_of(topic), message.key, message.value, [*kept, *headers])
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
        producer = await self._producer()
        name = self._settings.topic(topic.name)
        await producer.send_and_wait(name, key, value, None, None, headers)

    async def durable(self) -> None:
        """Return once everything written so far, changelogs too, is durable."""
        producer = await self._producer()
        await producer.flush()

    async def _start(self, topic: Topic, key: str, value: bytes) -> Any:
        producer = await self._producer()
        name = self._settings.topic(topic.name)
        return await producer.send(name, key.encode(), value, None, None, tracing.headers())

    async def _producer(self) -> Any:
        return await self._app.maybe_start_producer()


def _count(output: Output) -> None:
    metrics.OUTPUTS.labels(output.topic.name).inc()
    record = output.record
    if isinstance(record, DemandObserved):
        mark = metrics.CLOSED_THROUGH.labels(str(record.source_partition))
        mark.set(record.closed_through / 1000)
    elif isinstance(record, DemandForecast):
        metrics.FORECAST_MADE.set(record.made_at / 1000)
