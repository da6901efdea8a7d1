"""How long an assignment takes from the read of its request to its commit, at half load.

`python -m pytest tests/bench/bench_assignment.py -s` prints JSON. Full load is measured in the same
run: what a backlog of requests is answered at.
"""

import json
import os
import sys
import threading
import time

import numpy as np
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from allocator.cloud.simulated import Simulation
from allocator.options import AllocatorOptions
from allocator.owner import PartitionOwner
from allocator.worker import AllocatorWorker
from schemas.codec import Codec
from schemas.records import AllocationRequest
from schemas.registry import RegistryIds
from schemas.settings import Settings
from schemas.topics import ALLOCATION_EVENTS, ALLOCATION_REQUESTS, BY_NAME

pytestmark = pytest.mark.integration

WARM = 1_200
BACKLOG = 400
HALF_LOAD_S = 10.0
AIM_MS = 50.0


@pytest.fixture
def bench(kafka_bootstrap, registry_url, topic_prefix, tmp_path):
    pools = tmp_path / "pools.toml"
    pools.write_text(
        f"[pool.office]\nmin_instances = {WARM}\nmax_instances = {WARM}\ncap = {4 * WARM}\n"
    )
    settings = Settings(
        bootstrap_servers=kafka_bootstrap, registry_url=registry_url, topic_prefix=topic_prefix,
        state_dir=tmp_path, pools_file=pools,
    )  # fmt: skip
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    new = [NewTopic(settings.topic(t.name), t.partitions, 1) for t in BY_NAME.values()]
    for future in admin.create_topics(new).values():
        future.result(60)
    return Bench(settings)


class Bench:
    """An allocator in this process, its transactions timed from the read of their requests."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.took: list[tuple[int, float]] = []
        ids = RegistryIds(settings.registry_url, settings.schema_cache)
        self.codec = Codec(ids, settings.topic_prefix)
        self.producer = Producer(
            {"bootstrap.servers": settings.bootstrap_servers, "partitioner": "murmur2_random"}
        )
        simulation = Simulation(launch_median_s=0.2, launch_spread=0.0)
        self.worker = AllocatorWorker(settings, AllocatorOptions(simulation=simulation))
        self.sent = 0

    def ask(self) -> None:
        self.sent += 1
        request = AllocationRequest(
            request_id=f"r-{self.sent}", kind="REQUEST", user=f"u{self.sent % 50}", program="mail",
            pool="office", time=time.time_ns() // 1_000_000,
        )  # fmt: skip
        name = self.settings.topic(ALLOCATION_REQUESTS.name)
        self.producer.produce(name, self.codec.encode(ALLOCATION_REQUESTS, request), b"office")
        self.producer.poll(0)

    def answered(self) -> int:
        return sum(count for count, _ in self.took)

    def wait_for(self, holds, timeout_s: float = 300.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < deadline, "the allocator does not get on"
            time.sleep(0.02)


def test_assignment_latency_at_half_load(bench, monkeypatch) -> None:
    handle = PartitionOwner.handle

    def timed(owner, messages) -> None:
        began = time.perf_counter()
        handle(owner, messages)
        bench.took.append((len(messages), time.perf_counter() - began))

    monkeypatch.setattr(PartitionOwner, "handle", timed)
    thread = threading.Thread(target=bench.worker.run)
    thread.start()
    try:
        bench.wait_for(lambda: ready(bench) >= WARM)
        began = time.perf_counter()
        for _ in range(BACKLOG):
            bench.ask()
        bench.producer.flush()
        bench.wait_for(lambda: bench.answered() >= BACKLOG)
        full_per_s = BACKLOG / (time.perf_counter() - began)
        bench.wait_for(lambda: ready(bench) >= WARM * 0.9)
        bench.took.clear()
        at_half_load(bench, full_per_s / 2.0)
        hits = sum(r.ledger.totals.hits for r in pools(bench))
    finally:
        bench.worker.stop()
        thread.join()
    report(bench, full_per_s, hits)
    assert hits >= bench.sent * 0.95, "the reserve ran dry: this measures warm hits"


def at_half_load(bench: Bench, per_s: float) -> None:
    began, asked = time.perf_counter(), 0
    while time.perf_counter() - began < HALF_LOAD_S and asked < WARM * 0.8:
        while asked < (time.perf_counter() - began) * per_s:
            bench.ask()
            asked += 1
        time.sleep(0.001)
    bench.producer.flush()
    bench.wait_for(lambda: bench.answered() >= asked)


def pools(bench: Bench):
    owners = bench.worker._owners.values()
    return [r for owner in owners for name, r in owner.pools.items() if name == "office"]


def ready(bench: Bench) -> int:
    return sum(len(r.ledger._phases["ready"]) for r in pools(bench))


def report(bench: Bench, full_per_s: float, hits: int) -> None:
    waits = np.repeat([t for _, t in bench.took], [n for n, _ in bench.took]) * 1000.0
    found = {
        "full_load_per_s": round(full_per_s, 1),
        "requests_at_half_load": len(waits),
        "ms": {f"p{p:g}": round(float(np.percentile(waits, p)), 2) for p in (50, 95, 99, 99.9)},
        "aim_p99_ms": AIM_MS,
        "hits": hits,
        "asked": bench.sent,
        "cpus": os.cpu_count(),
        "load_1m": os.getloadavg()[0],
        "topic": ALLOCATION_EVENTS.name,
    }
    sys.stdout.write(json.dumps(found) + "\n")
