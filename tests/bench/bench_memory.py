"""Measures how a worker's memory grows with events, once its users have learnt all that they keep.

python -m tests.bench.bench_memory [--million 2.4] [--warm-million 0.9] [--users 20] [--out FILE]

Rounds of 100,000 events come one after the other, and memory is read when each is committed. Those
that warm up are a week apart, so that what is kept for eight weeks at most is there at their end; a
user keeps at most 4,096 launches, which 20 users at work have made after some 400,000 events. The
slope is that of the least squares over the rounds that follow. Writes reports/memory.json.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psutil

from infra.local.spawn import Process
from schemas.records import ActivityBatch
from tests.bench.bench_profile import batches, events
from tests.bench.bench_throughput import (
    EVERY_S,
    PARTITIONS,
    all_are_through,
    committed_until,
    deployment_of,
    encoded,
    kafka_at_hand,
    memory_of,
    publish_hour_before,
    send_encoded,
)
from tests.bench.pieces import machine
from tests.testkit.pipeline import REPOSITORY, Deployment

ROUND = 100_000
MIB = 2**20
WEEK_MS = 7 * 86_400_000


def later(log: Sequence[ActivityBatch], rounds: int, later_ms: int) -> list[ActivityBatch]:
    """The same work again, so much later, as new events."""
    moved = []
    for batch in log:
        again = [
            msgspec.structs.replace(e, seq=e.seq + rounds * ROUND, time=e.time + later_ms)
            for e in batch.events
        ]
        moved.append(msgspec.structs.replace(batch, events=again))
    return moved


def grown(deployment: Deployment, users: int, rounds: int, warm: int) -> list[float]:
    """Memory (MiB) of one worker after each round, of which the first warm up."""
    log = batches(events(ROUND, users, every_s=EVERY_S))
    span_ms = max(b.events[-1].time for b in log) - log[0].events[0].time + 1_000
    publish_hour_before(deployment, log[:1])
    worker: Process = deployment.start_worker()
    deployment.wait_at_work(1)
    member = psutil.Process(worker.pid)
    ends: list[list[int]] = [[0] for _ in range(PARTITIONS)]
    read = []
    for number in range(rounds):
        later_ms = min(number, warm) * WEEK_MS + max(number - warm, 0) * span_ms
        sent = send_encoded(deployment, encoded(deployment, later(log, number, later_ms)))
        for of_partition, more in zip(ends, sent, strict=True):
            before = of_partition[-1]
            of_partition += [before + count for count in more[1:]]
        committed_until(deployment, ends, all_are_through)
        read.append(memory_of(member) / MIB)
        sys.stderr.write(f"{(number + 1) * ROUND:,} events: {read[-1]:.1f} MiB\n")
    return read


def slope(read: Sequence[float]) -> float:
    """MiB a million events, by least squares.

    Examples
    --------
    >>> slope([100.0, 100.1, 100.2])
    1.0
    """
    x = [number * ROUND / 1e6 for number in range(len(read))]
    return round(statistics.linear_regression(x, read).slope, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--million", type=float, default=2.4)
    parser.add_argument("--warm-million", type=float, default=0.9)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "reports" / "memory.json")
    asked = parser.parse_args()
    rounds, warm = (round(m * 1e6 / ROUND) for m in (asked.million, asked.warm_million))
    with kafka_at_hand() as settings, deployment_of(settings) as deployment:
        read = grown(deployment, asked.users, rounds, warm)
    after = read[warm - 1 :]
    told = {
        "machine": machine(), "users": asked.users, "events": rounds * ROUND, "warm": warm * ROUND,
        "mib": [round(m, 1) for m in read],
        "mib_a_million_events": slope(after),
        "halves": [slope(after[: len(after) // 2 + 1]), slope(after[len(after) // 2 :])],
    }  # fmt: skip
    asked.out.parent.mkdir(exist_ok=True)
    asked.out.write_text(json.dumps(told, indent=1) + "\n")
    sys.stdout.write(asked.out.read_text())


if __name__ == "__main__":
    main()
