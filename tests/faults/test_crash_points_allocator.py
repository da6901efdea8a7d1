"""Allocators die once at every moment that the code names: each request is answered once, no
instance is forgotten, no cap is broken."""

import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from confluent_kafka import Producer

from allocator.partitioning import partition_of
from allocator.policy.rehearsal import rehearse
from infra.local import spawn
from schemas.crash_points import FOLDER, AllocatorPoint
from schemas.records import AllocationEvent, AllocationRequest
from schemas.settings import Settings
from schemas.topics import ALLOCATION_EVENTS, ALLOCATION_REQUESTS
from tests.testkit.allocator_books import (
    ENDS,
    answers,
    booked,
    in_the_cloud,
    leases_overlap,
    most_at_once,
)
from tests.testkit.allocator_process import KeptAllocator, start_allocator
from tests.testkit.crash_folder import CrashFolder
from tests.testkit.pipeline import Deployment, Waited, deployed, environment_number, wait_for
from tests.testkit.telemetry import read_all
from tests.testkit.under_fire import SEED, write_report

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

# Each owns a partition or two, so that several die while the group waits for one.
ALLOCATORS = 3
PARTITIONS = 4
# Of so many moments one is struck, the others only reached: a strike costs a session's timeout.
ONE_IN = environment_number("WARMFRONT_CRASH_ONE_IN", 3)
CAP, HELD = 12, 6
QUIET_S = 300.0


def pool_on(partition: int) -> str:
    """The first name of a pool that belongs to a partition."""
    names = (f"pool{number}" for number in range(1000))
    return next(n for n in names if partition_of(n.encode(), PARTITIONS) == partition)


POOLS = tuple(pool_on(partition) for partition in range(PARTITIONS))


@dataclass
class Office:
    """Asks for instances and gives them back; allocators that end are started again."""

    deployment: Deployment
    crashes: CrashFolder
    processes: list[spawn.Process] = field(default_factory=list)
    held: list[tuple[str, str]] = field(default_factory=list)
    asked: int = 0
    died: dict[int, tuple[float, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        servers = self.deployment.settings.bootstrap_servers
        self._producer = Producer({"bootstrap.servers": servers, "partitioner": "murmur2_random"})
        self._codec = self.deployment.codec

    def turn(self) -> bool:
        """Ask for one instance, give the eldest back; tell whether all moments were struck."""
        self.revive()
        self._send(f"r-{self.asked}", POOLS[self.asked % len(POOLS)], "REQUEST")
        self.held.append((f"r-{self.asked}", POOLS[self.asked % len(POOLS)]))
        self.asked += 1
        if len(self.held) > HELD * len(POOLS):
            self._send(*self.held.pop(0), "RELEASE")
        return not self.crashes.left()

    def is_whole(self) -> bool:
        """Whether all that were to die have; they have successors then."""
        self.revive()
        return len(self.died) == len(self.crashes.deadly)

    def recovered_s(self) -> list[float]:
        """How long after each death all pools had answered something that was asked after it."""
        settings = self.deployment.settings
        answered: dict[int, float] = {}
        for message in read_all(settings.bootstrap_servers, settings.topic(ALLOCATION_EVENTS.name)):
            event = self._codec.decode(ALLOCATION_EVENTS, message.value(), AllocationEvent)
            if event.kind in ENDS and event.request_id is not None:
                number, at_s = (
                    int(event.request_id.partition("-")[2]),
                    message.timestamp()[1] / 1000,
                )
                answered[number] = min(at_s, answered.get(number, at_s))
        return [
            max(
                min(at_s for n, at_s in answered.items() if n >= asked and n % len(POOLS) == pool)
                for pool in range(len(POOLS))
            ) - died_s
            for died_s, asked in self.died.values()
        ]  # fmt: skip

    def close(self) -> None:
        """Give everything back."""
        while self.held:
            self._send(*self.held.pop(), "RELEASE")
        assert self._producer.flush(120) == 0

    def revive(self) -> None:
        """Keep so many allocators running; note when each was seen to have died, after what."""
        running = sum(process.poll() is None for process in self.processes)
        for process in self.processes:
            if process.poll() == -signal.SIGKILL:
                self.died.setdefault(process.pid, (time.time(), self.asked))
        for _ in range(ALLOCATORS - running):
            self.processes.append(
                start_allocator(
                    self.deployment.settings, environment={FOLDER: str(self.crashes.folder)}
                )
            )

    def _send(self, request_id: str, pool: str, kind: str) -> None:
        request = AllocationRequest(
            request_id=request_id, kind=kind, user="ann", program="mail", pool=pool,
            time=time.time_ns() // 1_000_000,
        )  # fmt: skip
        topic = self.deployment.settings.topic(ALLOCATION_REQUESTS.name)
        self._producer.produce(
            topic, self._codec.encode(ALLOCATION_REQUESTS, request), pool.encode()
        )
        self._producer.poll(0)


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Compile the policy's kernels, which the allocators then find in the cache."""
    rehearse()


def events(deployment: Deployment) -> list[AllocationEvent]:
    return [event for _, event in deployment.records(ALLOCATION_EVENTS)]


def is_quiet(office: Office, settings: Settings) -> bool:
    """Whether all was answered, nobody holds anything, and books and cloud agree."""
    office.revive()
    told, there = answers(events(office.deployment)), in_the_cloud(settings)
    return len(told) == office.asked and bool(there) and there == booked(office.deployment)


def test_an_allocator_may_die_at_every_named_moment(
    kafka_bootstrap: str, registry_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    pools = tmp_path / "pools.toml"
    warm = f"min_instances = 2\nmax_instances = 4\ncap = {CAP}\n"
    pools.write_text("".join(f"[pool.{name}]\n{warm}" for name in POOLS))
    crashes = CrashFolder(tmp_path / "crashes", tuple(AllocatorPoint), ONE_IN, SEED % ONE_IN)
    with deployed(
        kafka_bootstrap, registry_url, topic_prefix, tmp_path, pools_file=pools
    ) as deployment:
        office = Office(deployment, crashes)
        said = KeptAllocator(deployment.settings).said
        try:
            wait_for(office.turn, Waited(crashes, said))
            wait_for(office.is_whole, Waited("the end of all that were struck", said))
            for _ in POOLS:  # the last to die has successors who answer, too
                office.turn()
            office.close()
            quiet = Waited("books that agree with the cloud", said)
            wait_for(lambda: is_quiet(office, deployment.settings), quiet, QUIET_S)
            codes = Counter(process.poll() for process in office.processes)
        finally:
            for process in office.processes:
                spawn.kill(process)
        told = events(deployment)
        most, recovered_s = most_at_once(deployment.settings), office.recovered_s()
    write_report(
        "allocator-crash-points", strikes=codes[-signal.SIGKILL], reached=len(AllocatorPoint),
        requests=office.asked, most_at_once=most, started=len(office.processes),
        recovered_s=[round(s, 1) for s in recovered_s],
    )  # fmt: skip
    assert codes[-signal.SIGKILL] == len(crashes.deadly) == len(recovered_s) > 0
    assert min(recovered_s) > 0.0
    assert {request: found for request, found in answers(told).items() if len(found) > 1} == {}
    assert not leases_overlap(told)
    assert 0 < max(most.values()) <= CAP
