"""A recording replayed through a real broker: everything arrives once, in order."""

from collections import defaultdict
from pathlib import Path

import pytest

from schemas.codec import Codec, MemoryIds
from schemas.records import Activity, ActivityBatch, AllocationRequest, Tick
from schemas.settings import Settings
from schemas.topics import ALLOCATION_REQUESTS, TELEMETRY_ACTIVITY, TELEMETRY_TICKS
from streams.collect import Replay, ReplayOptions, ReplayReport
from tests.testkit.telemetry import create_topics, read_all

pytestmark = pytest.mark.integration

CSV = """user,time,program,run_s,wait_s
ada,2024-01-01T09:00:00Z,editor,120,3
bob,2024-01-01T09:00:30Z,mail,,
ada,2024-01-01T09:01:00Z,tests,30,0
ada,2024-01-01T12:00:00Z,editor,60,
"""
END_MS = 1_704_110_460_000  # the last exit, 12:01


@pytest.fixture
def settings(kafka_bootstrap, topic_prefix, tmp_path) -> Settings:
    create_topics(kafka_bootstrap, topic_prefix)
    return Settings(
        bootstrap_servers=kafka_bootstrap, topic_prefix=topic_prefix, state_dir=tmp_path / "state"
    )


@pytest.fixture
def recording(tmp_path) -> Path:
    path = tmp_path / "some.csv"
    path.write_text(CSV)
    return path


def replay(settings: Settings, path: Path, ids: MemoryIds, **options) -> ReplayReport:
    run = Replay(settings, path, ReplayOptions(pace=False, **options), ids=ids)
    try:
        return run.run()
    finally:
        run.close()


def received(settings: Settings, ids: MemoryIds) -> dict[str, list[Activity]]:
    codec = Codec(ids, settings.topic_prefix)
    events: dict[str, list[Activity]] = defaultdict(list)
    for message in read_all(settings.bootstrap_servers, settings.topic("telemetry.activity")):
        batch = codec.decode(TELEMETRY_ACTIVITY, message.value(), ActivityBatch)
        assert message.key().decode() == batch.user
        events[batch.user].extend(batch.events)
    return events


def test_each_row_becomes_what_a_live_producer_would_have_said(settings, recording) -> None:
    ids = MemoryIds()
    report = replay(settings, recording, ids)
    events = received(settings, ids)
    assert [(e.kind, e.program) for e in events["ada"]] == [
        ("LAUNCH", "editor"),
        ("WAIT", "editor"),
        ("LAUNCH", "tests"),
        ("WAIT", "tests"),
        ("EXIT", "tests"),
        ("EXIT", "editor"),
        ("LAUNCH", "editor"),
        ("EXIT", "editor"),
    ]
    assert [e.kind for e in events["bob"]] == ["LAUNCH"]
    assert report.events == 9


def test_each_partition_hears_the_time_and_what_to_apply_first(settings, recording) -> None:
    ids = MemoryIds()
    replay(settings, recording, ids)
    codec = Codec(ids, settings.topic_prefix)
    messages = read_all(settings.bootstrap_servers, settings.topic("telemetry.ticks"))
    last = {m.partition(): codec.decode(TELEMETRY_TICKS, m.value(), Tick) for m in messages}
    assert set(last) == {0, 1, 2, 3}
    assert {tick.time for tick in last.values()} == {END_MS + 7_200_000}
    assert all(tick.partition == partition for partition, tick in last.items())
    activity = read_all(settings.bootstrap_servers, settings.topic("telemetry.activity"))
    ends = {m.partition(): m.offset() + 1 for m in activity}
    assert {p: t.activity_offset for p, t in last.items() if t.activity_offset} == ends


def test_a_replay_that_is_through_sends_nothing_again(settings, recording) -> None:
    ids = MemoryIds()
    replay(settings, recording, ids)
    before = received(settings, ids)
    assert replay(settings, recording, ids).events == 0
    assert received(settings, ids) == before


def test_requests_name_the_pool_and_are_given_back(settings, recording) -> None:
    ids = MemoryIds()
    replay(settings, recording, ids, requests=True)
    codec = Codec(ids, settings.topic_prefix)
    messages = read_all(settings.bootstrap_servers, settings.topic("allocation.requests"))
    requests = [codec.decode(ALLOCATION_REQUESTS, m.value(), AllocationRequest) for m in messages]
    assert all(m.key().decode() == r.pool for m, r in zip(messages, requests, strict=True))
    kinds = {r.request_id.rsplit("-")[-1]: [] for r in requests}
    for r in requests:
        kinds[r.request_id.rsplit("-")[-1]].append((r.kind, r.pool))
    assert kinds == {
        "0": [("REQUEST", "build"), ("RELEASE", "build")],
        "1": [("REQUEST", "office")],
        "2": [("REQUEST", "build"), ("RELEASE", "build")],
        "3": [("REQUEST", "build"), ("RELEASE", "build")],
    }
