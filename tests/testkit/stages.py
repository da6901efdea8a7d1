"""All stages of a worker on tables in memory, fed as the agents feed them."""

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import msgspec

from schemas.codec import Codec, MemoryIds
from schemas.records import AlertFeedback, ReserveStatus, Tick
from schemas.settings import Settings
from schemas.topics import (
    ALERTS_FEEDBACK,
    ANOMALIES_OBSERVED,
    DEMAND_OBSERVED,
    DEMAND_PARTIALS,
    POPULATION_PARTIALS,
    POPULATION_PRIOR,
    RESERVE_STATUS,
    TELEMETRY_ACTIVITY,
    TELEMETRY_TICKS,
    Topic,
)
from streams.agents.alerts import AlertStage
from streams.agents.pools import PoolStage
from streams.agents.population import PopulationStage
from streams.agents.profile import ProfileStage
from streams.agents.service import ServiceStage
from streams.agents.totals import TotalStage
from streams.pipeline.learned import LearnedVersions
from streams.runtime.guard import guarded
from streams.runtime.learned_reader import LearnedReader
from streams.runtime.settlement import Stage
from streams.runtime.state_tables import StateTable
from tests.testkit.crashing import Store
from tests.testkit.office import POOLS, START_MS, WAYS, activities, log_of, played

STATUS = ReserveStatus(
    pool="build", time=START_MS, target=1, ready=1, building=0, leased=0, cap=2, hits=3, misses=1,
    hit_rate=0.75, target_hit_rate=0.9, idle_instance_hours=1.0, lead_time_s=90.0, reason="why",
)  # fmt: skip
FEEDBACK = AlertFeedback(
    incident_id="i1", subject="user/user1", verdict="NOT_AN_ANOMALY", time=START_MS, by="ann"
)


class Sink:
    """Takes what stages send: outputs must be writable, the rest is counted."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self.sent = self.buried = 0

    async def send(self, outputs: list) -> None:
        for output in outputs:
            if output.record is not None:
                self._codec.encode(output.topic, output.record)
            self.sent += 1

    async def start(self, *_: object) -> None:
        """A changelog's record; the table has it already."""

    async def settle(self) -> None:
        """All is durable at once."""

    async def bury_state(self, *_: object) -> None:
        raise AssertionError("a stage wrote a state that it can't read")


class Reader:
    """Knows what came on population.prior, as the reader of a worker takes it."""

    def __init__(self, codec: Codec) -> None:
        self._real = LearnedReader(Settings(), codec)

    @property
    def versions(self) -> LearnedVersions:
        return self._real.versions

    def take(self, value: bytes) -> None:
        self._real.take(SimpleNamespace(value=value, offset=0))

    async def caught_up(self) -> None:
        """There is no more than what was taken."""


class Stages:
    """The stages, and the topics that each works on."""

    def __init__(self) -> None:
        self.codec = Codec(MemoryIds())
        self.sink = Sink(self.codec)
        self.reader = Reader(self.codec)
        settings, names = Settings(), tuple(pool.name for pool in POOLS)
        calendar: Any = SimpleNamespace(
            events=lambda _: [], version=0, caught_up=self.reader.caught_up
        )
        profile = ProfileStage(
            settings, self.codec, self.sink, self.reader, self._table(), self._table(), WAYS, names
        )  # fmt: skip
        alerts = AlertStage(settings, self.codec, self.sink, self._table())
        self.by_topic: dict[Topic, Stage] = {
            TELEMETRY_ACTIVITY: profile, TELEMETRY_TICKS: profile,
            POPULATION_PARTIALS:
                PopulationStage(self.codec, self.sink, self._table(), 1, settings.group_floor),
            DEMAND_OBSERVED: PoolStage(self.codec, self.sink, calendar, self._table(), 1),
            DEMAND_PARTIALS: TotalStage(self.codec, self.sink, self._table(), names),
            RESERVE_STATUS: ServiceStage(self.codec, self.sink, self._table()),
            ANOMALIES_OBSERVED: alerts, ALERTS_FEEDBACK: alerts,
        }  # fmt: skip
        self._offsets: dict[Topic, int] = defaultdict(int)

    async def work(self, topic: Topic, value: bytes, key: bytes = b"", at_ms: int = 0) -> bool:
        """Let a stage work on a message as its agent does; tell whether it was buried."""
        if topic is POPULATION_PRIOR:
            self.reader.take(value)
            return False
        message = SimpleNamespace(
            topic=topic.name, partition=0, offset=self._offsets[topic], key=key, value=value,
            timestamp=at_ms / 1000, headers=None,
        )  # fmt: skip
        self._offsets[topic] += 1
        before = self.sink.buried
        event = SimpleNamespace(message=message)
        await guarded(event, self.by_topic[topic].step, self._bury, _ended)
        return self.sink.buried > before

    async def restart(self) -> None:
        """Save all states and forget them: the next messages meet what was saved."""
        for stage in dict.fromkeys(self.by_topic.values()):
            await stage.give_up()

    async def _bury(self, event: Any, error: Exception) -> None:
        del event, error
        self.sink.buried += 1

    def _table(self) -> StateTable:
        table = SimpleNamespace(data=Store([]), changelog_topic_name="changelog")
        return StateTable(table, self.sink)


def _ended(reason: str, **details: object) -> None:
    raise AssertionError(f"the worker would have ended: {reason} {details}")


def good_records(seed: int) -> dict[Topic, list[tuple[str, msgspec.Struct]]]:
    """Records as they are in an office of a few hours, with their keys, by topic."""
    log = log_of(activities(seed, 120, 30.0), 1)
    found: dict[Topic, list[tuple[str, msgspec.Struct]]] = defaultdict(list)
    for message in log:
        is_tick = isinstance(message.value, Tick)
        key = "" if is_tick else message.value.user
        found[TELEMETRY_TICKS if is_tick else TELEMETRY_ACTIVITY].append((key, message.value))
    offline = played(log, 1)
    for topic in (
        POPULATION_PARTIALS, POPULATION_PRIOR, DEMAND_OBSERVED, DEMAND_PARTIALS, ANOMALIES_OBSERVED
    ):  # fmt: skip
        found[topic] = offline.outputs[topic.name]
    found[RESERVE_STATUS] = [("build", STATUS)]
    found[ALERTS_FEEDBACK] = [("", FEEDBACK)]
    return found
