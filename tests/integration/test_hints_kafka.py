"""What the allocator is told beside requests, on a real broker: who acts next, what is away."""

import time
from collections.abc import Iterator

import msgspec
import pytest
from confluent_kafka import Producer

from allocator.policy.rehearsal import rehearse
from schemas.records import CalendarEvent, Candidate, ProgramPrediction, ReserveStatus
from schemas.settings import Settings
from schemas.topics import CALENDAR_EVENTS, PREDICTIONS_PROGRAMS, RESERVE_STATUS, Topic
from streams.runtime.topic_admin import create_topics
from tests.testkit.allocator_process import KeptAllocator
from tests.testkit.pipeline import Deployment

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

POOLS = """
[pool.office]
programs = ["mail"]
max_instances = 30
cap = 40
[pool.build]
programs = ["make"]
max_instances = 30
cap = 40
[pool.rack]
min_instances = 8
max_instances = 10
cap = 10
"""
PEOPLE = 15


class Told:
    """An allocator at work, and what it is told and says."""

    def __init__(self, deployment: Deployment, allocator: KeptAllocator) -> None:
        self._deployment = deployment
        self.wait_for = allocator.wait_for
        self._producer = Producer({"bootstrap.servers": deployment.settings.bootstrap_servers})

    def tell(self, topic: Topic, key: str, record: msgspec.Struct) -> None:
        value = self._deployment.codec.encode(topic, record)
        self._producer.produce(self._deployment.settings.topic(topic.name), value, key)
        assert self._producer.flush(60) == 0

    def newest(self, pool: str) -> ReserveStatus | None:
        said = [
            status
            for _, status in self._deployment.records(RESERVE_STATUS)
            if isinstance(status, ReserveStatus) and status.pool == pool
        ]
        return max(said, key=lambda s: s.time, default=None)


@pytest.fixture(scope="module")
def told(kafka_bootstrap, registry_url, tmp_path_factory) -> Iterator[Told]:
    rehearse()  # compiled here, the allocator finds the kernels on the disk
    folder = tmp_path_factory.mktemp("hints")
    (folder / "pools.toml").write_text(POOLS)
    settings = Settings(
        bootstrap_servers=kafka_bootstrap, registry_url=registry_url,
        topic_prefix=f"hints{time.time_ns()}.", state_dir=folder,
        pools_file=folder / "pools.toml",
    )  # fmt: skip
    create_topics(settings)
    deployment = Deployment(settings)
    allocator = KeptAllocator(settings, {"launch_median_s": 40.0})
    allocator.start()
    yield Told(deployment, allocator)
    allocator.stop()


def prediction(number: int, program: str) -> ProgramPrediction:
    now_ms = time.time_ns() // 1_000_000
    likely = Candidate(program=program, p_next=0.95, p_1m=0.9, p_5m=0.95, p_15m=0.97, p_60m=0.99)
    return ProgramPrediction(
        prediction_id=f"p{number}", user=f"person-{number}", after_program="login",
        made_at=now_ms, candidates=[likely], model="test",
    )  # fmt: skip


def test_the_reserve_grows_for_people_who_are_about_to_act(told: Told) -> None:
    told.wait_for(lambda: told.newest("office") is not None, "it works")
    quiet = told.newest("office")
    assert quiet is not None
    assert quiet.target < PEOPLE // 2
    for number in range(PEOPLE):
        told.tell(PREDICTIONS_PROGRAMS, f"person-{number}", prediction(number, "mail"))

    def is_held() -> bool:
        status = told.newest("office")
        return status is not None and status.ready + status.building >= PEOPLE // 2

    told.wait_for(is_held, "half of those foretold have an instance waiting or coming")
    office, build = told.newest("office"), told.newest("build")
    assert office is not None
    assert office.intents is not None
    assert office.intents > 1.0
    assert build is not None
    assert build.target < PEOPLE // 2, "nobody was foretold to need this pool"


def test_maintenance_that_takes_capacity_away_bounds_the_reserve_until_it_is_withdrawn(
    told: Told,
) -> None:
    now_ms = time.time_ns() // 1_000_000
    away = CalendarEvent(
        event_id="rack/1", kind="MAINTENANCE", title="rack move", start=now_ms - 1000,
        end=now_ms + 3_600_000, pool="rack", capacity_left=0.3,
    )  # fmt: skip

    def holds(target: int) -> bool:
        status = told.newest("rack")
        return status is not None and status.target == target

    told.wait_for(lambda: holds(8), "it wants eight")
    told.tell(CALENDAR_EVENTS, "rack/1", away)
    told.wait_for(lambda: holds(3), "three are left")
    status = told.newest("rack")
    assert status is not None
    assert "bound by maintenance 'rack move'" in status.reason
    told.tell(CALENDAR_EVENTS, "rack/1", msgspec.structs.replace(away, cancelled=True))
    told.wait_for(lambda: holds(8), "the window is withdrawn")
