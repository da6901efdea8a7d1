"""A worker's stages on a broker in memory that loses, at a crash, what was not yet acknowledged."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from schemas.records import DemandForecast, MinuteDemand, PopulationPrior, ProgramPrediction, Tick
from schemas.settings import Settings
from schemas.topics import (
    DEMAND_OBSERVED,
    FORECASTS_DEMAND,
    POPULATION_PARTIALS,
    POPULATION_PRIOR,
    PREDICTIONS_PROGRAMS,
    TELEMETRY_ACTIVITY,
    TELEMETRY_TICKS,
)
from streams.agents.profile import ProfileStage
from streams.pipeline.learned import LearnedVersions
from streams.pipeline.outputs import Output
from streams.pipeline.pool_state import PoolState
from streams.pipeline.pools import PoolFold
from streams.pipeline.population import PopulationFold
from streams.pipeline.resources import RESOURCES
from streams.pipeline.user import User
from streams.runtime.newest_store import body_of, rank_of
from streams.runtime.state_tables import StateTable
from tests.testkit.office import POOLS, WAYS
from tests.testkit.offline import Message


class CrashError(Exception):
    """The process dies here."""


def is_partial(what: Any) -> bool:
    return isinstance(what, Output) and what.topic is POPULATION_PARTIALS


@dataclass
class Broker:
    """What was sent, and how much of it is acknowledged."""

    outputs: list[Output] = field(default_factory=list)
    changelogs: dict[str, list[tuple[bytes, bytes | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    committed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    unacknowledged: list[tuple[str, Any]] = field(default_factory=list)
    population: PopulationFold = field(default_factory=lambda: PopulationFold.empty(1))
    priors: list[PopulationPrior] = field(default_factory=list)
    folded: int = 0

    def publish_hours(self) -> None:
        """Let the hours that were sent go round, as a replay waits for."""
        sent = [what for _, what in self.unacknowledged if is_partial(what)]
        self.unacknowledged = [held for held in self.unacknowledged if not is_partial(held[1])]
        self.outputs += sent
        for output in filter(is_partial, self.outputs[self.folded :]):
            whole = self.population.apply(output.record)
            self.priors += [o.record for o in whole if o.topic is POPULATION_PRIOR]
        self.folded = len(self.outputs)

    def acknowledge(self) -> None:
        for place, what in self.unacknowledged:
            self._append(place, what)
        self.unacknowledged.clear()

    def crash(self, chance: random.Random) -> None:
        """Of what waits, each topic has got a beginning of its own."""
        by_place: dict[str, list[Any]] = defaultdict(list)
        for place, what in self.unacknowledged:
            by_place[place].append(what)
        for place, waiting in by_place.items():
            for what in waiting[: chance.randrange(len(waiting) + 1)]:
                self._append(place, what)
        self.unacknowledged.clear()

    def _append(self, place: str, what: Any) -> None:
        if isinstance(what, Output):
            self.outputs.append(what)
        else:
            self.changelogs[place].append(what)


@dataclass
class Sender:
    """Sends to the broker in memory until its fuse is burnt down."""

    broker: Broker
    fuse: int

    async def send(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            self._burn()
            self.broker.unacknowledged.append((output.topic.name, output))

    async def start(self, topic: str, key: bytes, value: bytes, partition: int) -> None:
        self._burn()
        self.broker.unacknowledged.append((f"{topic}-{partition}", (key, value)))

    async def settle(self) -> None:
        self._burn()
        self.broker.acknowledge()

    def _burn(self) -> None:
        self.fuse -= 1
        if self.fuse < 0:
            raise CrashError


class Store:
    """A table's store, as the changelog leaves it."""

    def __init__(self, changelog: Sequence[tuple[bytes, bytes | None]]) -> None:
        self.data: dict[bytes, bytes] = {}
        for key, value in changelog:
            if value is None or rank_of(value) >= rank_of(self.data.get(key)):
                self.put(key, value, 0)

    def put(self, key: bytes, value: bytes | None, partition: int) -> None:
        del partition
        self.data.pop(key, None)
        if value is not None:
            self.data[key] = value


class Reader:
    """Reads what the broker's population has published, when asked, as far as it goes then."""

    def __init__(self, broker: Broker) -> None:
        self.versions = LearnedVersions()
        self._broker = broker
        self._read = 0

    async def caught_up(self) -> None:
        for prior in self._broker.priors[self._read :]:
            self.versions.add_published(prior.hour, prior.body)
        self._read = len(self._broker.priors)


class Worker:
    """One life of a process: recovers from the broker, works, and dies when its fuse is burnt."""

    def __init__(self, broker: Broker, fuse: int) -> None:
        self.broker = broker
        self._sender = Sender(broker, fuse)
        codec = SimpleNamespace(decode=lambda topic, value, kind: value)
        self._done = dict(broker.committed)
        self.stage = ProfileStage(
            Settings(), codec, self._sender, Reader(broker), self._table("users"),
            self._table("partitions"), WAYS, tuple(pool.name for pool in POOLS),
        )  # fmt: skip

    async def work(self, message: Message) -> None:
        value = message.value
        topic = TELEMETRY_TICKS.name if isinstance(value, Tick) else TELEMETRY_ACTIVITY.name
        key = None if isinstance(value, Tick) else value.user.encode()
        told = SimpleNamespace(
            topic=topic, partition=0, offset=message.offset, key=key, value=value,
            timestamp=message.appended_ms / 1000,
        )  # fmt: skip
        await self.stage.step(SimpleNamespace(message=told))
        self._done[topic] = message.offset + 1

    async def commit(self) -> None:
        offsets = dict(self._done)
        await self.stage.settle()
        self.broker.committed.update(offsets)

    def _table(self, name: str) -> StateTable:
        store = Store(self.broker.changelogs[f"{name}-0"])
        return StateTable(SimpleNamespace(data=store, changelog_topic_name=name), self._sender)


def demand(outputs: list[Output]) -> dict[tuple[str, int], MinuteDemand]:
    minutes: dict[tuple[str, int], MinuteDemand] = {}
    for output in outputs:
        for minute in output.record.minutes if output.topic is DEMAND_OBSERVED else ():
            key = (output.record.pool, minute.time)
            assert minutes.setdefault(key, minute) == minute, "a repeat says the same"
    return minutes


def forecasts(outputs: list[Output]) -> dict[str, DemandForecast]:
    """What pools forecast of what a partition told them, repeats and all, in that order."""
    told: dict[str, DemandForecast] = {}
    pools: dict[str, PoolFold] = {}
    for observed in (o.record for o in outputs if o.topic is DEMAND_OBSERVED):
        if observed.pool not in pools:
            state = PoolState.empty(1, len(RESOURCES))
            pools[observed.pool] = PoolFold(observed.pool, state, lambda _: None)
        for output in pools[observed.pool].apply(observed).outputs:
            if output.topic is FORECASTS_DEMAND:
                told[output.record.forecast_id] = output.record
    return told


def predictions(outputs: list[Output]) -> dict[str, ProgramPrediction]:
    told: dict[str, ProgramPrediction] = {}
    for output in outputs:
        if output.topic is PREDICTIONS_PROGRAMS:
            record = output.record
            assert told.setdefault(record.prediction_id, record) == record, "a repeat is the same"
    return told


def settled_users(broker: Broker) -> dict[bytes, bytes]:
    """Saved users without what they added to minutes and hours: when that is dropped is chance."""
    users = {}
    for key, value in Store(broker.changelogs["users-0"]).data.items():
        user = User.from_bytes(body_of(value))
        user.drop_closed(2**62, 2**62)
        users[key] = user.to_bytes()
    return users


def heartbeats(activity: list[Message], share: float = 1.0) -> list[Message]:
    """After each message one that speaks for the time up to the next, as a collector's do.

    With one for a share of that time, what activity closes that overtakes it are other stretches.
    """
    latest = [max(e.time for e in m.value.events) for m in activity]
    until = [a + round((b - 1 - a) * share) for a, b in pairwise(latest)]
    until.append(latest[-1] + 7_200_000)
    return [
        Message(0, k, until[k], Tick(source="s", time=until[k], partition=0, activity_offset=k + 1))
        for k in range(len(activity))
    ]
