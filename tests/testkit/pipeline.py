"""Runs the pipeline on a real broker, and compares what it gave with the offline fold."""

import os
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import Any

import msgspec
import structlog

from infra.local import spawn
from infra.local.ports import free_port
from schemas.codec import Codec
from schemas.records import ActivityBatch, Tick
from schemas.registry import RegistryIds
from schemas.settings import Settings
from schemas.topics import TELEMETRY_ACTIVITY, TELEMETRY_TICKS, Topic
from streams.agents.worker import make_ways
from streams.runtime.app import WORKERS
from streams.runtime.fence import PAUSED
from streams.runtime.guard import EXIT_FATAL
from streams.runtime.topic_admin import create_topics
from tests.testkit.dead_members import bury
from tests.testkit.forked_worker import ForkedWorker
from tests.testkit.offline import Message, Offline
from tests.testkit.telemetry import read_all

REPOSITORY = Path(__file__).parents[2]
START_S = 300.0  # 45 s were measured on two cores at a load of 7
GROUP = f"warmfront-{WORKERS}"
AnyWorker = spawn.Process | ForkedWorker
TOLD_CHARS = 2_000
MAIN = "import sys; from streams.cli import main; sys.argv[0] = 'warmfront'; main()"

LOG = structlog.get_logger()


@dataclass
class Deployment:
    """One prefix on the broker: its settings, and the workers that a test starts and kills.

    Parameters
    ----------
    settings
        What the test itself uses to reach the broker.
    worker_environment
        Variables that all its workers get on top, those started in place of others too.
    program
        What Python is told to run as `warmfront`.
    forks
        Whether workers are forked from a warm process, and a dead one is reported to its group at
        once: a new start takes a second instead of 15. For one worker at a time.
    """

    settings: Settings
    worker_environment: dict[str, str] = field(default_factory=dict)
    program: tuple[str, ...] = ("-c", MAIN)
    forks: bool = False
    workers: list[AnyWorker] = field(default_factory=list)
    _replaced: set[int] = field(default_factory=set)
    _ports: list[int] = field(default_factory=list)

    @property
    def codec(self) -> Codec:
        ids = RegistryIds(self.settings.registry_url, self.settings.schema_cache)
        return Codec(ids, self.settings.topic_prefix)

    @property
    def environment(self) -> dict[str, str]:
        s = self.settings
        return {
            "KAFKA_BOOTSTRAP_SERVERS": s.bootstrap_servers,
            "WARMFRONT_REGISTRY_URL": s.registry_url,
            "WARMFRONT_TOPIC_PREFIX": s.topic_prefix,
            "WARMFRONT_STATE_DIR": str(s.state_dir),
            "WARMFRONT_USER_PARTITIONS": str(s.user_partitions),
            "WARMFRONT_POOLS_FILE": str(s.pools_file),
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, *self.program, *arguments]

    def start_worker(self) -> AnyWorker:
        log = self.settings.state_dir / f"worker{len(self.workers)}.log"
        self._ports.append(free_port())
        env = {
            **self.environment, "WARMFRONT_METRICS_PORT": str(self._ports[-1]),
            **self.worker_environment,
        }  # fmt: skip
        self.workers.append(self._worker(env, log))
        return self.workers[-1]

    def _worker(self, env: dict[str, str], log: Path) -> AnyWorker:
        if self.forks:
            return ForkedWorker(env, log)
        with log.open("wb") as out:
            return spawn.spawn(self.command("worker"), output=out, env=env, cwd=REPOSITORY)

    def kill_a_worker(self, chance: random.Random) -> None:
        """SIGKILL a running worker and start another in its place."""
        self.revive_workers()  # one that ended by itself since it was looked at is not killed
        running = [n for n, worker in enumerate(self.workers) if worker.poll() is None]
        number = chance.choice(running)
        spawn.kill(self.workers[number])
        self.revive_workers()

    def working_worker(self) -> AnyWorker | None:
        """A worker that runs and owns its partitions, as it says itself."""
        for worker, port in zip(self.workers, self._ports, strict=True):
            if worker.poll() is None and _is_ready(port):
                return worker
        return None

    def wait_at_work(self, count: int) -> None:
        """Wait until so many workers own their partitions; those that ended are started anew."""

        def at_work() -> bool:
            ready = sum(
                worker.poll() is None and _is_ready(port)
                for worker, port in zip(self.workers, self._ports, strict=True)
            )
            return ready == count

        self.wait_for(at_work, f"{count} workers at work")

    def wait_for(
        self, condition: Callable[[], object], what: object, timeout_s: float = START_S
    ) -> None:
        """Wait until a condition holds, with a supervisor's eye on the workers.

        A worker that can't be sure of its input or state ends itself, and is started again.
        """

        def held() -> object:
            self.revive_workers()
            return condition()

        wait_for(held, what, timeout_s)

    def wait_for_work(self) -> AnyWorker:
        """Wait until a worker is at work, and return it."""
        found: list[AnyWorker | None] = []

        def at_work() -> bool:
            found.append(self.working_worker())
            return found[-1] is not None

        self.wait_for(at_work, "a worker at work")
        worker = found[-1]
        assert worker is not None
        return worker

    def run_to_its_end(self, process: spawn.Process, timeout_s: float) -> None:
        """Wait until a command that needs workers has ended well."""
        self.wait_for(lambda: process.poll() is not None, f"the end of {process.args}", timeout_s)
        assert process.poll() == 0, process.args

    def tell(self) -> None:
        """Say how each worker ended and what it said last, for whoever reads of a failure."""
        for number, worker in enumerate(self.workers):
            said = self.said(worker)[-TOLD_CHARS:]
            LOG.error("worker", number=number, exit_code=worker.poll(), said=said)

    def said(self, worker: AnyWorker) -> str:
        """What a worker has written so far."""
        log = self.settings.state_dir / f"worker{self.workers.index(worker)}.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def stood_still(self, worker: AnyWorker) -> bool:
        """Whether a worker ended itself because this machine gave it no time, as it says itself.

        What the test meant to do to it has not been tried then.
        """
        return worker.poll() == EXIT_FATAL and PAUSED in self.said(worker)

    def let_go(self, worker: AnyWorker) -> None:
        """Start no other in place of a worker that is going to be stopped."""
        self._replaced.add(self.workers.index(worker))

    def revive_workers(self) -> None:
        """Start a worker for each that ended by itself, as a supervisor does."""
        for number, worker in enumerate(self.workers):
            if worker.poll() is not None and number not in self._replaced:
                self._replaced.add(number)
                if self.forks:
                    bury(self.settings.bootstrap_servers, self.settings.topic(GROUP))
                self.start_worker()

    def stop_workers(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                spawn.kill(worker)

    def records(self, topic: Topic) -> list[tuple[str, msgspec.Struct]]:
        """All records of a topic with their keys, repeats included."""
        codec, kind = self.codec, topic.record
        assert kind is not None
        messages = read_all(self.settings.bootstrap_servers, self.settings.topic(topic.name))
        return [(m.key().decode(), codec.decode(topic, m.value(), kind)) for m in messages]

    def telemetry(self) -> list[Message]:
        """The log of telemetry in the order of the broker's time."""
        codec, messages = self.codec, []
        for topic, kind in ((TELEMETRY_ACTIVITY, ActivityBatch), (TELEMETRY_TICKS, Tick)):
            for m in read_all(self.settings.bootstrap_servers, self.settings.topic(topic.name)):
                value = codec.decode(topic, m.value(), kind)
                messages.append(Message(m.partition(), m.offset(), m.timestamp()[1], value))
        # Within a millisecond activity goes first: a heartbeat waits for it anyway.
        return sorted(messages, key=lambda m: (m.appended_ms, isinstance(m.value, Tick), m.offset))

    def offline(self) -> Offline:
        """The offline fold over what is on the log."""
        ways, pools = make_ways(self.settings)
        offline = Offline(ways, pools, self.settings.user_partitions)
        offline.run(self.telemetry())
        return offline


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=20) as reply:
            return reply.status == 200
    except (OSError, HTTPException):
        return False


@cache
def compile_kernels() -> None:
    """Compile what workers compile at their first start here, for minutes that no test waits."""
    subprocess.run([sys.executable, "-m", "tests.testkit.warmed"], cwd=REPOSITORY, check=True)


@contextmanager
def deployed(
    bootstrap: str, registry: str, prefix: str, folder: Path, **settings: Any
) -> Iterator[Deployment]:
    """A fresh deployment with its topics; its workers are killed at the end."""
    compile_kernels()
    pools = settings.pop("pools_file", REPOSITORY / "infra" / "pools.toml")
    made = Settings(
        bootstrap_servers=bootstrap, registry_url=registry, topic_prefix=prefix,
        state_dir=folder, pools_file=pools, **settings,
    )  # fmt: skip
    create_topics(made)
    deployment = Deployment(made)
    try:
        yield deployment
    except BaseException:
        deployment.tell()
        raise
    finally:
        deployment.stop_workers()


@dataclass(frozen=True)
class Waited:
    """What is waited for; in words it has what was said meanwhile, as of when they are asked."""

    what: object
    said: Callable[[], str]

    def __str__(self) -> str:
        return f"{self.what}; it said:\n{self.said()}\n"


def wait_for(condition: Callable[[], object], what: object, timeout_s: float = START_S) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {timeout_s:.0f} s"
        time.sleep(0.25)


def distinct(records: list[tuple[str, msgspec.Struct]]) -> list[bytes]:
    """Records without their repeats, as comparable bytes, in no particular order."""
    return sorted({key.encode() + msgspec.msgpack.encode(record) for key, record in records})


def environment_number(name: str, default: int) -> int:
    """A size that a long run sets by an environment variable."""
    return int(os.environ.get(name, default))
