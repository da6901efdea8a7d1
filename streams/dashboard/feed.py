"""Follows the pipeline's output topics and hands what they say to what the page knows.

Reads without a group from a bounded way back, so it can never disturb the pipeline, and only
committed records.
"""

import threading
import time
from typing import Any

import msgspec
import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from infra.observe import dashboard as metrics
from infra.observe.health import Health
from schemas.codec import Codec
from schemas.connection import reading_config
from schemas.records import DemandObserved
from schemas.registry import RegistryUnavailableError
from schemas.settings import Settings
from schemas.topics import (
    ALERTS_ANOMALIES,
    ALLOCATION_EVENTS,
    CONSUMED,
    DEMAND_OBSERVED,
    FORECASTS_DEMAND,
    PREDICTIONS_PROGRAMS,
    PROFILES_USERS,
    RESERVE_ACTIONS,
    RESERVE_STATUS,
    SHADOW_EVENTS,
    TELEMETRY_TICKS,
    Topic,
    dead_letters,
)
from streams.dashboard.known import Known
from streams.dashboard.lag import LagReader
from streams.dashboard.letters import Letters
from streams.pipeline.eventtime import is_future
from streams.pipeline.pool_minutes import times_of
from streams.runtime.leaders import watermarks

log = structlog.get_logger()

FOLLOWED = (
    DEMAND_OBSERVED, FORECASTS_DEMAND, RESERVE_STATUS, RESERVE_ACTIONS, ALLOCATION_EVENTS,
    SHADOW_EVENTS, ALERTS_ANOMALIES, PREDICTIONS_PROGRAMS, PROFILES_USERS, TELEMETRY_TICKS,
    *(dead_letters(topic) for topic in CONSUMED),
)  # fmt: skip
# How far back each partition is read at the start, in messages.
WAY_BACK = 5_000
# The oldest ticks tell whether the deployment began with synthetic telemetry.
FIRST_TICKS = 500
FIRST_TICKS_WAIT_S = 10.0  # at most, where the broker takes long
BATCH = 500
POLL_S = 0.5
LAG_EVERY_S = 5.0
TIMEOUT_S = 30.0


def refuse_future(record: msgspec.Struct, appended_ms: int) -> None:
    """Raise ValueError for demand of a time that has not come, as the workers do.

    All that is true would come too late after it.
    """
    if isinstance(record, DemandObserved) and is_future(max(times_of(record)), appended_ms):
        raise ValueError("told of a time that has not come")


def _partitions(consumer: Any, name: str) -> list[int]:
    """Return a topic's partitions; none where it is not there."""
    return list(consumer.list_topics(name, timeout=TIMEOUT_S).topics[name].partitions)


class Feed:
    """Keeps `known`, `letters` and `lag` up to date, in two threads.

    Parameters
    ----------
    settings, codec
        Where and how to read.
    health
        Is told that it reads on, and that it has caught up.
    """

    def __init__(self, settings: Settings, codec: Codec, health: Health | None = None) -> None:
        self._health = health or Health("dashboard")
        self._health.wait_for("caught up", "topics are being read back")
        self._settings = settings
        self._codec = codec
        self._stop = threading.Event()
        self._topics = {settings.topic(t.name): t for t in FOLLOWED}
        self._behind: dict[tuple[str, int], int] = {}
        self._missing: list[str] = []  # topics that were not there, as of an older release
        self.known = Known(settings.user_partitions)
        self.letters = Letters()
        self.lag: dict[str, Any] = {}
        self.is_caught_up = False

    def start(self) -> None:
        """Follow, in threads of its own."""
        for work in (self._follow, self._watch_lag):
            threading.Thread(target=work, daemon=True, name=work.__name__).start()

    def stop(self) -> None:
        """End the threads."""
        self._stop.set()

    def take(self, record: msgspec.Struct) -> None:
        """Keep a record; for tests, and for what the thread reads."""
        self.known.take(record)

    def _follow(self) -> None:
        while not self._stop.is_set():
            consumer = Consumer(self._config())
            try:
                self._read(consumer)
            except KafkaException as error:
                log.warning("the feed begins again", error=str(error))
                self._health.wait_for("caught up", "Kafka does not answer")
                self.is_caught_up = False
                self._health.beat()
                self._stop.wait(LAG_EVERY_S)
            finally:
                consumer.close()

    def _read(self, consumer: Any) -> None:
        self._read_first_ticks(consumer)
        consumer.assign(self._starts(consumer))
        asked_s = time.monotonic()
        while not self._stop.is_set():
            for message in consumer.consume(BATCH, POLL_S):
                self._receive(message)
            self._health.beat()
            if not self._behind and not self.is_caught_up:
                self.is_caught_up = True
                self._health.met("caught up")
            if self._missing and time.monotonic() - asked_s >= LAG_EVERY_S:
                asked_s = time.monotonic()
                if any(_partitions(consumer, name) for name in self._missing):
                    return  # all is read back again, and with it what was not there

    def _config(self) -> dict[str, Any]:
        return {
            **reading_config(self._settings),
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "log_level": 3,
        }

    def _read_first_ticks(self, consumer: Any) -> None:
        name = self._settings.topic(TELEMETRY_TICKS.name)
        low, high = watermarks(consumer, TopicPartition(name, 0), TIMEOUT_S)
        if high > low:
            consumer.assign([TopicPartition(name, 0, low)])
            for message in consumer.consume(min(FIRST_TICKS, high - low), FIRST_TICKS_WAIT_S):
                if not message.error():
                    self._decode(TELEMETRY_TICKS, message)

    def _starts(self, consumer: Any) -> list[TopicPartition]:
        starts = []
        by_topic = {name: _partitions(consumer, name) for name in self._topics}
        self._missing = [name for name, numbers in by_topic.items() if not numbers]
        if self._missing:
            log.warning("topics are not there yet", topics=self._missing)
        for name, numbers in by_topic.items():
            for number in numbers:
                low, high = watermarks(consumer, TopicPartition(name, number), TIMEOUT_S)
                start = max(low, high - WAY_BACK)
                if start < high:
                    self._behind[name, number] = high
                starts.append(TopicPartition(name, number, start))
        return starts

    def _receive(self, message: Any) -> None:
        if message.error():
            if message.error().code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                raise KafkaException(message.error())
            # Also where the last offsets are a transaction's marks and no messages.
            self._behind.pop((message.topic(), message.partition()), None)
            return
        topic = self._topics[message.topic()]
        self.known.counts[topic.name] += 1
        metrics.RECORDS.labels(topic.name).inc()
        if topic.record is None:
            self.letters.take(
                topic.name, message.offset(), message.timestamp()[1], message.headers()
            )
        elif message.value() is not None:
            self._decode(topic, message)
        elif topic is PROFILES_USERS and message.key() is not None:
            self.known.forget(message.key().decode("utf-8", "replace"))

    def _decode(self, topic: Topic, message: Any) -> None:
        if topic.record is None:
            return
        try:
            record = self._codec.decode(topic, message.value(), topic.record)
            refuse_future(record, message.timestamp()[1])
            self.take(record)
        except (ValueError, RegistryUnavailableError) as error:  # what can't be used, and why
            log.warning("not shown", topic=topic.name, reason=str(error))

    def _watch_lag(self) -> None:
        reader = LagReader(self._settings)
        while not self._stop.is_set():
            try:
                self.lag = reader.read() | {"read_ms": round(time.time() * 1000)}
                self._tell_lag()
            except (KafkaException, TimeoutError) as error:
                log.warning("lag not known", error=str(error))
            self._stop.wait(LAG_EVERY_S)
        reader.close()

    def _tell_lag(self) -> None:
        for group in self.lag["groups"]:
            for row in group["partitions"]:
                labels = (group["group"], row["topic"], str(row["partition"]))
                metrics.GROUP_LAG.labels(*labels).set(row["lag"])
        for topic, count in self.lag["dead_letters"].items():
            metrics.DEAD_LETTERS.labels(topic).set(count)
        with self.known.lock:
            still = sum(alert.ended_at is None for alert in self.known.alerts.values())
        metrics.OPEN_ALERTS.set(still)
