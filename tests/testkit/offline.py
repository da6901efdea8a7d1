"""Runs the pure folds over a log in one process: what the pipeline on Kafka must equal."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from schemas.records import ActivityBatch, CalendarEvent, Tick
from schemas.topics import (
    ANOMALIES_OBSERVED,
    DEMAND_OBSERVED,
    DEMAND_PARTIALS,
    POPULATION_PARTIALS,
    POPULATION_PRIOR,
    Topic,
)
from streams.pipeline.activity import Ways
from streams.pipeline.desk import AlertDesk
from streams.pipeline.learned import LearnedVersions
from streams.pipeline.outputs import Output
from streams.pipeline.partition import ProfilePartition
from streams.pipeline.pool_state import PoolState
from streams.pipeline.pools import PoolFold
from streams.pipeline.population import PopulationFold
from streams.pipeline.resources import RESOURCES
from streams.pipeline.total import TotalFold
from streams.pipeline.total_state import TotalState
from streams.pipeline.user import User

LATENESS_MS = 60_000


@dataclass(frozen=True)
class Message:
    """One message of telemetry in the order of the broker's time."""

    partition: int
    offset: int
    appended_ms: int
    value: ActivityBatch | Tick


@dataclass
class MemoryUsers:
    """Users kept as the bytes that would be on the changelog."""

    saved: dict[str, bytes] = field(default_factory=dict)
    decoded: dict[str, User] = field(default_factory=dict)

    def get(self, name: str) -> User | None:
        return self.decoded.get(name)

    def glance(self, name: str) -> User | None:
        return self.decoded.get(name)

    def names(self) -> Iterable[str]:
        return self.decoded

    def save(self, name: str, user: User) -> None:
        self.saved[name] = user.to_bytes()
        self.decoded[name] = user


class Offline:
    """The whole of streams without Kafka."""

    def __init__(
        self, ways: Ways, pools: tuple[str, ...], partitions: int,
        users: type[MemoryUsers] = MemoryUsers, calendar: Sequence[CalendarEvent] = (),
        alerts_per_day: float = 1.0,
    ) -> None:  # fmt: skip
        self.calendar = calendar
        self.versions = LearnedVersions()
        self.users = [users() for _ in range(partitions)]
        self.folds = [
            ProfilePartition(n, self.users[n], ways, pools, LATENESS_MS, self.versions.at)
            for n in range(partitions)
        ]
        self.population = PopulationFold.empty(partitions)
        self.total = TotalFold(pools, TotalState.empty(), lambda _: None)
        self.pools: dict[str, PoolFold] = {}
        self.desk = AlertDesk(alerts_per_day)
        self.outputs: dict[str, list[tuple[str, msgspec.Struct]]] = {}
        self._partitions = partitions

    def run(self, messages: Iterable[Message]) -> None:
        for message in messages:
            for step in self._steps(message):
                for output in step.outputs:
                    self._take(output)
                if step.user is not None:
                    self.users[message.partition].save(*step.user)

    def records(self, topic: Topic) -> list[msgspec.Struct]:
        """What was sent to a topic."""
        return [record for _, record in self.outputs.get(topic.name, [])]

    def _steps(self, message: Message) -> Iterator:
        fold = self.folds[message.partition]
        if isinstance(message.value, Tick):
            return fold.tick(message.value, message.offset, message.appended_ms)
        return fold.apply(message.value, message.offset, message.appended_ms)

    def _take(self, output: Output) -> None:
        self.outputs.setdefault(output.topic.name, []).append((output.key, output.record))
        for follows in self._follow(output):
            self._take(follows)

    def _follow(self, output: Output) -> list[Output]:
        """What the stage that consumes an output makes of it."""
        if output.topic is POPULATION_PARTIALS:
            wholes = self.population.apply(output.record)
            for whole in wholes:
                if whole.topic is POPULATION_PRIOR:
                    self.versions.add_published(whole.record.hour, whole.record.body)
            return wholes
        if output.topic is DEMAND_PARTIALS:
            return self.total.apply(output.record).outputs
        if output.topic is DEMAND_OBSERVED:
            pool = self._pool(output.key)
            outputs = pool.apply(output.record).outputs
            pool.adopt(self.calendar, pool.now_ms)
            return outputs
        if output.topic is ANOMALIES_OBSERVED:
            return self.desk.observe(output.record)
        return []

    def _pool(self, name: str) -> PoolFold:
        if name not in self.pools:
            state = PoolState.empty(self._partitions, len(RESOURCES))
            self.pools[name] = PoolFold(name, state, lambda _: None)
        return self.pools[name]
