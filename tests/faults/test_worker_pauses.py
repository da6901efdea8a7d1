"""A worker is frozen for longer than its session lasts: it writes nothing more, unnoticed."""

import signal
import time
from pathlib import Path

import pytest

from streams.runtime.app import SESSION_TIMEOUT_S
from streams.runtime.guard import EXIT_FATAL
from tests.testkit.pipeline import START_S, Deployment, deployed, environment_number
from tests.testkit.under_fire import UnderFire

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

EVENTS = environment_number("WARMFRONT_PAUSE_EVENTS", 6_000)
PAUSES = environment_number("WARMFRONT_PAUSES", 2)


def freeze_and_thaw(deployment: Deployment, codes: list[int | None]) -> None:
    """Freeze a worker at work until another has its partitions, let it go on, see how it ends."""
    frozen = deployment.wait_for_work()
    frozen.send_signal(signal.SIGSTOP)
    time.sleep(SESSION_TIMEOUT_S + 3)
    frozen.send_signal(signal.SIGCONT)
    codes.append(frozen.wait(START_S))


def test_a_frozen_worker_comes_back_as_nobody(
    kafka_bootstrap: str, registry_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    codes: list[int | None] = []
    with deployed(kafka_bootstrap, registry_url, topic_prefix, tmp_path) as deployment:
        deployment.start_worker()
        deployment.start_worker()
        run = UnderFire("worker-pauses", deployment, EVENTS)
        run.send(lambda: freeze_and_thaw(deployment, codes), PAUSES)
        run.verify()
        run.report(exit_codes=codes)
    assert codes == [EXIT_FATAL] * PAUSES
