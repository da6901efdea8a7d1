"""Reads long changelogs in bulk when a worker takes partitions over.

Faust takes each record through its consumer, a queue and a task of its own, which bounds a restart
with many users. Here librdkafka fetches and unpacks beside, and records are taken in by thousands;
what is left, and every short changelog, Faust reads as ever.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition
from faust.tables.recovery import Recovery

from schemas.connection import reading_config
from schemas.settings import Settings

# A shorter changelog is read before another consumer has begun.
LEAST = 5_000
CHUNK = 2_000
WAIT_S = 1.0
# Waits in a row without a record, after which the rest is left to Faust: markers of transactions
# take offsets too.
MOST_WAITS = 5
# Faust gives this step a minute (broker_request_timeout); the rest is left to it.
DEADLINE_S = 45.0

log = structlog.get_logger()


class BulkRecovery(Recovery):  # type: ignore[misc]
    """Faust's recovery, which first reads in bulk what it would read record by record.

    Parameters
    ----------
    settings
        Where Kafka is.
    app, tables
        Faust's.
    """

    def __init__(self, settings: Settings, app: Any, tables: Any, **kwargs: Any) -> None:
        self._settings = settings
        super().__init__(app, tables, **kwargs)

    async def _build_offsets(self, consumer: Any, tps: Any, destination: Any, title: str) -> None:
        """Let Faust find where each partition's reading begins, and move that on."""
        await super()._build_offsets(consumer, tps, destination, title)
        end_s = time.monotonic() + DEADLINE_S
        for tp in sorted(tps):
            last = self.active_highwaters.get(tp)
            if last is not None and last - destination[tp] >= LEAST:
                await self._read(tp, destination, last, end_s)

    async def _read(self, tp: Any, destination: Any, last: int, end_s: float) -> None:
        """Read a partition up to its last record, noting in `destination` how far it came."""
        began_s, first = time.monotonic(), destination[tp] + 1
        store, waits = self.tp_to_table[tp].data, 0
        reader = _Reader(self._settings, tp, first)
        try:
            while destination[tp] < last and waits < MOST_WAITS and time.monotonic() < end_s:
                messages = await reader.chunk()
                waits = 0 if messages else waits + 1
                for message in messages:
                    store.take(message.key(), message.value(), tp.partition)
                    destination[tp] = min(last, message.offset())
        except KafkaException as error:
            log.warning("changelog not read in bulk", tp=str(tp), error=str(error))
        finally:
            reader.close()
        took_s = round(time.monotonic() - began_s, 1)
        log.info("changelog read in bulk", tp=str(tp), records=destination[tp] + 1 - first,
                 left=last - destination[tp], seconds=took_s)  # fmt: skip


class _Reader:
    """A consumer without a group, in a thread of its own."""

    def __init__(self, settings: Settings, tp: Any, first: int) -> None:
        self._consumer = Consumer(
            {**reading_config(settings), "auto.offset.reset": "earliest", "log_level": 2}
        )
        self._consumer.assign([TopicPartition(tp.topic, tp.partition, first)])
        self._thread = ThreadPoolExecutor(1, "changelog")

    async def chunk(self) -> list[Any]:
        """Return some thousand records, none where none came in time."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._thread, self._consumer.consume, CHUNK, WAIT_S)
        for message in found:
            if message.error() is not None:
                raise KafkaException(message.error())
        return list(found)

    def close(self) -> None:
        """Close the consumer once its thread is free."""
        self._thread.submit(self._consumer.close)
        self._thread.shutdown(wait=False)
