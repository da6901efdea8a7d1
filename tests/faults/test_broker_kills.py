"""The broker is killed and started again: what it had acknowledged stays, and work goes on."""

import time
from pathlib import Path

import pytest

from infra.local.broker import LocalKafka
from tests.testkit.pipeline import deployed, environment_number
from tests.testkit.under_fire import UnderFire

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

EVENTS = environment_number("WARMFRONT_BROKER_EVENTS", 6_000)
KILLS = environment_number("WARMFRONT_BROKER_KILLS", 3)


def test_a_killed_broker_costs_time_only(
    registry_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    down_s: list[float] = []
    with LocalKafka(tmp_path / "kafka") as kafka:

        def kill_and_restart() -> None:
            began_s = time.monotonic()
            kafka.kill()
            kafka.start()
            down_s.append(round(time.monotonic() - began_s, 1))

        folder = tmp_path / "state"
        folder.mkdir()
        with deployed(kafka.bootstrap, registry_url, topic_prefix, folder) as deployment:
            deployment.start_worker()
            deployment.start_worker()
            run = UnderFire("broker-kills", deployment, EVENTS)
            run.send(kill_and_restart, KILLS)
            run.verify()
            run.report(broker_down_s=down_s, workers_started=len(deployment.workers))
