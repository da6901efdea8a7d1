"""Shadow runs through the allocator's process: prepared, killed, and still one person's."""

import time

import pytest
from confluent_kafka import Producer

from schemas.codec import Codec
from schemas.records import (
    AllocationEvent,
    AllocationRequest,
    Candidate,
    ProgramPrediction,
    ShadowEvent,
)
from schemas.registry import RegistryIds
from schemas.settings import Settings
from schemas.topics import (
    ALLOCATION_EVENTS,
    ALLOCATION_REQUESTS,
    PREDICTIONS_PROGRAMS,
    SHADOW_EVENTS,
)
from streams.runtime.topic_admin import create_topics
from tests.testkit.allocator_process import KeptAllocator
from tests.testkit.telemetry import read_all

pytestmark = [pytest.mark.integration, pytest.mark.faults, pytest.mark.timeout(1800)]

SHADOW = """
[terms]
leave_ready = 0
minutes_per_hour = 600.0
[[step]]
id = "mail/warm"
programs = ["mail"]
argv = ["cat", "/opt/mail"]
saves_s = 60.0
"""
POOLS = "[pool.office]\nprograms = ['mail']\nmin_instances = 4\nmax_instances = 8\ncap = 20\n"


class Office:
    """A deployment with one pool and one declared step."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        ids = RegistryIds(settings.registry_url, settings.schema_cache)
        self.codec = Codec(ids, settings.topic_prefix)
        self.producer = Producer(
            {"bootstrap.servers": settings.bootstrap_servers, "partitioner": "murmur2_random"}
        )
        self.allocator = KeptAllocator(settings, {"shadow_file": settings.shadow_file})

    def foretell(self, user: str) -> None:
        candidate = Candidate(
            program="mail", p_next=0.95, p_1m=0.1, p_5m=0.95, p_15m=0.95, p_60m=0.95
        )
        record = ProgramPrediction(
            prediction_id=f"p-{user}-{time.time_ns()}", user=user, after_program="editor",
            made_at=time.time_ns() // 1_000_000, candidates=[candidate], model="t", pool="office",
        )  # fmt: skip
        self._send(PREDICTIONS_PROGRAMS, user, record)

    def ask(self, user: str, request_id: str) -> None:
        request = AllocationRequest(
            request_id=request_id, kind="REQUEST", user=user, program="mail", pool="office",
            time=time.time_ns() // 1_000_000,
        )  # fmt: skip
        self._send(ALLOCATION_REQUESTS, "office", request)

    def _send(self, topic, key: str, record) -> None:
        value = self.codec.encode(topic, record)
        self.producer.produce(self.settings.topic(topic.name), value, key.encode())
        assert self.producer.flush(30) == 0

    def records(self, topic, kind) -> list:
        messages = read_all(self.settings.bootstrap_servers, self.settings.topic(topic.name))
        return [self.codec.decode(topic, m.value(), kind) for m in messages if m.value()]

    def shadows(self, kind: str) -> list[ShadowEvent]:
        found = {e.event_id: e for e in self.records(SHADOW_EVENTS, ShadowEvent)}
        return [event for event in found.values() if event.kind == kind]

    def assigned(self, request_id: str) -> AllocationEvent | None:
        events = self.records(ALLOCATION_EVENTS, AllocationEvent)
        return next((e for e in events if e.event_id == f"{request_id}/ASSIGNED"), None)

    def prepared(self, user: str) -> bool:
        """Foretell again until it is done: what is older than a minute is no news."""
        if [e for e in self.shadows("PREPARED") if e.user == user]:
            return True
        self.foretell(user)
        time.sleep(2.0)
        return False


@pytest.fixture
def office(kafka_bootstrap, registry_url, topic_prefix, tmp_path) -> Office:
    (tmp_path / "pools.toml").write_text(POOLS)
    (tmp_path / "shadow.toml").write_text(SHADOW)
    settings = Settings(
        bootstrap_servers=kafka_bootstrap, registry_url=registry_url, topic_prefix=topic_prefix,
        state_dir=tmp_path, pools_file=tmp_path / "pools.toml",
        shadow_file=tmp_path / "shadow.toml",
    )  # fmt: skip
    create_topics(settings)
    return Office(settings)


def test_what_was_prepared_survives_a_kill_and_goes_to_its_person_only(office) -> None:
    allocator = office.allocator
    allocator.start()
    try:
        allocator.wait_for(lambda: office.prepared("ann"), "a prepared instance")
        (prepared,) = office.shadows("PREPARED")
        allocator.kill()
        allocator.start()
        for n in range(3):
            office.ask("bob", f"bob-{n}")
        office.ask("ann", "ann-1")
        names = ("bob-0", "bob-1", "bob-2", "ann-1")
        allocator.wait_for(lambda: all(office.assigned(name) for name in names), "four answers")
        allocator.wait_for(lambda: office.shadows("HIT"), "the hit")
    finally:
        allocator.stop()
    mine = office.assigned("ann-1")
    assert mine.instance_id == prepared.instance_id
    assert mine.prepared_steps == ["mail/warm"]
    assert mine.saved_s is not None
    others = {office.assigned(f"bob-{n}").instance_id for n in range(3)}
    assert prepared.instance_id not in others
    (hit,) = office.shadows("HIT")
    assert (hit.user, hit.saved_s) == ("ann", mine.saved_s)
