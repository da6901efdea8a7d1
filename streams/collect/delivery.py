"""Delivery to Kafka: idempotent, acknowledged by all replicas, and every failure told.

librdkafka resends and orders by itself; what is left is to wait where its queue is full, to learn
from its reports up to where each partition is delivered, and to raise what it could not deliver.
"""

import math
import time
from collections.abc import Mapping
from typing import Any

import structlog
from confluent_kafka import KafkaException, Producer

from schemas.connection import kafka_config
from schemas.settings import Settings

LOG = structlog.get_logger(__name__)
ROOM_WAIT_S = 0.1
FLUSH_SLICE_S = 0.2
METADATA_TIMEOUT_S = 20.0  # a machine may stand still for ten seconds

# murmur2_random is what the Java client and Faust do with keys: all tools agree where a user is.
CONFIG: Mapping[str, Any] = {
    "enable.idempotence": True,
    "acks": "all",
    "compression.type": "lz4",
    "partitioner": "murmur2_random",
    "linger.ms": 5,
    "queue.buffering.max.kbytes": 65_536,  # what waits while Kafka is away
    "log_level": 2,  # a broker that restarts is no news: error_cb says it once
}


class DeliveryError(RuntimeError):
    """Something was not delivered; the message says what and why."""


class Delivery:
    """Sends messages and knows up to where they were delivered.

    Parameters
    ----------
    settings
        Where Kafka is and how it is spoken to.
    timeout_s
        How long a message is retried before it counts as lost; `math.inf` for ever.
    """

    def __init__(self, settings: Settings, timeout_s: float) -> None:
        self._bootstrap = settings.bootstrap_servers
        self._failure: str | None = None
        self._connected = True
        self._ends: dict[tuple[str, int], int] = {}
        timeout_ms = 0 if math.isinf(timeout_s) else int(timeout_s * 1000)
        self._producer = Producer(
            {
                **CONFIG,
                **kafka_config(settings),
                "message.timeout.ms": timeout_ms,
                "error_cb": self._on_error,
            }
        )

    def produce(
        self, topic: str, key: str | None, value: bytes, partition: int = -1,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:  # fmt: skip
        """Hand over a message; waits while the queue is full.

        Raises
        ------
        DeliveryError
            If an earlier message could not be delivered.
        """
        while True:
            self.raise_failure()
            try:
                self._producer.produce(
                    topic, value, key, partition, on_delivery=self._on_delivery, headers=headers
                )
            except BufferError:
                self._producer.poll(ROOM_WAIT_S)
            else:
                return

    def poll(self) -> None:
        """Take in what librdkafka reports, without waiting."""
        self._producer.poll(0)
        self.raise_failure()

    def flush(self, timeout_s: float | None = None) -> None:
        """Wait until everything handed over is delivered.

        Raises
        ------
        DeliveryError
            If something was not, or not in time.
        """
        left = self.settle(math.inf if timeout_s is None else timeout_s)
        if left:
            raise DeliveryError(
                f"{left} messages not delivered in {timeout_s} s; is {self._bootstrap} up?"
            )

    def settle(self, timeout_s: float) -> int:
        """Wait a while for deliveries; return how many messages are left."""
        deadline_s = time.monotonic() + timeout_s
        # In slices, because a signal is not handled while librdkafka waits.
        while left := int(self._producer.flush(min(FLUSH_SLICE_S, timeout_s))):
            if time.monotonic() >= deadline_s:
                break
        self.raise_failure()
        return left

    def end(self, topic: str, partition: int) -> int | None:
        """Return the offset after the last delivered message; None where nothing is known."""
        return self._ends.get((topic, partition))

    def know_end(self, topic: str, partition: int, offset: int) -> None:
        """Tell where a partition's delivery stood before this process."""
        self._ends[topic, partition] = max(offset, self._ends.get((topic, partition), 0))

    def partitions(self) -> dict[str, int]:
        """Return the partition count of every topic.

        Raises
        ------
        DeliveryError
            If Kafka does not answer.
        """
        try:
            topics = self._producer.list_topics(timeout=METADATA_TIMEOUT_S).topics
        except KafkaException as error:
            raise DeliveryError(
                f"Kafka does not answer at {self._bootstrap}: {error.args[0].str()}"
            ) from error
        return {name: len(topic.partitions) for name, topic in topics.items()}

    def raise_failure(self) -> None:
        """Raise what could not be delivered so far, if anything."""
        if self._failure is not None:
            raise DeliveryError(self._failure)

    def _on_delivery(self, error: Any, message: Any) -> None:
        if error is None:
            self._connected = True
            self._ends[message.topic(), message.partition()] = message.offset() + 1
        elif self._failure is None:
            self._failure = f"not delivered to {message.topic()}: {error.str()}"

    def _on_error(self, error: Any) -> None:
        if error.fatal() and self._failure is None:
            self._failure = f"the producer can't go on: {error.str()}"
        elif self._connected:
            self._connected = False
            LOG.warning("kafka_unreachable", servers=self._bootstrap, error=error.str())
