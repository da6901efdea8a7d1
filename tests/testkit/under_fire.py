"""Sends an hour of telemetry while a fault strikes again and again, and holds the outcome to the
offline fold: nothing lost, nothing counted twice, state and outputs equal."""

import json
import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
import structlog

from schemas.records import Activity, DemandObserved, MinuteDemand
from schemas.topics import (
    DEMAND_OBSERVED,
    FORECASTS_DEMAND,
    POPULATION_PRIOR,
    PREDICTIONS_PROGRAMS,
    PROFILES_USERS,
    TELEMETRY_LATE,
    Topic,
)
from streams.collect import TelemetryProducer
from streams.pipeline.user import User
from streams.runtime.newest_store import body_of, rank_of
from tests.testkit.pipeline import REPOSITORY, Deployment, distinct, environment_number
from tests.testkit.telemetry import length, read_all

SEED = environment_number("WARMFRONT_SEED", 20261125)
USERS = 60
MINUTES = 49  # 10 to 59 minutes past: within one hour of the population
START_S = 1_750_000_000 // 3600 * 3600 + 600
PROGRAMS = ["mail", "browser", "editor", "compiler", "tests", "git", "chat"]
PROGRESS_S = 300.0
Minute = tuple[str, int, int]  # pool, partition, unix ms

log = structlog.get_logger()


@dataclass
class UnderFire:
    """One run: what is sent, what strikes, and what must come out.

    Parameters
    ----------
    name
        Names the report, reports/faults/NAME.json.
    deployment
        What is struck.
    events
        How many events are sent, a fifth of them launches.
    minute_s
        How many seconds a minute of events is given: 0 sends as fast as it can.
    """

    name: str
    deployment: Deployment
    events: int
    minute_s: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    strikes: int = 0
    launches: int = 0
    recovered_s: list[float] = field(default_factory=list)

    def send(self, strike: Callable[[], None], strikes: int) -> None:
        """Send it all; the fault strikes at so many moments at which the workers are at work."""
        log.info(self.name, seed=SEED, events=self.events, strikes=strikes)
        at = sorted(self.chance.sample(range(2, MINUTES - 1), strikes))
        per_minute = -(-self.events // MINUTES)
        sent = seen = 0
        with TelemetryProducer(self.deployment.settings, "under-fire", max_events=8) as producer:
            for minute in range(MINUTES):
                count = min(per_minute, self.events - sent)
                for user, event in minute_of_events(self.chance, minute, count):
                    producer.send(user, event)
                    self.launches += event.kind == "LAUNCH"
                sent += count
                producer.flush()
                producer.tick(START_S + minute * 60 + 60)
                if minute in at:
                    seen = self._strike(strike, seen)
                time.sleep(self.minute_s)
            producer.tick(START_S + 2 * 3600)
        self._await_recovery(min(seen + 1, self.launches))
        assert sent == self.events
        assert self.strikes == strikes, "a fault test that injects no fault proves nothing"

    def verify(self) -> None:
        """Compare the topics, without repeats, and the changelog with the offline fold."""
        offline = self.deployment.offline()
        expected = offline.outputs
        told = (PREDICTIONS_PROGRAMS, POPULATION_PRIOR, FORECASTS_DEMAND, PROFILES_USERS)
        for topic in (*told, TELEMETRY_LATE):
            self._compare(topic, set(distinct(expected.get(topic.name, []))))
        self._compare_minutes(by_minute(expected[DEMAND_OBSERVED.name]))
        saved = {k.encode(): v for users in offline.users for k, v in users.saved.items()}
        self._wait_until_none(
            "users' states that differ",
            lambda: different(settled(self._changelog("users")), settled(saved)),
        )

    def report(self, **more: object) -> None:
        """Write what was injected, and how long it took until predictions came again."""
        assert len(self.recovered_s) == self.strikes, "the last strike's recovery too"
        facts = {
            "seed": SEED, "events": self.events, "strikes": self.strikes,
            "recovered_s": [round(s, 1) for s in self.recovered_s],
        } | more  # fmt: skip
        write_report(self.name, **facts)

    def predictions(self) -> int:
        """How many predictions there are by now, repeats included."""
        settings = self.deployment.settings
        return length(settings.bootstrap_servers, settings.topic(PREDICTIONS_PROGRAMS.name))

    def _compare(self, topic: Topic, wanted: set[bytes]) -> None:
        """Wait for all that is wanted on a topic; nothing else may be there."""

        def got() -> set[bytes]:
            return set(distinct(self.deployment.records(topic)))

        self._wait_until_none(
            f"of {len(wanted)} records of {topic.name} missing", lambda: wanted - got()
        )
        extra = got() - wanted
        assert not extra, (
            f"{topic.name}: {len(extra)} records that the offline fold hasn't got, {min(extra)!r}"
        )

    def _compare_minutes(self, wanted: dict[Minute, MinuteDemand]) -> None:
        """Wait for all minutes that are wanted; they, and no others, say what is wanted."""

        def got() -> dict[Minute, MinuteDemand]:
            return by_minute(self.deployment.records(DEMAND_OBSERVED))

        self._wait_until_none(
            f"of {len(wanted)} minutes of demand missing", lambda: wanted.keys() - got().keys()
        )
        observed = got()
        told = {
            name: (observed.get(name), wanted.get(name)) for name in different(observed, wanted)
        }
        assert told == {}, "observed and wanted"

    def _wait_until_none(self, what: str, left: Callable[[], Collection[Any]]) -> None:
        """Wait until nothing is left; given up where for PROGRESS_S it gets no less."""
        counts = [len(left())]

        def is_less_than(before: int) -> bool:
            counts.append(len(left()))
            return counts[-1] < before

        while count := counts[-1]:
            self._wait_for(partial(is_less_than, count), f"less than {count} {what}")

    def _strike(self, strike: Callable[[], None], seen: int) -> int:
        """Strike once the group has got on since the last time: at an idle one it proves nothing.

        Returns how many predictions there were before.
        """
        # Each launch that was sent gives one: more would never come.
        target = min(seen + self.chance.randrange(1, 60), self.launches)
        self._await_recovery(target)
        strike()
        self.strikes += 1
        return self.predictions()

    def _await_recovery(self, target: int) -> None:
        """Wait for so many predictions, and note how long that took after the strike before."""
        began_s = time.monotonic()
        self._wait_for(lambda: self.predictions() >= target, f"{target} predictions")
        if self.strikes:
            self.recovered_s.append(time.monotonic() - began_s)

    def _wait_for(self, condition: Callable[[], bool], what: str) -> None:
        self.deployment.wait_for(condition, what, PROGRESS_S)

    def _changelog(self, table: str) -> dict[bytes, bytes]:
        """What recovery makes of a changelog: of each key the state of the highest rank."""
        settings = self.deployment.settings
        topic = f"{settings.topic('warmfront-workers')}-{table}-changelog"
        newest: dict[bytes, bytes] = {}
        for message in read_all(settings.bootstrap_servers, topic):
            if rank_of(message.value()) >= rank_of(newest.get(message.key())):
                newest[message.key()] = message.value()
        return {key: body_of(value) for key, value in newest.items()}


def write_report(name: str, **facts: object) -> None:
    """Write what was injected to reports/faults; without `strikes` a soak takes it for nothing."""
    folder = REPOSITORY / "reports" / "faults"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(facts, indent=1))
    log.info("report", name=name, **facts)


def minute_of_events(chance: random.Random, minute: int, count: int) -> list[tuple[str, Activity]]:
    """Events of one minute, in time order: a fifth launches, the rest samples."""
    rows = []
    times = sorted(chance.uniform(0, 60) for _ in range(count))
    for number, second in enumerate(times):
        launch = number % 5 == 0
        event = Activity(
            seq=minute * 100_000 + number,
            time=round((START_S + minute * 60 + second) * 1000),
            kind="LAUNCH" if launch else "SAMPLE",
            program=chance.choice(PROGRAMS),
            cpu_cores=None if launch else chance.randrange(100) / 100,
            memory_bytes=None if launch else chance.randrange(2**30),
        )
        rows.append((f"user{chance.randrange(USERS)}", event))
    return rows


def different(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> set[Any]:
    """The keys that two mappings do not have in common with the same value."""
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def by_minute(told: list[tuple[str, msgspec.Struct]]) -> dict[Minute, MinuteDemand]:
    """Demand by pool, partition and minute. Which message closed a minute is chance: heartbeats
    and activity come on two topics."""
    minutes: dict[Minute, MinuteDemand] = {}
    for _, record in told:
        assert isinstance(record, DemandObserved)
        for minute in record.minutes:
            key = (record.pool, record.source_partition, minute.time)
            assert minutes.setdefault(key, minute) == minute, "a repeat says the same"
    return minutes


def settled(saved: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Saved users without what they added to minutes and hours that are closed by now: whether
    that was dropped already depends on when a heartbeat was read."""
    users = {}
    for name, data in saved.items():
        user = User.from_bytes(data)
        user.drop_closed(2**62, 2**62)
        users[name] = user.to_bytes()
    return users
