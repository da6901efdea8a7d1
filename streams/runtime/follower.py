"""Follows a one-partition topic to its end in every worker, beside Faust's group.

What every worker needs the whole of a group would split, so it is read with a consumer of its own
that belongs to no group.
"""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.connection import aiokafka_config
from schemas.settings import Settings
from schemas.topics import Topic

FETCH_WAIT_MS = 50


class Follower:
    """Reads a topic from its beginning for ever; subclasses say what `take` does with a message."""

    def __init__(self, settings: Settings, topic: Topic) -> None:
        self._partition = TopicPartition(settings.topic(topic.name), 0)
        self._asker: Any = None
        self._settings = settings
        self._read = 0
        self._advanced = asyncio.Condition()
        self._started = asyncio.Event()

    async def run(self) -> None:
        """Read for ever; `caught_up` waits until this has begun."""
        consumer = AIOKafkaConsumer(
            **aiokafka_config(self._settings), auto_offset_reset="earliest",
            enable_auto_commit=False, fetch_max_wait_ms=FETCH_WAIT_MS,
        )  # fmt: skip
        await consumer.start()
        consumer.assign([self._partition])
        await consumer.seek_to_beginning(self._partition)
        self._read = await consumer.position(self._partition)
        # A broker answers a connection's requests in turn: on the reader's own, the question for
        # the end would wait for the fetch under way, 40 ms instead of 1.
        self._asker = AIOKafkaConsumer(**aiokafka_config(self._settings))
        await self._asker.start()
        self._started.set()
        try:
            while True:
                await self._poll(consumer)
        finally:
            await consumer.stop()
            await self._asker.stop()

    async def caught_up(self) -> None:
        """Return once everything that is on the topic now has been read."""
        await self._started.wait()
        ends = await self._asker.end_offsets([self._partition])
        async with self._advanced:
            await self._advanced.wait_for(lambda: self._read >= ends[self._partition])

    def take(self, message: Any) -> None:
        """Use one message."""
        raise NotImplementedError

    async def _poll(self, consumer: Any) -> None:
        batches = await consumer.getmany(self._partition, timeout_ms=FETCH_WAIT_MS)
        for message in batches.get(self._partition, []):
            self.take(message)
        async with self._advanced:
            self._read = await consumer.position(self._partition)
            self._advanced.notify_all()
