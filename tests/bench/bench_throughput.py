"""Measures the whole path, telemetry on Kafka to state and demand, beside other frameworks.

make bench            (Kafka and registry: those of KAFKA_BOOTSTRAP_SERVERS and
                      WARMFRONT_REGISTRY_URL, else some of its own)

In each round, on one topic with two partitions: one real worker, two workers, then `raw` (a loop
over confluent-kafka), plain Faust, Quix Streams and Bytewax, which do the keyed task alone
(keyed_profile.py): a worker also closes minutes and hours, and writes readable profiles. Rates are
of wall time and of CPU time, which other load changes less; ratios are within a round, shown as
median, lowest and highest. Stages are timed in this process. Writes reports/throughput.json.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import accumulate
from pathlib import Path

import psutil
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from infra.local.broker import LocalKafka
from infra.registry.apicurio import LocalRegistry
from schemas.connection import kafka_config
from schemas.records import ActivityBatch
from schemas.settings import Settings
from schemas.topics import TELEMETRY_ACTIVITY
from tests.bench.answering import answer_times
from tests.bench.bench_profile import BATCH, batches, events
from tests.bench.contenders import CHANGELOG, OUTPUTS
from tests.bench.keyed_profile import partition_of
from tests.bench.profile_stages import stages
from tests.testkit.pipeline import REPOSITORY, Deployment, deployed

PARTITIONS = 2
EVERY_S = 4  # of each user: a batch of eight spans half a minute, so that none is late
WARM_SHARE = 0.25
WAIT_S = 120.0
FRAMEWORKS = REPOSITORY / ".cache" / "frameworks" / "bin" / "python"
CONTENDERS = {"raw": Path(sys.executable), "faust": Path(sys.executable),
              "quix": FRAMEWORKS, "bytewax": FRAMEWORKS}  # fmt: skip
RATIOS = {"worker_to_raw": ("worker", "raw"), "worker_to_faust": ("worker", "faust"),
          "worker_to_quix": ("worker", "quix"), "worker_to_bytewax": ("worker", "bytewax"),
          "two_workers_to_one": ("two_workers", "worker")}  # fmt: skip
Rate = dict[str, float]


def send(deployment: Deployment, log: Sequence[ActivityBatch]) -> list[list[int]]:
    """Put batches on the topic; how many events each partition holds up to each offset."""
    codec, settings = deployment.codec, deployment.settings
    producer = Producer({**kafka_config(settings), "linger.ms": 20, "compression.type": "lz4"})
    sizes: list[list[int]] = [[] for _ in range(PARTITIONS)]
    for batch in log:
        number = partition_of(batch.user, PARTITIONS)
        value = codec.encode(TELEMETRY_ACTIVITY, batch)
        producer.produce(settings.topic(TELEMETRY_ACTIVITY.name), value, batch.user, number)
        sizes[number].append(len(batch.events))
        producer.poll(0)
    assert producer.flush(60) == 0
    return [[0, *accumulate(of_partition)] for of_partition in sizes]


@contextmanager
def deployment_of(settings: Settings) -> Iterator[Deployment]:
    """A fresh prefix on the broker; its topics are deleted at the end."""
    prefix = f"bench-{uuid.uuid4().hex[:8]}."
    with (
        tempfile.TemporaryDirectory() as folder,
        deployed(
            settings.bootstrap_servers, settings.registry_url, prefix, Path(folder),
            user_partitions=PARTITIONS, pool_partitions=PARTITIONS,
        ) as deployment,
    ):  # fmt: skip
        admin = AdminClient(kafka_config(settings))
        own = [NewTopic(prefix + name, PARTITIONS, 1) for name in (OUTPUTS, CHANGELOG)]
        for future in admin.create_topics(own).values():
            future.result(30)
        yield deployment
        deployment.stop_workers()
        mine = [name for name in admin.list_topics(timeout=10).topics if prefix in name]
        for future in admin.delete_topics(mine).values():
            future.result(30)


def worked(settings: Settings, log: Sequence[ActivityBatch], workers: int) -> Rate:
    """Let workers do the log; their rate from the first quarter's commit to the last's."""
    with deployment_of(settings) as deployment:
        ends = send(deployment, log)
        members = [psutil.Process(deployment.start_worker().pid) for _ in range(workers)]
        total = sum(end[-1] for end in ends)
        at_events = _when_committed(deployment, ends, round(total * WARM_SHARE))
        began_s, cpu_s = time.perf_counter(), sum(map(_cpu_s, members))
        _when_committed(deployment, ends, total)
        wall_s, cpu_s = time.perf_counter() - began_s, sum(map(_cpu_s, members)) - cpu_s
        memory = sum(_memory(member) for member in members)
        return {**_rate(total - at_events, wall_s, cpu_s), "rss_mb": round(memory / 2**20)}


def _when_committed(deployment: Deployment, ends: list[list[int]], wanted: int) -> int:
    """Wait until the workers committed so many events; how many it then was."""
    settings = deployment.settings
    group = settings.topic("warmfront-workers")
    reader = Consumer({**kafka_config(settings), "group.id": group, "log_level": 3})
    topic = settings.topic(TELEMETRY_ACTIVITY.name)
    asked = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    end_s = time.monotonic() + WAIT_S
    while True:
        done = reader.committed(asked, timeout=10)
        events_done = sum(ends[p.partition][max(p.offset, 0)] for p in done)
        if events_done >= wanted:
            reader.close()
            return events_done
        if time.monotonic() > end_s or any(w.poll() is not None for w in deployment.workers):
            raise TimeoutError(f"workers came to {events_done} of {wanted} events")
        time.sleep(0.05)


def answered(settings: Settings, log: Sequence[ActivityBatch], events_per_s: float) -> Rate:
    """Milliseconds from telemetry produced to its prediction read, at a given load."""
    with deployment_of(settings) as deployment:
        first = round(len(log) * WARM_SHARE)
        ends = send(deployment, log[:first])
        deployment.start_worker()
        _when_committed(deployment, ends, sum(end[-1] for end in ends))
        times = answer_times(deployment, log[first:], [len(end) - 1 for end in ends], events_per_s)
    cuts = statistics.quantiles(times, n=100)
    return {"events_per_s": round(events_per_s), "predictions": len(times),
            "p50_ms": round(cuts[49], 1), "p99_ms": round(cuts[98], 1)}  # fmt: skip


def contended(name: str, deployment: Deployment, ends: list[list[int]]) -> Rate | None:
    """Let a contender do the log; None where it is not installed."""
    python = CONTENDERS[name]
    if not python.exists():
        return None
    total = sum(len(end) - 1 for end in ends)
    folder = deployment.settings.state_dir / name
    folder.mkdir()
    command = [str(python), "-m", "tests.bench.contenders", name]
    done = subprocess.run(
        [*command, str(round(total * WARM_SHARE)), str(total), str(folder)], cwd=REPOSITORY,
        env={**os.environ, **deployment.environment}, timeout=WAIT_S, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{name} failed: {done.stderr[-2000:]}")
    told = json.loads(done.stdout[done.stdout.rindex("{") :])  # Faust draws before it
    return _rate(told["events"], told["wall_s"], told["cpu_s"])


def _rate(count: int, wall_s: float, cpu_s: float) -> Rate:
    return {"events": count, "events_per_s": round(count / wall_s),
            "events_per_cpu_s": round(count / cpu_s)}  # fmt: skip


def _cpu_s(process: psutil.Process) -> float:
    """CPU seconds of a tethered process and all below it."""
    times = [p.cpu_times() for p in (process, *process.children(recursive=True))]
    return sum(t.user + t.system for t in times)


def _memory(process: psutil.Process) -> int:
    return sum(p.memory_info().rss for p in (process, *process.children(recursive=True)))


def one_round(settings: Settings, log: Sequence[ActivityBatch]) -> dict[str, Rate | None]:
    """All contenders, one after another; None for those that are not installed."""
    rates: dict[str, Rate | None] = {}
    with deployment_of(settings) as deployment:
        ends = send(deployment, log)
        for name in CONTENDERS:
            rates[name] = _told(name, contended(name, deployment, ends))
    for name, workers in (("worker", 1), ("two_workers", 2)):
        rates[name] = _told(name, worked(settings, log, workers))
    return rates


def _told(name: str, rate: Rate | None) -> Rate | None:
    sys.stderr.write(f"{name}: {rate or 'not installed'}\n")
    return rate


def ratios(rounds: Sequence[dict[str, Rate | None]], measure: str) -> dict[str, list[float]]:
    """Median, lowest and highest of each ratio within a round."""
    found = {}
    for name, (over, under) in RATIOS.items():
        values = [
            one[over][measure] / one[under][measure] for one in rounds if one[over] and one[under]
        ]
        if values:
            shown = (statistics.median(values), min(values), max(values))
            found[name] = [round(value, 2) for value in shown]
    return found


def _half_load(rounds: Sequence[dict[str, Rate | None]]) -> float:
    return statistics.median(one["worker"]["events_per_s"] for one in rounds if one["worker"]) / 2


def machine() -> dict[str, object]:
    """Facts that the figures hang on."""
    return {
        "cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.platform(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "load": [round(value, 1) for value in os.getloadavg()],
    }  # fmt: skip


def measure(settings: Settings, count: int, users: int, rounds: int) -> dict[str, object]:
    """Run everything; the result is what is written to reports/."""
    before = machine()
    log = batches(events(count, users, every_s=EVERY_S))
    done = [one_round(settings, log) for _ in range(rounds)]
    return {
        "events": count, "users": users, "batch": BATCH, "partitions": PARTITIONS,
        "stages": stages(log, settings), "rounds": done,
        "ratios_by_cpu": ratios(done, "events_per_cpu_s"),
        "ratios_by_wall": ratios(done, "events_per_s"),
        "answers_at_half_load": answered(settings, log, _half_load(done)),
        "machine_before": before, "machine_after": machine(),
    }  # fmt: skip


@contextmanager
def kafka_at_hand() -> Iterator[Settings]:
    """The broker and registry that the environment names, else new ones."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bootstrap = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
        registry = os.environ.get("WARMFRONT_REGISTRY_URL")
        yield Settings(
            bootstrap_servers=bootstrap
            or stack.enter_context(LocalKafka(folder / "kafka")).bootstrap,
            registry_url=registry or stack.enter_context(LocalRegistry(folder / "registry")).url,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=12_000)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "reports" / "throughput.json")
    asked = parser.parse_args()
    with kafka_at_hand() as settings:
        result = measure(settings, asked.events, asked.users, asked.rounds)
    asked.out.parent.mkdir(exist_ok=True)
    asked.out.write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(asked.out.read_text())


if __name__ == "__main__":
    main()
