"""The registry is killed under load, and so is a worker: the rest goes on, its successor starts."""

import http.client
import urllib.request
from pathlib import Path

import pytest

from infra.registry.apicurio import LocalRegistry
from tests.testkit.pipeline import Deployment, deployed, environment_number
from tests.testkit.under_fire import UnderFire

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

EVENTS = environment_number("WARMFRONT_REGISTRY_EVENTS", 6_000)
OUTAGES = environment_number("WARMFRONT_REGISTRY_KILLS", 1)


def answers(registry: LocalRegistry) -> bool:
    try:
        with urllib.request.urlopen(f"{registry.url}/subjects", timeout=5):
            return True
    except (OSError, http.client.HTTPException):
        return False


def kill_or_start(registry: LocalRegistry, run: UnderFire, deployment: Deployment) -> None:
    """Kill registry and a worker, or bring the registry back; the next call comes after work."""
    if not answers(registry):
        registry.start()
        return
    registry.kill()
    assert not answers(registry)
    deployment.kill_a_worker(run.chance)


def test_workers_go_on_and_start_without_a_registry(
    kafka_bootstrap: str, topic_prefix: str, tmp_path: Path
) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    with (
        LocalRegistry(tmp_path / "registry") as registry,
        deployed(kafka_bootstrap, registry.url, topic_prefix, folder) as deployment,
    ):
        deployment.start_worker()
        deployment.start_worker()
        run = UnderFire("registry-kills", deployment, EVENTS)
        run.send(lambda: kill_or_start(registry, run, deployment), 2 * OUTAGES)
        assert answers(registry), "it came back after the last outage"
        run.verify()
        run.report(outages=OUTAGES, workers_started=len(deployment.workers))
