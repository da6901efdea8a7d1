"""Workers are killed under load: nothing is lost, nothing counts twice, all as offline."""

from pathlib import Path

import pytest

from tests.testkit.pipeline import deployed, environment_number
from tests.testkit.under_fire import UnderFire

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

EVENTS = environment_number("WARMFRONT_KILL_EVENTS", 20_000)
KILLS = environment_number("WARMFRONT_KILLS", 10)


def test_kills_lose_nothing_and_repeat_nothing(
    kafka_bootstrap: str, registry_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    with deployed(kafka_bootstrap, registry_url, topic_prefix, tmp_path) as deployment:
        deployment.start_worker()
        deployment.start_worker()
        run = UnderFire("worker-kills", deployment, EVENTS)
        run.send(lambda: deployment.kill_a_worker(run.chance), KILLS)
        run.verify()
        run.report(sent_predictions=run.predictions())
        assert run.predictions() >= EVENTS // 5
