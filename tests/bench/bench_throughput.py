"""Measures the whole path, telemetry on Kafka to state and demand, beside other frameworks.

make bench            (Kafka and registry: those of KAFKA_BOOTSTRAP_SERVERS and
                      WARMFRONT_REGISTRY_URL, else some of its own)
python -m tests.bench.bench_throughput --pieces worker quix_full --keep

Pieces, each on a topic of its own with two partitions: one real worker, two workers, and the same
with half a core for each (`_half`: the machine's cores are then not what ends first); `raw` (a loop
over confluent-kafka), plain Faust, Quix Streams and Bytewax, which do the keyed task alone; and the
same with a partition's whole fold (`raw_full`, `quix_full`, `bytewax_full`), see keyed_profile.py.
`stages` are timed in this process, `answers` are the times from telemetry to prediction at half of
one worker's load. Rates are of wall time and of CPU time, which other load changes less; a worker's
count until offsets are committed, the others' until the last message is applied. The hour before
is published already, as in a deployment that runs. reports/throughput.json is written after each
piece; `--keep` adds to it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import accumulate
from pathlib import Path

import psutil
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from infra.local.broker import LocalKafka
from infra.registry.apicurio import LocalRegistry
from schemas.connection import kafka_config
from schemas.records import ActivityBatch, PopulationPrior
from schemas.settings import Settings
from schemas.topics import POPULATION_PRIOR, TELEMETRY_ACTIVITY
from streams.pipeline.learned import learned_hour
from tests.bench.answering import answer_times
from tests.bench.bench_profile import BATCH, batches, events
from tests.bench.contenders import CHANGELOG, OUTPUTS
from tests.bench.cpu_share import cpu_share
from tests.bench.keyed_profile import partition_of
from tests.bench.pieces import Rate, Report
from tests.bench.profile_stages import stages
from tests.testkit.pipeline import REPOSITORY, Deployment, deployed

PARTITIONS = 2
EVERY_S = 4  # of each user: a batch of eight spans half a minute, so that none is late
WARM_SHARE = 0.25
WAIT_S = 480.0
ANSWERS_S = 25.0
FRAMEWORKS = REPOSITORY / ".cache" / "frameworks" / "bin" / "python"
HERE = Path(sys.executable)
CONTENDERS = {
    "raw": HERE, "faust": HERE, "quix": FRAMEWORKS, "bytewax": FRAMEWORKS,
    "raw_full": HERE, "quix_full": FRAMEWORKS, "bytewax_full": FRAMEWORKS,
}  # fmt: skip
# How many, and the share of a core that each of them gets: None is all it can take.
WORKERS: dict[str, tuple[int, float | None]] = {
    "worker": (1, None), "two_workers": (2, None),
    "worker_half": (1, 0.5), "two_workers_half": (2, 0.5),
}  # fmt: skip
PIECES = ("stages", *CONTENDERS, *WORKERS, "answers")
LEAST_FOLDED = 0.99
# Plain Faust does a tenth of what the others do: it gets a quarter of the log.
SHARES = {"faust": 0.25}


def encoded(deployment: Deployment, log: Sequence[ActivityBatch]) -> list[tuple[str, bytes, int]]:
    """User, bytes and number of events of each batch."""
    codec = deployment.codec
    return [(b.user, codec.encode(TELEMETRY_ACTIVITY, b), len(b.events)) for b in log]


def send(deployment: Deployment, log: Sequence[ActivityBatch]) -> list[list[int]]:
    """Put batches on the topic; how many events each partition holds up to each offset."""
    return send_encoded(deployment, encoded(deployment, log))


def send_encoded(
    deployment: Deployment, messages: Sequence[tuple[str, bytes, int]]
) -> list[list[int]]:
    """Put messages on the topic, in a moment; see `send`."""
    settings = deployment.settings
    producer = Producer({**kafka_config(settings), "linger.ms": 20, "compression.type": "lz4"})
    sizes: list[list[int]] = [[] for _ in range(PARTITIONS)]
    for user, value, events_in in messages:
        number = partition_of(user, PARTITIONS)
        producer.produce(settings.topic(TELEMETRY_ACTIVITY.name), value, user, number)
        sizes[number].append(events_in)
        producer.poll(0)
    assert producer.flush(60) == 0
    return [[0, *accumulate(of_partition)] for of_partition in sizes]


def publish_hour_before(deployment: Deployment, log: Sequence[ActivityBatch]) -> None:
    """Publish the hour that applies to the log: without it, each message asks for it."""
    settings = deployment.settings
    hour = learned_hour(log[-1].events[-1].time)
    prior = PopulationPrior(kind="DELTA", hour=hour, body=b"")
    producer = Producer(kafka_config(settings))
    value = deployment.codec.encode(POPULATION_PRIOR, prior)
    producer.produce(settings.topic(POPULATION_PRIOR.name), value, f"delta-{hour}")
    assert producer.flush(60) == 0


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
            future.result(60)
        yield deployment
        deployment.stop_workers()
        mine = [name for name in admin.list_topics(timeout=60).topics if prefix in name]
        for future in admin.delete_topics(mine).values():
            future.result(60)


def worked(
    settings: Settings, log: Sequence[ActivityBatch], workers: int, share: float | None
) -> Rate:
    """Let workers do the log; their rate from a quarter to three quarters of it committed.

    The last quarter is left out: whoever began first is through first, and does nothing then.
    """
    with cpu_share(share) as held, deployment_of(settings) as deployment:
        publish_hour_before(deployment, log)
        messages = encoded(deployment, log)
        members = [psutil.Process(deployment.start_worker().pid) for _ in range(workers)]
        deployment.wait_at_work(workers)
        if held is not None:
            for member in members:
                held.hold(member)
        ends = send_encoded(deployment, messages)
        at_events = sum(committed_until(deployment, ends, _a_quarter_is_done))
        began_s, cpu_s = time.perf_counter(), sum(map(_cpu_s, members))
        done_events = sum(committed_until(deployment, ends, _three_quarters_are_done))
        if done_events == at_events:
            raise ValueError("the log is too short: it was done between two commits")
        wall_s, cpu_s = time.perf_counter() - began_s, sum(map(_cpu_s, members)) - cpu_s
        memory = sum(memory_of(member) for member in members)
        return {**_rate(done_events - at_events, wall_s, cpu_s), "rss_mb": round(memory / 2**20)}


def _a_quarter_is_done(done: Sequence[int], totals: Sequence[int]) -> bool:
    return sum(done) >= WARM_SHARE * sum(totals)


def _three_quarters_are_done(done: Sequence[int], totals: Sequence[int]) -> bool:
    return sum(done) >= (1 - WARM_SHARE) * sum(totals)


def all_are_through(done: Sequence[int], totals: Sequence[int]) -> bool:
    """Whether all that was produced is committed."""
    return list(done) == list(totals)


def committed_until(
    deployment: Deployment, ends: list[list[int]],
    enough: Callable[[Sequence[int], Sequence[int]], bool],
) -> list[int]:  # fmt: skip
    """Wait until workers committed enough; how many events of each partition they then had."""
    settings = deployment.settings
    group = settings.topic("warmfront-workers")
    reader = Consumer({**kafka_config(settings), "group.id": group, "log_level": 3})
    topic = settings.topic(TELEMETRY_ACTIVITY.name)
    asked = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    totals = [end[-1] for end in ends]
    end_s = time.monotonic() + WAIT_S
    while True:
        committed = reader.committed(asked, timeout=10)
        done = [ends[p.partition][max(p.offset, 0)] for p in committed]
        if enough(done, totals):
            reader.close()
            return done
        if time.monotonic() > end_s or any(w.poll() is not None for w in deployment.workers):
            raise TimeoutError(f"workers came to {done} of {totals} events")
        time.sleep(0.05)


def answered(settings: Settings, log: Sequence[ActivityBatch], events_per_s: float) -> Rate:
    """Milliseconds from telemetry produced to its prediction read, at a given load."""
    with deployment_of(settings) as deployment:
        first = round(len(log) * WARM_SHARE)
        publish_hour_before(deployment, log)
        deployment.start_worker()
        deployment.wait_at_work(1)
        ends = send(deployment, log[:first])
        committed_until(deployment, ends, all_are_through)
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
    if told["folded"] < LEAST_FOLDED * told["events"]:
        raise RuntimeError(f"{name} put events aside, which costs little: {told}")
    return _rate(told["events"], told["wall_s"], told["cpu_s"])


def _rate(count: int, wall_s: float, cpu_s: float) -> Rate:
    return {"events": count, "events_per_s": round(count / wall_s),
            "events_per_cpu_s": round(count / cpu_s)}  # fmt: skip


def _cpu_s(process: psutil.Process) -> float:
    """CPU seconds of a tethered process and all below it."""
    times = [p.cpu_times() for p in (process, *process.children(recursive=True))]
    return sum(t.user + t.system for t in times)


def memory_of(process: psutil.Process) -> int:
    """Bytes of a process and all below it."""
    return sum(p.memory_info().rss for p in (process, *process.children(recursive=True)))


class Bench:
    """Runs pieces on one log and writes each down.

    Parameters
    ----------
    settings
        Broker and registry.
    log
        What all are given.
    report
        Takes the results.
    """

    def __init__(self, settings: Settings, log: Sequence[ActivityBatch], report: Report) -> None:
        self._settings = settings
        self._log = log
        self._report = report
        self._batch = max(len(batch.events) for batch in log)

    def run(self, name: str) -> None:
        """Run a piece; one that is not installed here is passed over."""
        result = self._result(name)
        sys.stderr.write(f"{name}: {result or 'not installed'}\n")
        if result is not None:
            self._report.add(name, result)

    def _result(self, name: str) -> Rate | None:
        if name == "stages":
            return stages(self._log[: len(self._log) // 4], self._settings)
        if name in WORKERS:
            return worked(self._settings, self._log, *WORKERS[name])
        if name == "answers":
            return self._answers()
        log = self._log[: round(len(self._log) * SHARES.get(name, 1.0))]
        with deployment_of(self._settings) as deployment:
            return contended(name, deployment, send(deployment, log))

    def _answers(self) -> Rate:
        rate = self._report.median("worker", "events_per_s")
        if rate is None:
            raise ValueError("answers are timed at half a worker's load: run the piece worker")
        count = min(len(self._log), round(rate / 2 * ANSWERS_S / self._batch / (1 - WARM_SHARE)))
        return answered(self._settings, self._log[:count], rate / 2)


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
    parser.add_argument("--events", type=int, default=160_000)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--batch", type=int, default=BATCH, help="events a message")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--pieces", nargs="+", choices=PIECES, default=PIECES)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "reports" / "throughput.json")
    asked = parser.parse_args()
    what = {
        "events": asked.events,
        "users": asked.users,
        "batch": asked.batch,
        "partitions": PARTITIONS,
    }
    report = Report(asked.out, what, keep=asked.keep)
    # Larger batches of the same time: users at work in more programs, or measured more often.
    every_s = EVERY_S * BATCH / asked.batch
    log = batches(events(asked.events, asked.users, every_s=every_s), asked.batch)
    with kafka_at_hand() as settings:
        bench = Bench(settings, log, report)
        for _ in range(asked.rounds):
            for name in asked.pieces:
                bench.run(name)
    sys.stdout.write(report.text())


if __name__ == "__main__":
    main()
