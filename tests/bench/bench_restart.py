"""Measures how long a worker takes from its start to its first prediction, with many users to read.

python -m tests.bench.bench_restart [--users 200000] [--workers 1] [--out FILE]

The changelog is built directly, of copies of some people's states; telemetry of a few users waits
on the topic. Broker and registry as for `bench_throughput`. Writes reports/restart.json.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
from confluent_kafka import Producer

from schemas.connection import kafka_config
from schemas.topics import PREDICTIONS_PROGRAMS
from streams.pipeline.user import User
from streams.runtime.app import changelog
from streams.runtime.newest_store import ranked
from streams.runtime.topic_admin import create_changelogs
from tests.bench.bench_profile import batches, events
from tests.bench.bench_scale import templates
from tests.bench.bench_throughput import EVERY_S, PARTITIONS, deployment_of, kafka_at_hand, send
from tests.bench.keyed_profile import partition_of
from tests.bench.pieces import machine
from tests.testkit.pipeline import REPOSITORY, Deployment

WAIT_S = 280.0


def fill(deployment: Deployment, count: int) -> int:
    """Put users on the changelog; their bytes in all."""
    name = changelog(deployment.settings, "users")
    create_changelogs(deployment.settings, {name: PARTITIONS})
    saved = templates()
    states = [_states_of(number, saved) for number in range(PARTITIONS)]
    producer = Producer(
        {**kafka_config(deployment.settings), "linger.ms": 20, "compression.type": "lz4"}
    )
    size = 0
    for n in range(count):
        number = partition_of(f"user{n}", PARTITIONS)
        value = states[number][n % len(states[number])]
        while True:
            try:
                producer.produce(name, value, b"user%d" % n, number)
                break
            except BufferError:
                producer.poll(0.1)
        size += len(value)
        producer.poll(0)
    assert producer.flush(120) == 0
    return size


def _states_of(partition: int, saved: Sequence[bytes]) -> list[bytes]:
    users = [User.from_bytes(state) for state in saved]
    for user in users:
        user.partition = partition
    return [ranked(0, user.to_bytes()) for user in users]


def restarted(deployment: Deployment, workers: int) -> dict[str, float]:
    """Seconds from starting workers to the first prediction of each partition, and their memory."""
    started_s = time.perf_counter()
    members = [psutil.Process(deployment.start_worker().pid) for _ in range(workers)]
    seen: set[str] = set()
    while len(seen) < PARTITIONS:
        made = deployment.records(PREDICTIONS_PROGRAMS)
        seen = {record.prediction_id.split("-")[1] for _, record in made}
        if time.perf_counter() - started_s > WAIT_S:
            raise TimeoutError(f"predictions of {len(seen)} partitions only")
        time.sleep(0.2)
    all_of = [p for m in members for p in (m, *m.children(recursive=True))]
    memory = sum(p.memory_info().rss for p in all_of)
    cpu_s = sum(p.cpu_times().user + p.cpu_times().system for p in all_of)
    return {"seconds": round(time.perf_counter() - started_s, 1), "cpu_s": round(cpu_s, 1),
            "rss_mb": round(memory / 2**20)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "reports" / "restart.json")
    asked = parser.parse_args()
    with kafka_at_hand() as settings:
        rows = {}
        for users in (0, asked.users):  # what a start takes with nobody to read is in both
            with deployment_of(settings) as deployment:
                size = fill(deployment, users)
                send(deployment, batches(events(200, 20, every_s=EVERY_S)))
                rows[users] = {"bytes": size, **restarted(deployment, asked.workers)}
                sys.stderr.write(f"{users}: {rows[users]}\n")
    told = {"machine": machine(), "workers": asked.workers, "users": rows}
    asked.out.parent.mkdir(exist_ok=True)
    asked.out.write_text(json.dumps(told, indent=1) + "\n")
    sys.stdout.write(asked.out.read_text())


if __name__ == "__main__":
    main()
