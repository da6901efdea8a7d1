"""A recording replayed through a real broker: everything arrives once, in order."""

import io
import json
import os
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import fastavro
import msgspec
import pytest
from confluent_kafka import Producer
from pydantic import SecretStr

from infra.local.spawn import spawn
from schemas.codec import Codec, MemoryIds, SchemaIds
from schemas.records import Activity, ActivityBatch, AllocationRequest, PopulationPrior, Tick
from schemas.registry import RegistryIds
from schemas.settings import Settings
from schemas.topics import (
    ALLOCATION_REQUESTS,
    POPULATION_PRIOR,
    TELEMETRY_ACTIVITY,
    TELEMETRY_TICKS,
)
from streams.collect import Replay, ReplayOptions, ReplayReport
from streams.collect.events import merged_events
from streams.collect.positions import TopicPositions
from streams.collect.replay_plan import read_plan
from tests.testkit.telemetry import create_topics, read_all

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

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


def replay(settings: Settings, path: Path, ids: SchemaIds, **options) -> ReplayReport:
    run = Replay(settings, path, ReplayOptions(pace=False, **options), ids=ids)
    try:
        return run.run()
    finally:
        run.close()


def received(settings: Settings, ids: SchemaIds) -> dict[str, list[Activity]]:
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


def long_recording(path: Path, rows: int) -> Path:
    lines = ["user,time,program,run_s"]
    lines += [f"u{n % 23},{1_704_103_200 + n * 7},p{n % 11},{n % 300}" for n in range(rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def start_replay(
    settings: Settings, path: Path, registry_url: str, log, *options: str
) -> subprocess.Popen:
    return spawn(
        [sys.executable, "-c", "from streams.cli import main; main()", "replay", str(path),
         "--no-pace", "--json", *options],
        output=log,
        env={
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
            "WARMFRONT_REGISTRY_URL": registry_url,
            "WARMFRONT_STATE_DIR": str(settings.state_dir),
            "WARMFRONT_TOPIC_PREFIX": settings.topic_prefix,
        },
    )  # fmt: skip


def saved(settings: Settings) -> int:
    """How many events the checkpoint counts."""
    files = list((settings.state_dir / "replays").glob("*.json"))
    return msgspec.json.decode(files[0].read_bytes())["events"] if files else 0


def test_killed_in_the_middle_it_goes_on_without_losing_or_repeating(
    settings, registry_url, tmp_path
) -> None:
    path = long_recording(tmp_path / "long.csv", 40_000)
    topic = TopicPositions(settings, settings.topic("telemetry.activity"))
    rows = read_plan(path, ReplayOptions()).rows
    expected = [(e.user, e.activity) for e in merged_events(rows)]
    with (tmp_path / "log").open("wb") as log:
        for kill in range(2):
            before = saved(settings)
            # At full speed it may be through before it is looked at; so it takes two minutes.
            process = start_replay(settings, path, registry_url, log, "--speed", "2000")
            while not (saved(settings) > before if kill else sum(topic.ends(4).values()) > 500):
                assert process.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.05)
            process.kill()
            process.wait()
        code = start_replay(settings, path, registry_url, log).wait(400)
        assert code == 0, (tmp_path / "log").read_text()
    report = msgspec.json.decode((tmp_path / "log").read_bytes().splitlines()[-1])
    assert 0 < report["resumed_at"] < len(expected)

    ids = RegistryIds(registry_url, settings.state_dir / "other-ids.json")
    events = received(settings, ids)
    assert sum(len(of_user) for of_user in events.values()) == len(expected)
    for user, of_user in events.items():
        assert of_user == [activity for who, activity in expected if who == user]


def test_anybody_with_an_avro_library_reads_the_telemetry(
    settings, registry_url, recording
) -> None:
    replay(settings, recording, RegistryIds(registry_url, settings.schema_cache))
    users = set()
    for message in read_all(settings.bootstrap_servers, settings.topic("telemetry.activity")):
        magic, schema_id = struct.unpack(">bI", message.value()[:5])
        with urllib.request.urlopen(f"{registry_url}/schemas/ids/{schema_id}") as answer:
            schema = fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
        batch = fastavro.schemaless_reader(io.BytesIO(message.value()[5:]), schema, None)
        assert magic == 0
        assert all(event["time"].year == 2024 for event in batch["events"])
        users.add(batch["user"])
    assert users == {"ada", "bob"}


def test_no_byte_on_the_topics_holds_a_user_id_where_a_key_is_configured(
    settings, recording
) -> None:
    hidden = settings.model_copy(update={"pseudonym_key": SecretStr("a key of this deployment")})
    replay(hidden, recording, MemoryIds(), requests=True)
    for topic in ("telemetry.activity", "telemetry.ticks", "allocation.requests"):
        for message in read_all(settings.bootstrap_servers, settings.topic(topic)):
            sent = (message.key() or b"") + message.value()
            assert b"ada" not in sent
            assert b"bob" not in sent


def test_it_waits_for_the_hour_that_the_next_event_has_to_see(settings, recording) -> None:
    ids = MemoryIds()
    codec = Codec(ids, settings.topic_prefix)
    run = Replay(settings, recording, ReplayOptions(pace_timeout_s=400.0), ids=ids)
    reports: list[ReplayReport] = []
    thread = threading.Thread(target=lambda: reports.append(run.run()))
    thread.start()
    ticks = settings.topic("telemetry.ticks")
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    for hour, programs in ((473_361, 3), (473_364, 4)):  # 9 h and 12 h of that day
        closing_ms = (hour + 1) * 3_600_000 + 300_000
        while (
            closing_ms
            not in {
                codec.decode(TELEMETRY_TICKS, m.value(), Tick).time
                for m in read_all(settings.bootstrap_servers, ticks)
            }
            and thread.is_alive()
        ):
            if hour == 473_364:
                break  # the last hour is closed by the last tick
        launches = [e.kind for events in received(settings, ids).values() for e in events].count(
            "LAUNCH"
        )
        assert launches == programs or hour == 473_364
        prior = PopulationPrior(kind="DELTA", hour=hour, body=b"")
        producer.produce(settings.topic("population.prior"), codec.encode(POPULATION_PRIOR, prior))
        producer.flush()
    thread.join(500)
    run.close()
    assert reports[0].paced
    assert reports[0].pace_timeouts == 0


def test_without_workers_it_says_so_and_goes_on(settings, recording) -> None:
    run = Replay(settings, recording, ReplayOptions(pace_timeout_s=0.1), ids=MemoryIds())
    report = run.run()
    run.close()
    assert report.pace_timeouts == 2
    assert report.events == 9


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s

    time = monotonic

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def test_with_a_clock_it_ticks_each_second_and_never_ahead(
    settings, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    for module in ("replay", "replay_run"):
        monkeypatch.setattr(import_module(f"streams.collect.{module}"), "time", clock)
    path = tmp_path / "slow.csv"
    path.write_text("user,time,program\nada,1000,vim\nada,1100,git\nada,1300,vim\n")
    ids = MemoryIds()
    report = replay(settings, path, ids, speed=100.0)
    assert report.seconds == 3.0
    codec = Codec(ids, settings.topic_prefix)
    heard = [
        codec.decode(TELEMETRY_TICKS, m.value(), Tick).time
        for m in read_all(settings.bootstrap_servers, settings.topic("telemetry.ticks"))
        if m.partition() == 0
    ]
    assert heard[:-1] == [1_100_000, 1_200_000, 1_300_000]
    assert heard[-1] > 1_300_000
