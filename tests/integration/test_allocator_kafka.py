"""The allocator's process on a real broker: each request is answered once, whatever is killed."""

import random
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from allocator.policy.rehearsal import rehearse
from schemas.codec import Codec
from schemas.pools import Pool
from schemas.records import AllocationEvent, AllocationRequest, ReserveState, ReserveStatus
from schemas.registry import RegistryIds
from schemas.settings import Settings
from schemas.topics import (
    ALERTS_ANOMALIES,
    ALLOCATION_EVENTS,
    ALLOCATION_REQUESTS,
    FORECASTS_DEMAND,
    RESERVE_ACTIONS,
    RESERVE_STATE,
    RESERVE_STATUS,
    dead_letters,
)
from tests.testkit.allocator_process import KeptAllocator
from tests.testkit.telemetry import read_all

pytestmark = [pytest.mark.integration, pytest.mark.faults, pytest.mark.timeout(1200)]

POOLS = ("office", "build", "default")
TOPICS = (
    ALERTS_ANOMALIES, ALLOCATION_REQUESTS, ALLOCATION_EVENTS, FORECASTS_DEMAND, RESERVE_ACTIONS,
)  # fmt: skip


class Deployment:
    """A broker's topics under one prefix, and allocators that use them."""

    def __init__(self, settings: Settings, fault_rate: float = 0.0) -> None:
        self.settings = settings
        self.codec = Codec(
            RegistryIds(settings.registry_url, settings.schema_cache), settings.topic_prefix
        )
        self.producer = Producer(
            {"bootstrap.servers": settings.bootstrap_servers, "partitioner": "murmur2_random"}
        )
        self.fault_rate = fault_rate
        self.clock = "wall"
        self.allocator = KeptAllocator(settings)
        self._admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
        self._create()

    def _create(self) -> None:
        name = self.settings.topic
        new = [NewTopic(name(t.name), 4, 1) for t in (*TOPICS, RESERVE_STATUS)]
        new.append(NewTopic(name(RESERVE_STATE.name), 4, 1, config={"cleanup.policy": "compact"}))
        consumed = (ALLOCATION_REQUESTS, FORECASTS_DEMAND)
        new += [NewTopic(name(dead_letters(topic).name), 1, 1) for topic in consumed]
        for future in self._admin.create_topics(new).values():
            future.result(60)

    def ready(self) -> KeptAllocator:
        """The allocator, to be started as it is wanted now."""
        self.allocator.how = {"clock": self.clock, "fault_rate": self.fault_rate}
        return self.allocator

    def ask(
        self, request_id: str, pool: str, kind: str = "REQUEST", time_ms: int | None = None
    ) -> None:
        request = AllocationRequest(
            request_id=request_id, kind=kind, user="ann", program="mail", pool=pool,
            time=time.time_ns() // 1_000_000 if time_ms is None else time_ms,
        )  # fmt: skip
        self.send(pool, self.codec.encode(ALLOCATION_REQUESTS, request))

    def send(self, pool: str, value: bytes) -> None:
        self.producer.produce(self.settings.topic(ALLOCATION_REQUESTS.name), value, pool.encode())
        self.producer.poll(0)

    def messages(self, topic_name: str):
        """Return all committed messages."""
        return read_all(self.settings.bootstrap_servers, self.settings.topic(topic_name))

    def events(self) -> list[AllocationEvent]:
        return [
            self.codec.decode(ALLOCATION_EVENTS, m.value(), AllocationEvent)
            for m in self.messages(ALLOCATION_EVENTS.name)
        ]

    def assigned(self) -> dict[str, set[tuple[str, str]]]:
        """Return the distinct answers by request."""
        answers = defaultdict(set)
        for event in self.events():
            if event.kind == "ASSIGNED":
                answers[event.request_id].add((event.event_id, event.instance_id))
        return answers

    def statuses(self) -> list[ReserveStatus]:
        return [
            self.codec.decode(RESERVE_STATUS, m.value(), ReserveStatus)
            for m in self.messages(RESERVE_STATUS.name)
        ]

    def wait_started(self, request_id: str) -> None:
        started = f"{request_id}/STARTED"
        self.allocator.wait_for(
            lambda: started in {e.event_id for e in self.events()}, f"the start of {request_id}"
        )

    def wait_assigned(self, wanted: set[str]) -> None:
        self.allocator.wait_for(
            lambda: wanted <= set(self.assigned()), f"answers to {len(wanted)} requests"
        )


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Compile the policy's kernels, which the allocators then find in the cache."""
    rehearse()


@pytest.fixture
def pools_file(tmp_path) -> Path:
    path = tmp_path / "pools.toml"
    path.write_text(
        "".join(
            f"[pool.{name}]\nmin_instances = 3\nmax_instances = 8\ncap = 40\n" for name in POOLS
        )
    )
    return path


@pytest.fixture
def deployment(kafka_bootstrap, registry_url, topic_prefix, tmp_path, pools_file) -> Deployment:
    (tmp_path / "state").mkdir()
    settings = Settings(
        bootstrap_servers=kafka_bootstrap, registry_url=registry_url, topic_prefix=topic_prefix,
        state_dir=tmp_path / "state", pools_file=pools_file,
    )  # fmt: skip
    return Deployment(settings)


def test_a_warm_instance_is_assigned_and_the_reserve_refilled(deployment) -> None:
    with deployment.ready().at_work():
        deployment.ask("r-1", "office")
        deployment.wait_assigned({"r-1"})
        deployment.ask("r-1", "office", "RELEASE")
        deployment.send("office", b"\x00 no Avro")
        deployment.ask("r-2", "office")
        deployment.wait_assigned({"r-2"})
        deployment.wait_started("r-2")
        deployment.allocator.wait_for(
            lambda: {s.pool for s in deployment.statuses()} >= set(POOLS), "a status of each pool"
        )
    kinds = Counter(e.kind for e in deployment.events() if e.request_id == "r-1")
    # Its release may come before it is known whether its program runs.
    assert kinds - Counter({"STARTED": 1}) == {"ASSIGNED": 1, "RELEASED": 1}
    letters = deployment.messages(dead_letters(ALLOCATION_REQUESTS).name)
    assert [m.value() for m in letters] == [b"\x00 no Avro"]
    assert dict(letters[0].headers())["__connect.errors.stage"] == b"allocator"
    statuses = deployment.statuses()
    assert {s.pool for s in statuses} == set(POOLS)
    assert all(s.reason for s in statuses)


def test_kills_at_random_points_answer_every_request_once(deployment) -> None:
    chance = random.Random(5)
    deployment.fault_rate = 0.1
    wanted: set[str] = set()
    held: list[tuple[str, str]] = []
    kills = 0
    for round_number in range(6):
        deployment.ready().start()
        ends_s = time.monotonic() + chance.uniform(4.0, 7.0)
        while time.monotonic() < ends_s:
            name = f"r-{len(wanted)}"
            pool = chance.choice(POOLS)
            wanted.add(name)
            held.append((name, pool))
            for _ in range(chance.choice((1, 1, 2))):
                deployment.ask(name, pool)
            if len(held) > 20:
                deployment.ask(*held.pop(0), "RELEASE")
            if chance.random() < 0.1:
                deployment.send(pool, chance.randbytes(20))
            time.sleep(0.1)
        deployment.producer.flush()
        if round_number < 5:
            deployment.allocator.kill()
            kills += 1
    try:
        for lease in held:
            deployment.ask(*lease, "RELEASE")
        deployment.producer.flush()
        # Each request has its answer: assigned, or released before it was served.
        deployment.allocator.wait_for(
            lambda: wanted <= {e.request_id for e in deployment.events() if e.kind in ENDS},
            f"an answer to each of {len(wanted)} requests",
        )
    finally:
        deployment.allocator.stop()
    assert kills == 5
    answers = deployment.assigned()
    assert {name: found for name, found in answers.items() if len(found) > 1} == {}
    assert_no_two_leases_at_once(deployment.events())


ENDS = {"ASSIGNED", "CANCELLED", "REJECTED"}


def assert_no_two_leases_at_once(events: list[AllocationEvent]) -> None:
    holder: dict[str, str] = {}
    seen: set[str] = set()
    for event in events:
        if event.event_id in seen or event.instance_id is None:
            continue
        seen.add(event.event_id)
        if event.kind == "ASSIGNED":
            assert event.instance_id not in holder, event
            holder[event.instance_id] = event.request_id
        elif event.kind in {"RELEASED", "FAILED"} and event.request_id is not None:
            assert holder.pop(event.instance_id, event.request_id) == event.request_id


def test_a_recorded_day_is_decided_in_its_own_time(deployment) -> None:
    deployment.clock = "event"
    start_ms = 1_000_000_000_000
    for number in range(300):
        at_ms = start_ms + number * 288_000
        deployment.ask(f"r-{number}", "office", time_ms=at_ms)
        deployment.ask(f"r-{number}", "office", "RELEASE", time_ms=at_ms + 100_000)
    deployment.producer.flush()
    with deployment.ready().at_work():
        deployment.wait_assigned({f"r-{n}" for n in range(300)})
    answers = [e for e in deployment.events() if e.kind == "ASSIGNED"]
    day_ms = 300 * 288_000
    assert all(start_ms <= e.time <= start_ms + day_ms for e in answers)
    # The first found an empty pool and waited for a launch; the reserve served the others.
    assert sum(e.tier == "active" for e in answers) >= 290
    assert answers[0].tier == "cold"
    assert answers[0].wait_ms > 0


def test_the_state_names_every_lease(deployment) -> None:
    with deployment.ready().at_work():
        deployment.ask("r-1", "build")
        deployment.wait_assigned({"r-1"})
    states = {
        m.key().decode(): deployment.codec.decode(RESERVE_STATE, m.value(), ReserveState)
        for m in deployment.messages(RESERVE_STATE.name)
        if m.value() is not None
    }
    assert states["build/lease/r-1"].kind == "LEASE"
    assert states["build/totals"].kind == "POLICY"
    assert Pool("build").name in {s.pool for s in states.values()}
