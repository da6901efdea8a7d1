"""Workers are killed under load: nothing is lost, nothing counts twice, all as offline."""

import random
from pathlib import Path

import msgspec
import pytest
import structlog

from schemas.records import Activity, DemandObserved, MinuteDemand
from schemas.topics import (
    DEMAND_OBSERVED,
    FORECASTS_DEMAND,
    POPULATION_PRIOR,
    PREDICTIONS_PROGRAMS,
    PROFILES_USERS,
)
from streams.collect import TelemetryProducer
from streams.pipeline.user import User
from streams.runtime.newest_store import body_of, rank_of
from tests.testkit.pipeline import Deployment, deployed, distinct, environment_number, wait_for
from tests.testkit.telemetry import length, read_all

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

EVENTS = environment_number("WARMFRONT_KILL_EVENTS", 20_000)
KILLS = environment_number("WARMFRONT_KILLS", 10)
SEED = environment_number("WARMFRONT_SEED", 20261125)
USERS = 60
START_S = 1_750_000_000 // 3600 * 3600 + 600
PROGRAMS = ["mail", "browser", "editor", "compiler", "tests", "git", "chat"]

log = structlog.get_logger()


def minute_of_events(chance: random.Random, minute: int, count: int) -> list[tuple[str, Activity]]:
    """Events of one minute, in time order: a fifth launches, the rest samples."""
    rows = []
    times = sorted(chance.uniform(0, 60) for _ in range(count))
    for number, second in enumerate(times):
        user = f"user{chance.randrange(USERS)}"
        launch = number % 5 == 0
        rows.append(
            (
                user,
                Activity(
                    seq=minute * 100_000 + number,
                    time=round((START_S + minute * 60 + second) * 1000),
                    kind="LAUNCH" if launch else "SAMPLE",
                    program=chance.choice(PROGRAMS),
                    cpu_cores=None if launch else chance.randrange(100) / 100,
                    memory_bytes=None if launch else chance.randrange(2**30),
                ),
            )
        )
    return rows


def send_under_fire(deployment: Deployment, chance: random.Random) -> int:
    """Send an hour's events and kill workers at random moments meanwhile; return how many kills."""
    minutes = 49  # 10 to 59 minutes past: within one hour of the population
    kill_at = sorted(chance.sample(range(2, minutes - 1), KILLS))
    per_minute = -(-EVENTS // minutes)
    kills = sent = seen = 0
    with TelemetryProducer(deployment.settings, "kill-test", max_events=8) as producer:
        for minute in range(minutes):
            for user, event in minute_of_events(chance, minute, min(per_minute, EVENTS - sent)):
                producer.send(user, event)
                sent += 1
            producer.flush()
            producer.tick(START_S + minute * 60 + 60)
            if minute in kill_at:
                seen = kill_at_work(deployment, chance, seen)
                kills += 1
        producer.tick(START_S + 2 * 3600)
    assert sent == EVENTS
    return kills


def kill_at_work(deployment: Deployment, chance: random.Random, seen: int) -> int:
    """Kill a worker once the group has got on since the last kill, at input that it was just sent:
    an idle one's death would prove nothing. Return how many predictions there were."""
    predictions = deployment.settings.topic(PREDICTIONS_PROGRAMS.name)
    wanted = seen + chance.randrange(1, 60)

    def got() -> int:
        return length(deployment.settings.bootstrap_servers, predictions)

    wait_for(lambda: got() >= wanted, "predictions before the next kill", timeout_s=240)
    deployment.kill_a_worker(chance)
    return got()


def changelog(deployment: Deployment, table: str) -> dict[bytes, bytes]:
    """What recovery makes of a table's changelog: of each key the state of the highest rank."""
    group = deployment.settings.topic("warmfront-workers")
    newest: dict[bytes, bytes] = {}
    for message in read_all(deployment.settings.bootstrap_servers, f"{group}-{table}-changelog"):
        if rank_of(message.value()) >= rank_of(newest.get(message.key())):
            newest[message.key()] = message.value()
    return {key: body_of(value) for key, value in newest.items()}


def by_minute(told: list[tuple[str, msgspec.Struct]]) -> dict[tuple[str, int, int], MinuteDemand]:
    """Demand by pool, partition and minute. Which message closed a minute is chance: heartbeats
    and activity come on two topics."""
    minutes: dict[tuple[str, int, int], MinuteDemand] = {}
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


def test_kills_lose_nothing_and_repeat_nothing(
    kafka_bootstrap: str, registry_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    log.info("kills", seed=SEED, events=EVENTS, kills=KILLS)
    with deployed(kafka_bootstrap, registry_url, topic_prefix, tmp_path) as deployment:
        deployment.start_worker()
        deployment.start_worker()
        kills = send_under_fire(deployment, chance)
        assert kills == KILLS, "a fault test that injects no fault proves nothing"
        offline = deployment.offline()
        expected = offline.outputs

        def finished() -> bool:
            got = deployment.records(FORECASTS_DEMAND)
            return len(distinct(got)) >= len(distinct(expected[FORECASTS_DEMAND.name]))

        wait_for(finished, "forecasts after the last kill", timeout_s=240)
        for topic in (PREDICTIONS_PROGRAMS, POPULATION_PRIOR, FORECASTS_DEMAND, PROFILES_USERS):
            got, wanted = deployment.records(topic), expected.get(topic.name, [])
            assert distinct(got) == distinct(wanted), topic
        observed = by_minute(deployment.records(DEMAND_OBSERVED))
        assert observed == by_minute(expected[DEMAND_OBSERVED.name])
        assert len(distinct(deployment.records(PREDICTIONS_PROGRAMS))) >= EVENTS // 5
        saved = {k.encode(): v for users in offline.users for k, v in users.saved.items()}
        assert settled(changelog(deployment, "users")) == settled(saved)
