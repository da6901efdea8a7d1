"""What the pools' owners are told beside requests: who acts next, who minds, alarms, calendar.

Hints are soft: they change how much is held and who is served first, never what is owed. So they
are read by every process from all partitions, without a group, and not committed: after a restart
the last hour of predictions, the last day's alarms, all profiles and the calendar are read again.
"""

import math
import time
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from allocator.owner import PartitionOwner
from allocator.policy.capacity import CapacityCalendar
from allocator.policy.intents import WINDOWS_S
from schemas.codec import Codec, UndecodableError
from schemas.connection import reading_config
from schemas.pools import Pool, pool_of
from schemas.records import AnomalyAlert, CalendarEvent, Candidate, ProgramPrediction, UserProfile
from schemas.settings import Settings
from schemas.topics import (
    ALERTS_ANOMALIES,
    CALENDAR_EVENTS,
    PREDICTIONS_PROGRAMS,
    PROFILES_USERS,
    Topic,
)

LOG = structlog.get_logger(__name__)
# Messages of each partition that are read again; None: all.
WAY_BACK: Mapping[Topic, int | None] = {
    PREDICTIONS_PROGRAMS: 5_000,
    PROFILES_USERS: None,
    ALERTS_ANOMALIES: 1_000,
    CALENDAR_EVENTS: None,
}
BATCH = 500
MISSING_RETRY_S = 30.0
TIMEOUT_S = 10.0
_MOST_PROGRAMS = 100_000


class Hints:
    """Reads hints and tells them to the owners.

    Parameters
    ----------
    settings, codec
        The deployment, and how records are decoded.
    pools
        All pools: programs are theirs by pattern.
    sensitivities
        Filled with the latency sensitivity of each person.
    capacity
        Filled with the announced times that have less of it.
    """

    def __init__(
        self, settings: Settings, codec: Codec, pools: Mapping[str, Pool],
        sensitivities: dict[str, float], capacity: CapacityCalendar,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._codec = codec
        self._pools = list(pools.values())
        self._sensitivities = sensitivities
        self._capacity = capacity
        self._pool_by_program: dict[str, str] = {}
        self._missing = list(WAY_BACK)
        self._looked_s = -MISSING_RETRY_S
        self._topics = {settings.topic(topic.name): topic for topic in WAY_BACK}
        self.unreadable = 0
        self._consumer = Consumer(
            {
                **reading_config(settings),
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "log_level": 2,
            }
        )

    def poll(self, owners: Iterable[PartitionOwner]) -> int:
        """Tell what has come, at most a batch of it; return how much."""
        if self._missing and time.monotonic() - self._looked_s >= MISSING_RETRY_S:
            self._looked_s = time.monotonic()
            self._find_topics()
        messages = self._consumer.consume(BATCH, 0)
        owners = list(owners)
        for message in messages:
            if message.error() is not None:
                continue
            if message.value() is not None:
                self._tell(message, owners)
            elif self._topics[message.topic()] is CALENDAR_EVENTS:
                self._capacity.tell(message.key(), None)
        return len(messages)

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()

    def _tell(self, message: Any, owners: list[PartitionOwner]) -> None:
        topic = self._topics[message.topic()]
        try:
            if topic is PREDICTIONS_PROGRAMS:
                record = self._codec.decode(topic, message.value(), ProgramPrediction)
                self._predicted(record, owners)
            elif topic is PROFILES_USERS:
                profile = self._codec.decode(topic, message.value(), UserProfile)
                # Deadlines are divided by it, and the pool's mean is kept for good.
                if profile.sensitivity is not None and 0.0 < profile.sensitivity < math.inf:
                    self._sensitivities[profile.user] = profile.sensitivity
            elif topic is CALENDAR_EVENTS:
                event = self._codec.decode(topic, message.value(), CalendarEvent)
                self._capacity.tell(message.key(), event)
            else:
                alert = self._codec.decode(topic, message.value(), AnomalyAlert)
                for owner in owners:
                    for reconciler in owner.pools.values():
                        reconciler.alert(alert, owner.now_ms or alert.started_at)
        except UndecodableError as error:
            # It owes nobody anything and stays on its topic; who produced it has to look.
            self.unreadable += 1
            LOG.warning(
                "hint_unreadable", topic=topic.name, offset=message.offset(), why=str(error)
            )

    def _predicted(self, prediction: ProgramPrediction, owners: list[PartitionOwner]) -> None:
        within = self._by_pool(prediction.candidates)
        for owner in owners:
            for pool, reconciler in owner.pools.items():
                # A person's new prediction replaces the last one, where this pool is in none too.
                chances = within.get(pool, [0.0] * len(WINDOWS_S))
                reconciler.predict(prediction.made_at, prediction.user, chances)

    def _by_pool(self, candidates: list[Candidate]) -> dict[str, list[float]]:
        """Chances that any program of a pool is launched within each window."""
        found: dict[str, list[float]] = {}
        for candidate in candidates:
            pool = self._pool(candidate.program)
            chances = found.setdefault(pool, [0.0] * len(WINDOWS_S))
            windows = (candidate.p_1m, candidate.p_5m, candidate.p_15m, candidate.p_60m)
            for number, chance in enumerate(windows):
                # In this order what is no number is a chance of zero.
                chances[number] = 1.0 - (1.0 - chances[number]) * (1.0 - min(max(0.0, chance), 1.0))
        return found

    def _pool(self, program: str) -> str:
        if program not in self._pool_by_program:
            if len(self._pool_by_program) >= _MOST_PROGRAMS:
                self._pool_by_program.clear()
            self._pool_by_program[program] = pool_of(program, self._pools)
        return self._pool_by_program[program]

    def _find_topics(self) -> None:
        """Start to read the topics that are there by now."""
        for topic in list(self._missing):
            try:
                starts = self._starts(topic)
            except KafkaException as error:
                LOG.warning("hints_unavailable", topic=topic.name, error=str(error))
                return
            if starts:
                self._consumer.incremental_assign(starts)
                self._missing.remove(topic)

    def _starts(self, topic: Topic) -> list[TopicPartition]:
        name, back = self._settings.topic(topic.name), WAY_BACK[topic]
        known = self._consumer.list_topics(name, timeout=TIMEOUT_S).topics[name]
        if known.error is not None:
            return []
        starts = []
        for number in known.partitions:
            part = TopicPartition(name, number)
            low, high = self._consumer.get_watermark_offsets(part, timeout=TIMEOUT_S)
            part.offset = low if back is None else max(low, high - back)
            starts.append(part)
        return starts
