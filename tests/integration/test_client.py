"""The client's examples run as documented, and its promises hold against a real allocator."""

import re
import time
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from schemas.records import AllocationEvent, AllocationRequest, DemandForecast, Step
from schemas.topics import ALLOCATION_EVENTS, ALLOCATION_REQUESTS, FORECASTS_DEMAND
from streams.client import Instances, NotAssignedError, follow_forecasts
from tests.testkit.allocator_process import KeptAllocator
from tests.testkit.pipeline import REPOSITORY, Deployment, deployed, wait_for
from tests.testkit.telemetry import read_all

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]
PAGE = (REPOSITORY / "docs/how-to/python-client.md").read_text(encoding="utf-8")
LEASING, FOLLOWING = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def deployment(
    kafka_bootstrap: str, registry_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    prefix, folder = f"c{uuid.uuid4().hex[:8]}.", tmp_path_factory.mktemp("client")
    with deployed(kafka_bootstrap, registry_url, prefix, folder) as made:
        yield made


@pytest.fixture(scope="module")
def allocator(deployment: Deployment) -> Iterator[None]:
    with KeptAllocator(deployment.settings).at_work():
        yield


def run(program: str, deployment: Deployment, patch: pytest.MonkeyPatch) -> None:
    """Run a documented program as it stands, with its settings from the environment."""
    for name, value in deployment.environment.items():
        patch.setenv(name, value)
    exec(compile(program, "python-client.md", "exec"), {})


def requests(deployment: Deployment, user: str) -> list[AllocationRequest]:
    found = [r for _, r in deployment.records(ALLOCATION_REQUESTS)]
    return [r for r in found if isinstance(r, AllocationRequest) and r.user == user]


def kinds(deployment: Deployment, user: str) -> list[str]:
    events = [r for _, r in deployment.records(ALLOCATION_EVENTS)]
    return [e.kind for e in events if isinstance(e, AllocationEvent) and e.user == user]


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
    assert producer.flush(60) == 0


def test_without_an_answer_the_request_is_cancelled(deployment: Deployment) -> None:
    with Instances(deployment.settings) as instances, pytest.raises(NotAssignedError):
        instances.request("bob", "editor", timeout_s=0.5)
    asked = [(request.kind, request.pool) for request in requests(deployment, "bob")]
    assert asked == [("REQUEST", "build"), ("CANCEL", "build")]


def test_the_documented_lease(
    deployment: Deployment,
    allocator: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(LEASING, deployment, monkeypatch)
    instance, tier, wait_s = capsys.readouterr().out.strip().splitlines()[-1].split()
    assert instance
    assert tier in {"active", "paused", "cold"}
    assert float(wait_s) >= 0
    wait_for(lambda: "RELEASED" in kinds(deployment, "ada"), "the release")
    # Whether its program had been seen to run by then is chance.
    assert [k for k in kinds(deployment, "ada") if k != "STARTED"] == ["ASSIGNED", "RELEASED"]


def test_events_carry_their_id_as_a_header(deployment: Deployment, allocator: None) -> None:
    with Instances(deployment.settings) as instances:
        instances.release(instances.request("ida", "editor", timeout_s=240))
    name = deployment.settings.topic(ALLOCATION_EVENTS.name)
    messages = read_all(deployment.settings.bootstrap_servers, name)
    assert messages
    for message in messages:
        event = deployment.codec.decode(ALLOCATION_EVENTS, message.value(), AllocationEvent)
        assert dict(message.headers())["ce_id"].decode() == event.event_id


def test_a_lease_can_be_extended_and_is_released_once(
    deployment: Deployment, allocator: None
) -> None:
    with Instances(deployment.settings) as instances:
        first, second = (instances.ask("eve", "editor") for _ in range(2))
        # In the other order: the first's answer is kept until it is asked for.
        leases = [instances.wait(name, 240) for name in (second, first)]
        assert len({lease.instance_id for lease in leases}) == 2
        instances.extend(leases[0], time.time() + 3600)
        wait_for(lambda: "EXTENDED" in kinds(deployment, "eve"), "the extension")
        instances.release(leases[0])
        instances.release(leases[0])
    asked = sorted(request.kind for request in requests(deployment, "eve"))
    assert asked == ["EXTEND", "RELEASE", "REQUEST", "REQUEST"]


def test_the_documented_follower(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    send_forecasts(deployment, forecast(3))
    run(FOLLOWING, deployment, monkeypatch)
    assert capsys.readouterr().out.strip().endswith("CPU HOUR [3.0]")


def test_a_follower_drops_repeats_and_other_pools(deployment: Deployment) -> None:
    repeated = [forecast(1, "quiet"), forecast(2, "quiet")] * 3
    send_forecasts(deployment, *repeated, forecast(9, "build"), forecast(3, "quiet"))
    following = follow_forecasts(deployment.settings, pool="quiet", from_start=True)
    assert [next(following).made_at for _ in range(3)] == [1, 2, 3]
