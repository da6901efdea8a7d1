"""Workers are told to stop at random moments: they end soon, cleanly, and nothing is lost."""

import signal
import time
from pathlib import Path

import pytest

from tests.testkit.pipeline import START_S, Deployment, deployed, environment_number
from tests.testkit.under_fire import UnderFire

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

EVENTS = environment_number("WARMFRONT_STOP_EVENTS", 6_000)
STOPS = environment_number("WARMFRONT_STOPS", 4)
DEADLINE_S = 20.0


def stop_one(deployment: Deployment, ends: list[tuple[int, float]]) -> None:
    """Send SIGTERM to a worker at work, note its exit code and how long it took, replace it.

    One that ends itself meanwhile because this machine stood still has not been stopped.
    """
    while True:
        worker = deployment.wait_for_work()
        began_s = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        code, took_s = worker.wait(START_S), time.monotonic() - began_s
        deployment.revive_workers()
        if not deployment.stood_still(worker):
            ends.append((code, round(took_s, 1)))
            return


def test_a_stop_is_clean_at_any_moment(
    kafka_bootstrap: str, registry_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    ends: list[tuple[int, float]] = []
    with deployed(kafka_bootstrap, registry_url, topic_prefix, tmp_path) as deployment:
        deployment.start_worker()
        deployment.start_worker()
        run = UnderFire("worker-stops", deployment, EVENTS)
        run.send(lambda: stop_one(deployment, ends), STOPS)
        run.verify()
        run.report(ends=ends)
    assert [code for code, _ in ends] == [0] * STOPS, ends
    assert max(took_s for _, took_s in ends) < DEADLINE_S, ends
