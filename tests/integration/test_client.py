"""The client's examples run as documented, and its promises hold against a real allocator."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from infra.local.spawn import kill, spawn
from schemas.records import AllocationEvent, AllocationRequest, DemandForecast, Step
from schemas.topics import ALLOCATION_EVENTS, ALLOCATION_REQUESTS, FORECASTS_DEMAND
from streams.client import Instances, NotAssignedError, follow_forecasts
from tests.testkit.pipeline import REPOSITORY, Deployment, deployed, wait_for
from tests.testkit.telemetry import read_all

pytestmark = pytest.mark.integration
PAGE = (REPOSITORY / "docs/how-to/python-client.md").read_text(encoding="utf-8")
LEASING, FOLLOWING = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ALLOCATOR = """
from allocator.cloud.simulated import Simulation
from allocator.options import AllocatorOptions
from allocator.worker import run
from schemas.settings import Settings
run(Settings(), AllocatorOptions(poll_s=0.2, simulation=Simulation(
    launch_median_s=0.5, rebuild_s=0.3, delete_s=0.2, fault_rate=0.0)))
"""


@pytest.fixture
def deployment(
    kafka_bootstrap: str, registry_url: str, topic_prefix: str, tmp_path: Path
) -> Iterator[Deployment]:
    with deployed(kafka_bootstrap, registry_url, topic_prefix, tmp_path) as made:
        yield made


@pytest.fixture
def allocator(deployment: Deployment) -> Iterator[None]:
    log = (deployment.settings.state_dir / "allocator.log").open("wb")
    environment = deployment.environment
    process = spawn([sys.executable, "-c", ALLOCATOR], output=log, env=environment, cwd=REPOSITORY)
    yield
    kill(process)


def run(program: str, deployment: Deployment) -> str:
    environment = {**os.environ, **deployment.environment}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, env=environment, check=True,
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    return done.stdout


def kinds(deployment: Deployment) -> list[str]:
    events = [r for _, r in deployment.records(ALLOCATION_EVENTS)]
    return [e.kind for e in events if isinstance(e, AllocationEvent) and e.request_id]


def forecast(number: int, pool: str = "office") -> DemandForecast:
    return DemandForecast(
        forecast_id=f"{pool}-{number}", pool=pool, resource="CPU", unit="cores", made_at=number,
        horizon="HOUR", step_s=60, steps=[Step(time=0, quantiles=[1.0])], levels=[0.5],
        peak=[float(number)], model="m",
    )  # fmt: skip


def send_forecasts(deployment: Deployment, *records: DemandForecast) -> None:
    producer = Producer({"bootstrap.servers": deployment.settings.bootstrap_servers})
    for record in records:
        value = deployment.codec.encode(FORECASTS_DEMAND, record)
        producer.produce(deployment.settings.topic(FORECASTS_DEMAND.name), value, record.pool)
    producer.flush(30)


def test_the_documented_lease(deployment: Deployment, allocator: None) -> None:
    instance, tier, wait_s = run(LEASING, deployment).split()
    assert instance
    assert tier in {"active", "paused", "cold"}
    assert float(wait_s) >= 0
    wait_for(lambda: kinds(deployment) == ["ASSIGNED", "RELEASED"], "the release")
    # Each event carries its id as a CloudEvents header too.
    name = deployment.settings.topic(ALLOCATION_EVENTS.name)
    for message in read_all(deployment.settings.bootstrap_servers, name):
        event = deployment.codec.decode(ALLOCATION_EVENTS, message.value(), AllocationEvent)
        assert dict(message.headers())["ce_id"].decode() == event.event_id


def test_a_lease_can_be_extended_and_is_released_once(
    deployment: Deployment, allocator: None
) -> None:
    with Instances(deployment.settings) as instances:
        first, second = (instances.ask("ada", "editor") for _ in range(2))
        # In the other order: the first's answer is kept until it is asked for.
        leases = [instances.wait(name, 120) for name in (second, first)]
        assert len({lease.instance_id for lease in leases}) == 2
        instances.extend(leases[0], time.time() + 3600)
        wait_for(lambda: "EXTENDED" in kinds(deployment), "the extension")
        instances.release(leases[0])
        instances.release(leases[0])
    requests = [r for _, r in deployment.records(ALLOCATION_REQUESTS)]
    asked = [r.kind for r in requests if isinstance(r, AllocationRequest)]
    assert sorted(asked) == ["EXTEND", "RELEASE", "REQUEST", "REQUEST"]


def test_without_an_answer_the_request_is_cancelled(deployment: Deployment) -> None:
    with Instances(deployment.settings) as instances, pytest.raises(NotAssignedError):
        instances.request("ada", "editor", timeout_s=0.5)
    requests = [r for _, r in deployment.records(ALLOCATION_REQUESTS)]
    asked = [(r.kind, r.pool) for r in requests if isinstance(r, AllocationRequest)]
    assert asked == [("REQUEST", "build"), ("CANCEL", "build")]


def test_the_documented_follower(deployment: Deployment) -> None:
    send_forecasts(deployment, forecast(3))
    assert run(FOLLOWING, deployment).strip() == "CPU HOUR [3.0]"


def test_a_follower_drops_repeats_and_other_pools(deployment: Deployment) -> None:
    repeated = [forecast(1), forecast(2)] * 3
    send_forecasts(deployment, *repeated, forecast(9, "build"), forecast(3))
    following = follow_forecasts(deployment.settings, pool="office", from_start=True)
    assert [next(following).made_at for _ in range(3)] == [1, 2, 3]
