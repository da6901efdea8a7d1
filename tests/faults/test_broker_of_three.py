"""One of three brokers is killed, then the next: the two that are left have everything."""

import time
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from infra.local.cluster import LocalCluster
from tests.testkit.pipeline import deployed, environment_number
from tests.testkit.under_fire import UnderFire
from tests.testkit.waiting import waits_s

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

EVENTS = environment_number("WARMFRONT_CLUSTER_EVENTS", 2_000)
KILLS = environment_number("WARMFRONT_CLUSTER_KILLS", 1)
AWAY_S = 5.0


def copies(bootstrap: str, prefix: str) -> dict[str, int]:
    """By topic, the fewest brokers that a partition is on."""
    topics = AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=30).topics
    return {
        name: min(len(p.replicas) for p in topic.partitions.values())
        for name, topic in topics.items()
        if name.startswith(prefix)
    }


def test_one_of_three_brokers_may_go_at_any_time(
    registry_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    killed: list[int] = []
    state = tmp_path / "state"
    state.mkdir()
    with LocalCluster(tmp_path / "kafka") as cluster:

        def kill_one() -> None:
            node = cluster.nodes[len(killed) % len(cluster.nodes)]
            node.kill()
            time.sleep(AWAY_S)  # the two others serve meanwhile
            node.start()
            killed.append(node.node_id)

        with deployed(cluster.bootstrap, registry_url, topic_prefix, state) as deployment:
            deployment.start_worker()
            deployment.start_worker()
            deployment.wait_at_work(2)
            run = UnderFire("one-of-three-brokers", deployment, EVENTS)
            run.send(kill_one, KILLS)
            run.verify()
            kept = copies(cluster.bootstrap, topic_prefix)
            waits = waits_s(deployment)
            run.report(
                killed=killed, longest_wait_s=waits[-1], topics=len(kept),
                workers_started=len(deployment.workers),
            )  # fmt: skip
    changelogs = {name for name in kept if name.endswith("-changelog")}
    assert len(changelogs) >= 7, "state is kept somewhere"
    assert set(kept.values()) == {3}, "a topic with fewer copies is away with its broker"
