"""`warmfront forget` leaves nothing of a user on the broker's disk once compaction has been by."""

import itertools
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina
from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from infra.local.broker import LocalKafka
from schemas.topics import PREDICTIONS_PROGRAMS, PROFILES_USERS
from streams.collect import TelemetryProducer
from streams.runtime.app import changelog
from tests.testkit.broker import UNHURRIED
from tests.testkit.pipeline import REPOSITORY, Deployment, deployed
from tests.testkit.telemetry import read_all

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3600)]

START_S = 1_750_000_000 // 21_600 * 21_600 + 3600
HOUR_S = 3600
FORGOTTEN = "ada-the-forgotten"
PATH = "/home/ada/CANARY-path/CANARY-thesis.tex"
DATA = b"CANARY"

# As in production, only faster and in clear: what is checked is that compaction has what it needs.
FAST = {
    "min.cleanable.dirty.ratio": "0.0",
    "max.compaction.lag.ms": "500",
    "delete.retention.ms": "0",
    "segment.ms": "500",
    "compression.type": "uncompressed",
    "file.delete.delay.ms": "0",
}


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[LocalKafka]:
    """A broker whose disk the test can read, and whose cleaner is quick."""
    quick = {"log.cleaner.backoff.ms": "300", "log.retention.check.interval.ms": "500"}
    settings = {**UNHURRIED, **quick}
    with LocalKafka(tmp_path / "kafka", settings=settings) as kafka:
        yield kafka


def on_disk(kafka: LocalKafka, *needles: bytes) -> dict[str, int]:
    """Folders of partitions whose log segments hold any of these bytes, and how often."""
    found: dict[str, int] = {}
    for segment in kafka.data_dir.rglob("*.log"):
        if segment.parent == kafka.data_dir or segment.parent.name == "logs":
            continue
        try:
            data = segment.read_bytes()
        except FileNotFoundError:  # the cleaner has put another in its place
            continue
        count = sum(data.count(needle) for needle in needles)
        if count:
            found[segment.parent.name] = found.get(segment.parent.name, 0) + count
    return found


def is_theirs(message: Any) -> bool:
    return FORGOTTEN.encode() in (message.key() or b"") + (message.value() or b"")


def make_fast(deployment: Deployment, topics: list[str]) -> None:
    admin = AdminClient({"bootstrap.servers": deployment.settings.bootstrap_servers})
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            topic,
            incremental_configs=[
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in FAST.items()
            ],
        )
        for topic in topics
    ]
    for future in admin.incremental_alter_configs(resources).values():
        future.result(60)


def live(deployment: Deployment) -> TelemetryProducer:
    return TelemetryProducer(deployment.settings, "office")


def work(producer: TelemetryProducer, user: str, start_s: float, launches: int) -> None:
    for k in range(launches):
        at = start_s + k * 60.0
        producer.launch(user, "editor" if k % 2 else "mail", at, session=f"{k}")
        producer.access(user, "editor" if k % 2 else "mail", at + 1.0, PATH)
        producer.wait(user, "mail", at + 2.0, 30.0)
        producer.sample(user, "mail", at + 3.0, cpu_cores=0.5, memory_bytes=2e8)


def forget(
    deployment: Deployment, *arguments: str, ticking: TelemetryProducer | None = None,
    from_s: float = 0.0,
) -> tuple[int, dict]:  # fmt: skip
    """Run the command; event time goes on meanwhile, as where collectors tick, if so asked."""
    words = ("forget", FORGOTTEN, "--yes", "--json", "--timeout", "900", *arguments)
    command = deployment.command(*words)
    with subprocess.Popen(
        command, cwd=REPOSITORY, env={**os.environ, **deployment.environment},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        minute = 1
        while ticking is not None and run.poll() is None:
            ticking.tick(from_s + 60.0 * minute)
            minute += 1
            time.sleep(0.5)
        out, trouble = run.communicate()
    assert out, trouble
    return run.returncode, json.loads(out)


def test_nothing_is_left_on_the_disk_and_nothing_was_ever_in_clear(
    own_kafka: LocalKafka, registry_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    state_dir = tmp_path / "state"
    state_dir.mkdir()
    with deployed(
        own_kafka.bootstrap, registry_url, topic_prefix, state_dir, user_partitions=1
    ) as deployment:
        deployment.start_worker()
        name = deployment.settings.topic
        state = changelog(deployment.settings, "users")
        with live(deployment) as producer:
            work(producer, FORGOTTEN, START_S, 20)
            work(producer, "eve", START_S, 20)
            producer.tick(START_S + 7 * HOUR_S)  # past a mark: profiles are written

            def profiled() -> bool:
                return any(f.startswith(name(PROFILES_USERS.name)) for f in on_disk_now())

            def on_disk_now() -> dict[str, int]:
                return on_disk(own_kafka, FORGOTTEN.encode())

            deployment.wait_for(lambda: state in topics_of(own_kafka), "the users' changelog", 600)
            compacted = [t for t in topics_of(own_kafka) if t.endswith("-changelog")]
            compacted.append(name(PROFILES_USERS.name))
            logs = [name(PREDICTIONS_PROGRAMS.name), name("telemetry.activity")]
            make_fast(deployment, [*compacted, *logs])
            work(producer, FORGOTTEN, START_S + 8 * HOUR_S, 4)
            work(producer, "eve", START_S + 8 * HOUR_S, 4)
            producer.tick(START_S + 15 * HOUR_S)
            deployment.wait_for(profiled, "the profile on the disk")
            deployment.wait_for(lambda: f"{state}-0" in on_disk_now(), "the state on the disk")

            code, report = forget(
                deployment, "--delete-records", ticking=producer, from_s=START_S + 15 * HOUR_S
            )
            assert (code, report["erased"], report["remains"]) == (0, True, None)
            assert report["deleted"]["telemetry.activity"] > 0
            assert report["deleted"]["predictions.programs"] > 0
            assert {"telemetry.late", "telemetry.activity.dead-letter"} <= {
                row["topic"] for row in report["left"]
            }

            by_age = {name(row["topic"]) for row in report["left"]}
            for topic in report["deleted"]:  # a segment shared with later records stays on disk
                assert not [m for m in read_all(own_kafka.bootstrap, name(topic)) if is_theirs(m)]
            hours = itertools.count(40, 6)

            def still_there() -> set[str]:
                """Topics with the user on the disk that the command did not say would have it."""
                return {folder.rpartition("-")[0] for folder in on_disk_now()} - by_age

            def clean() -> bool:
                """Others work on, so that segments roll; then nothing of the user is there."""
                hour = next(hours)
                work(producer, "eve", START_S + hour * HOUR_S, 2)
                producer.tick(START_S + (hour + 5) * HOUR_S)
                time.sleep(1.0)
                return not still_there()

            end = time.monotonic() + 600
            while not clean():
                assert time.monotonic() < end, still_there()
        assert on_disk(own_kafka, b"eve")[f"{state}-0"] > 0, "others are still there"
        assert on_disk(own_kafka, DATA, b"/home/ada", b"thesis.tex") == {}
        in_state_dir = [
            path for path in state_dir.rglob("*") if path.is_file() and DATA in path.read_bytes()
        ]
        assert in_state_dir == []
        shown = subprocess.run(
            deployment.command("profile", FORGOTTEN), cwd=REPOSITORY, capture_output=True,
            env={**os.environ, **deployment.environment}, check=False,
        )  # fmt: skip
        assert shown.returncode == 3


@stamina.retry(on=KafkaException, timeout=180, attempts=None)
def topics_of(kafka: LocalKafka) -> set[str]:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    return set(admin.list_topics(timeout=60).topics)
