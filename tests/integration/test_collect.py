"""`warmfront collect` on this machine and a real broker: sees programs, stops in good order."""

import os
import signal
import subprocess
import sys

import pytest

from infra.local.spawn import spawn
from schemas.codec import Codec
from schemas.records import Activity, ActivityBatch, Tick
from schemas.registry import RegistryIds
from schemas.settings import Settings
from schemas.topics import TELEMETRY_ACTIVITY, TELEMETRY_TICKS
from tests.testkit.pipeline import START_S, wait_for
from tests.testkit.telemetry import create_topics, read_all

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]


@pytest.fixture
def settings(kafka_bootstrap, registry_url, topic_prefix, tmp_path) -> Settings:
    create_topics(kafka_bootstrap, topic_prefix)
    return Settings(
        bootstrap_servers=kafka_bootstrap,
        registry_url=registry_url,
        topic_prefix=topic_prefix,
        state_dir=tmp_path / "state",
    )


def codec(settings: Settings) -> Codec:
    ids = RegistryIds(settings.registry_url, settings.state_dir / "reader-ids.json")
    return Codec(ids, settings.topic_prefix)


def said(settings: Settings) -> list[Activity]:
    found = read_all(settings.bootstrap_servers, settings.topic("telemetry.activity"))
    batches = [codec(settings).decode(TELEMETRY_ACTIVITY, m.value(), ActivityBatch) for m in found]
    return [event for batch in batches for event in batch.events]


def collect(settings: Settings, log) -> subprocess.Popen:
    return spawn(
        [sys.executable, "-c", "from streams.cli import main; main()", "collect", "--every", "1"],
        output=log,
        env={
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
            "WARMFRONT_REGISTRY_URL": settings.registry_url,
            "WARMFRONT_STATE_DIR": str(settings.state_dir),
            "WARMFRONT_TOPIC_PREFIX": settings.topic_prefix,
        },
    )


def test_a_program_that_comes_and_goes_is_launched_and_ended(settings, tmp_path) -> None:
    with (tmp_path / "log").open("wb") as log:
        collector = collect(settings, log)
        wait_for(lambda: said(settings), "its first word", START_S)
        sleeper = subprocess.Popen(["sleep", "3000"])
        session = f"{sleeper.pid}-"

        def kinds() -> list[str]:
            return [e.kind for e in said(settings) if (e.session or "").startswith(session)]

        wait_for(lambda: "LAUNCH" in kinds(), "the launch", START_S)
        sleeper.kill()
        sleeper.wait()
        wait_for(lambda: "EXIT" in kinds(), "the exit", START_S)
        collector.send_signal(signal.SIGTERM)
        assert collector.wait(120) == 0, (tmp_path / "log").read_text()
    events = said(settings)
    assert len({event.seq for event in events}) == len(events)
    assert not any("/" in event.program for event in events)


def test_it_tells_the_time_and_a_second_one_of_its_name_is_refused(settings, tmp_path) -> None:
    with (tmp_path / "log").open("wb") as log, (tmp_path / "second").open("wb") as second:
        collector = collect(settings, log)
        ticks = settings.topic("telemetry.ticks")
        wait_for(
            lambda: len(read_all(settings.bootstrap_servers, ticks)) >= 8, "heartbeats", START_S
        )
        assert collect(settings, second).wait(START_S) == 2
        assert b"in use by another process" in (tmp_path / "second").read_bytes()
        collector.send_signal(signal.SIGTERM)
        assert collector.wait(120) == 0, (tmp_path / "log").read_text()
    heard = [
        codec(settings).decode(TELEMETRY_TICKS, m.value(), Tick).time
        for m in read_all(settings.bootstrap_servers, ticks)
        if m.partition() == 0
    ]
    assert heard == sorted(heard)
