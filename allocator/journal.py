"""One partition's transactions: state, events, dead letters and offsets, all or nothing."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from allocator.machine.outbox import Outbox
from infra.observe import tracing
from schemas import cloudevents
from schemas.codec import Codec
from schemas.connection import kafka_config, reading_config
from schemas.crash_points import AllocatorPoint, reached
from schemas.records import ReserveState
from schemas.settings import Settings
from schemas.topics import (
    ALERTS_ANOMALIES,
    ALLOCATION_EVENTS,
    RESERVE_ACTIONS,
    RESERVE_STATE,
    RESERVE_STATUS,
    SHADOW_EVENTS,
    Topic,
    dead_letters,
)

LOG = structlog.get_logger(__name__)
TIMEOUT_S = 60.0
POLL_S = 10.0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be used, with its reason in headers."""

    topic: Topic
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | str | None]]


def transactional(settings: Settings, name: str) -> dict[str, Any]:
    """Return what a producer of transactions, by this name, has to be told."""
    return {
        **kafka_config(settings),
        "transactional.id": settings.topic(name),
        "transaction.timeout.ms": 30_000,
        "linger.ms": 0,
        # A transaction is many small requests; each would wait for a delayed ACK.
        "socket.nagle.disable": True,
        # The broker refuses the next transaction while it ends the last one, some milliseconds:
        # waiting the usual 100 ms doubled the 99th percentile. The wait doubles with each try, by
        # default up to a second: halts of 600 ms.
        "retry.backoff.ms": 5,
        "retry.backoff.max.ms": 10,
        "compression.type": "lz4",
        "partitioner": "murmur2_random",
        "log_level": 3,
    }


class Journal:
    """Writes for one partition of the pools' topics, as its only writer.

    Parameters
    ----------
    settings
        Where Kafka is.
    codec
        Of the records.
    partition
        Which; the transactional id is made of it, so that an older owner is fenced.
    """

    def __init__(self, settings: Settings, codec: Codec, partition: int) -> None:
        self._settings = settings
        self._codec = codec
        self.partition = partition
        self._producer = Producer(transactional(settings, f"allocator-{partition}"))

    def open(self) -> dict[str, dict[str, bytes]]:
        """Fence older owners; return the committed state by pool and key.

        Raises
        ------
        KafkaException
            If Kafka does not answer.
        ValueError
            If the state holds what this version can't read.
        """
        self._producer.init_transactions(TIMEOUT_S)
        state: dict[str, dict[str, bytes]] = defaultdict(dict)
        for key, value in self._read():
            pool = key.partition("/")[0]
            if value is None:
                state[pool].pop(key, None)
            else:
                record = self._codec.decode(RESERVE_STATE, value, ReserveState)
                state[pool][key] = record.body
        return state

    def commit(
        self, changes: Mapping[str, Mapping[str, bytes | None]], outbox: Outbox,
        letters: Sequence[DeadLetter], offsets: Mapping[str, int], group: Any, now_ms: int,
    ) -> None:  # fmt: skip
        """Write everything in one transaction.

        Raises
        ------
        KafkaException
            If it could not be committed: what was kept in memory is then worth nothing, and the
            owner has to start again from what is committed.
        """
        self._producer.begin_transaction()
        self._produce_state(changes, now_ms)
        for topic, records in (
            (ALLOCATION_EVENTS, outbox.events),
            (RESERVE_ACTIONS, outbox.actions),
            (RESERVE_STATUS, outbox.statuses),
            (SHADOW_EVENTS, outbox.shadows),
        ):
            for record in records:
                value = self._codec.encode(topic, record)
                told = cloudevents.headers(record, self._settings.topic_prefix)
                self._produce(topic, record.pool, value, told)
        for alert in outbox.alerts:
            value = self._codec.encode(ALERTS_ANOMALIES, alert)
            told = cloudevents.headers(alert, self._settings.topic_prefix)
            # Keyed by its subject, so on whichever partition that is.
            self._producer.produce(
                self._settings.topic(ALERTS_ANOMALIES.name), value, alert.subject, headers=told
            )
        for letter in letters:
            name = self._settings.topic(dead_letters(letter.topic).name)
            self._producer.produce(name, letter.value, letter.key, headers=letter.headers)
        reached(AllocatorPoint.TRANSACTION_WRITTEN)
        if offsets:
            positions = [TopicPartition(t, self.partition, o) for t, o in offsets.items()]
            self._retrying(
                lambda: self._producer.send_offsets_to_transaction(positions, group, POLL_S)
            )
            reached(AllocatorPoint.POSITION_WRITTEN)
        self._retrying(lambda: self._producer.commit_transaction(POLL_S))
        reached(AllocatorPoint.COMMITTED)

    def _produce_state(
        self, changes: Mapping[str, Mapping[str, bytes | None]], now_ms: int
    ) -> None:
        for pool, changed in changes.items():
            for key, body in changed.items():
                value = None if body is None else self._state(pool, key, body, now_ms)
                self._produce(RESERVE_STATE, key, value)

    def _state(self, pool: str, key: str, body: bytes, now_ms: int) -> bytes:
        kind = {"instance": "INSTANCE", "lease": "LEASE"}.get(key.split("/")[1], "POLICY")
        record = ReserveState(key=key, pool=pool, kind=kind, time=now_ms, body=body)  # type: ignore[arg-type]
        return self._codec.encode(RESERVE_STATE, record)

    def _produce(
        self, topic: Topic, key: str, value: bytes | None, told: cloudevents.Headers | None = None
    ) -> None:
        name = self._settings.topic(topic.name)
        sent = [*(told or ()), *(tracing.headers() or ())]
        while True:
            try:
                self._producer.produce(name, value, key, self.partition, headers=sent)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _retrying(self, act: Any) -> None:
        """Repeat what may be repeated: a broker that restarts is waited for."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while True:
            try:
                act()
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > deadline_s:
                    raise
                LOG.warning("commit_retried", partition=self.partition, error=str(error.args[0]))
            else:
                return

    def _read(self) -> list[tuple[str, bytes | None]]:
        """Return the partition of reserve.state from its start to its last committed message."""
        consumer = Consumer(
            {
                **reading_config(self._settings),
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "log_level": 3,
            }
        )
        name = self._settings.topic(RESERVE_STATE.name)
        consumer.assign([TopicPartition(name, self.partition, 0)])
        try:
            return list(self._messages(consumer))
        finally:
            consumer.close()

    def _messages(self, consumer: Any) -> Any:
        while True:
            message = consumer.poll(TIMEOUT_S)
            if message is None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "no state"))  # noqa: SLF001
            if message.error() is None:
                yield message.key().decode(), message.value()
            elif message.error().code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                return
            else:
                raise KafkaException(message.error())
