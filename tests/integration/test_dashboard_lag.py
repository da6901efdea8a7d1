"""The page's lag, on a broker so young that nothing ever joined a group on it."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import stamina
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from infra.local import spawn
from infra.local.broker import LocalKafka
from infra.local.ports import free_port
from schemas.topics import ALLOCATION_REQUESTS
from tests.testkit.broker import UNHURRIED
from tests.testkit.pipeline import REPOSITORY, START_S, Deployment, deployed, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def young(registry_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("young")
    with (
        LocalKafka(folder / "kafka", settings=UNHURRIED) as kafka,
        deployed(kafka.bootstrap, registry_url, "young.", folder, pool_partitions=1) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def page(young: Deployment) -> Iterator[tuple[spawn.Process, int]]:
    port = free_port()
    command = young.command("dashboard", "--port", str(port))
    with (young.settings.state_dir / "page.log").open("wb") as log:
        process = spawn.spawn(command, output=log, env=young.environment, cwd=REPOSITORY)
    yield process, port
    spawn.kill(process)


def lag_of(port: int, group: str) -> dict[str, Any] | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=30) as reply:
            groups = json.load(reply)["lag"].get("groups", [])
    except OSError:
        return None
    return next((g for g in groups if g["group"] == group), None)


def test_the_page_lives_where_no_group_has_a_coordinator_yet(young: Deployment, page) -> None:
    process, port = page
    told: list[dict[str, Any] | None] = []

    def is_known() -> bool:
        assert process.poll() is None, (young.settings.state_dir / "page.log").read_text()
        told.append(lag_of(port, "allocator"))
        return told[-1] is not None

    wait_for(is_known, "lag is known", START_S)
    lag = told[-1]
    assert lag is not None
    assert lag["lag"] == 0
    assert {row["committed"] for row in lag["partitions"]} == {None}


def test_lag_is_what_the_group_has_not_committed(young: Deployment, page) -> None:
    settings, (_, port) = young.settings, page
    topic = settings.topic(ALLOCATION_REQUESTS.name)
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    for number in range(7):
        producer.produce(topic, b"request", str(number), partition=0)
    assert producer.flush(60) == 0

    def lags(count: int) -> bool:
        lag = lag_of(port, "allocator")
        return lag is not None and lag["lag"] == count

    wait_for(lambda: lags(7), "seven requests wait", START_S)
    group = {"bootstrap.servers": settings.bootstrap_servers,
             "group.id": settings.topic("allocator")}  # fmt: skip
    allocator = Consumer(group)
    # A group's first position waits for its coordinator.
    for attempt in stamina.retry_context(on=KafkaException, timeout=180, attempts=None):
        with attempt:
            allocator.commit(offsets=[TopicPartition(topic, 0, 5)], asynchronous=False)
    allocator.close()
    wait_for(lambda: lags(2), "two requests wait", START_S)
