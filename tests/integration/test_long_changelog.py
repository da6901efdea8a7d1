"""A worker that takes over many users reads their changelog in bulk, and whole."""

import pytest

from schemas.records import Activity, ActivityBatch, ProgramPrediction
from schemas.settings import Settings
from schemas.topics import PREDICTIONS_PROGRAMS
from streams.runtime.bulk_recovery import LEAST
from tests.bench.bench_profile import START_MS
from tests.bench.bench_restart import fill
from tests.bench.bench_throughput import PARTITIONS, deployment_of, send
from tests.testkit.pipeline import Deployment

USERS = 3 * PARTITIONS * LEAST // 2
ASKED = ("user0", "user1", f"user{USERS // 2}", f"user{USERS - 2}", f"user{USERS - 1}")
NEW = "somebody-new"


def _launch(user: str) -> ActivityBatch:
    event = Activity(seq=1, time=START_MS + 4 * 86_400_000, kind="LAUNCH", program="program1")
    return ActivityBatch(user=user, host="h", source="bench", events=[event])


def _said(deployment: Deployment) -> str:
    """What the workers said: one that found the broker away was replaced."""
    logs = sorted(deployment.settings.state_dir.glob("worker*.log"))
    return "".join(log.read_text(errors="replace") for log in logs)


@pytest.mark.integration
@pytest.mark.timeout(1800)
def test_long_changelog_is_read_in_bulk_and_whole(kafka_bootstrap: str, registry_url: str) -> None:
    settings = Settings(bootstrap_servers=kafka_bootstrap, registry_url=registry_url)
    with deployment_of(settings) as deployment:
        fill(deployment, USERS)
        send(deployment, [_launch(user) for user in (*ASKED, NEW)])
        deployment.start_worker()
        predicted: dict[str, ProgramPrediction] = {}

        def are_predicted() -> bool:
            predicted.update({p.user: p for _, p in deployment.records(PREDICTIONS_PROGRAMS)})
            return predicted.keys() >= {*ASKED, NEW}

        deployment.wait_for(are_predicted, "predictions")
        said = _said(deployment)

    whole = [line for line in said.splitlines() if "read in bulk" in line and "left=0" in line]
    assert len(whole) >= PARTITIONS, said
    known = {user: {c.program for c in p.candidates} for user, p in predicted.items()}
    assert not known[NEW], "nothing can be said of who is on no changelog"
    assert all(len(known[user]) > 3 for user in ASKED), "the others' habits are known"
