"""Follows the pipeline's output topics and keeps what the page shows.

Reads without a group from a bounded way back, so it can never disturb the pipeline, and only
committed records.
"""

import threading
from collections import defaultdict, deque
from typing import Any

import msgspec
import structlog
from confluent_kafka import Consumer, KafkaError, TopicPartition

from schemas.codec import Codec, UndecodableError
from schemas.records import (
    AllocationEvent,
    AnomalyAlert,
    DemandForecast,
    DemandObserved,
    ProgramPrediction,
    ReserveStatus,
    UserProfile,
)
from schemas.registry import RegistryUnavailableError
from schemas.settings import Settings
from schemas.topics import (
    ALERTS_ANOMALIES,
    ALLOCATION_EVENTS,
    DEMAND_OBSERVED,
    FORECASTS_DEMAND,
    PREDICTIONS_PROGRAMS,
    PROFILES_USERS,
    RESERVE_STATUS,
    Topic,
)

log = structlog.get_logger()

FOLLOWED = (
    FORECASTS_DEMAND, RESERVE_STATUS, ALLOCATION_EVENTS, ALERTS_ANOMALIES, PREDICTIONS_PROGRAMS,
    PROFILES_USERS, DEMAND_OBSERVED,
)  # fmt: skip
# How far back each partition is read at the start, in messages.
WAY_BACK = 5_000
RECENT = 100
PROFILES_KEPT = 500
HOUR_MS = 3_600_000
ACTUAL_HOURS = 24 * 15


class Feed:
    """What was said last on each topic.

    Parameters
    ----------
    settings, codec
        Where and how to read.
    """

    def __init__(self, settings: Settings, codec: Codec) -> None:
        self._settings = settings
        self._codec = codec
        self._stop = threading.Event()
        self.lock = threading.Lock()
        self.version = 0
        self.counts: dict[str, int] = defaultdict(int)
        self.forecasts: dict[tuple[str, str, str], DemandForecast] = {}
        self.reserve: dict[str, ReserveStatus] = {}
        self.allocations: deque[AllocationEvent] = deque(maxlen=RECENT)
        self.alerts: dict[str, AnomalyAlert] = {}
        self.predictions: deque[ProgramPrediction] = deque(maxlen=RECENT)
        self.profiles: dict[str, UserProfile] = {}
        self.launches: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._seen_minutes: dict[tuple[str, int], int] = {}

    def start(self) -> None:
        """Follow in a thread of its own."""
        threading.Thread(target=self._follow, daemon=True, name="feed").start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()

    def take(self, record: msgspec.Struct) -> None:
        """Keep a record; for tests, and for what the thread reads."""
        with self.lock:
            self.version += 1
            _KEEPERS[type(record)](self, record)

    def _follow(self) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self._settings.bootstrap_servers,
                "group.id": self._settings.topic("dashboard-never-joined"),
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )
        consumer.assign(self._starts(consumer))
        topics = {self._settings.topic(t.name): t for t in FOLLOWED}
        try:
            while not self._stop.is_set():
                for message in consumer.consume(500, 0.5):
                    self._receive(topics, message)
        finally:
            consumer.close()

    def _starts(self, consumer: Any) -> list[TopicPartition]:
        starts = []
        for topic in FOLLOWED:
            name = self._settings.topic(topic.name)
            for number in consumer.list_topics(name, timeout=30).topics[name].partitions:
                low, high = consumer.get_watermark_offsets(TopicPartition(name, number), timeout=30)
                starts.append(TopicPartition(name, number, max(low, high - WAY_BACK)))
        return starts

    def _receive(self, topics: dict[str, Topic], message: Any) -> None:
        if message.error():
            if message.error().code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                log.warning("feed", error=str(message.error()))
            return
        topic = topics[message.topic()]
        self.counts[topic.name] += 1
        if topic.record is None or message.value() is None:
            return
        try:
            self.take(self._codec.decode(topic, message.value(), topic.record))
        except (UndecodableError, RegistryUnavailableError) as error:
            log.warning("not shown", topic=topic.name, reason=str(error))

    def _forecast(self, record: DemandForecast) -> None:
        key = (record.pool, record.resource, record.horizon)
        known = self.forecasts.get(key)
        if known is None or record.made_at >= known.made_at:
            self.forecasts[key] = record

    def _reserve(self, record: ReserveStatus) -> None:
        known = self.reserve.get(record.pool)
        if known is None or record.time >= known.time:
            self.reserve[record.pool] = record

    def _allocation(self, record: AllocationEvent) -> None:
        self.allocations.append(record)

    def _alert(self, record: AnomalyAlert) -> None:
        self.alerts.pop(record.incident_id, None)
        self.alerts[record.incident_id] = record
        if len(self.alerts) > RECENT:
            del self.alerts[next(iter(self.alerts))]

    def _prediction(self, record: ProgramPrediction) -> None:
        self.predictions.append(record)

    def _profile(self, record: UserProfile) -> None:
        self.profiles.pop(record.user, None)
        self.profiles[record.user] = record
        if len(self.profiles) > PROFILES_KEPT:
            del self.profiles[next(iter(self.profiles))]

    def _demand(self, record: DemandObserved) -> None:
        key = (record.pool, record.source_partition)
        if record.closed_through <= self._seen_minutes.get(key, 0):
            return  # a repeat
        self._seen_minutes[key] = record.closed_through
        hours = self.launches[record.pool]
        for minute in record.minutes:
            hours[minute.time // HOUR_MS] += minute.launches
        for old in sorted(hours)[:-ACTUAL_HOURS]:
            del hours[old]


_KEEPERS: dict[type, Any] = {
    DemandForecast: Feed._forecast, ReserveStatus: Feed._reserve,  # noqa: SLF001
    AllocationEvent: Feed._allocation, AnomalyAlert: Feed._alert,  # noqa: SLF001
    ProgramPrediction: Feed._prediction, UserProfile: Feed._profile,  # noqa: SLF001
    DemandObserved: Feed._demand,  # noqa: SLF001
}  # fmt: skip
