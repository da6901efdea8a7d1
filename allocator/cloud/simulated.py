"""A cloud that is simulated: launch delays, quotas and every fault of a real one, seeded."""

import math
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import chain, count
from pathlib import Path
from typing import Any

from allocator.cloud import store as books
from allocator.cloud.faults import Fault, Faults
from allocator.cloud.protocol import Access, CloudError, InstanceSpec, Usage
from allocator.cloud.store import CloudStore
from allocator.machine.observed import HOSTLESS, Answer, CloudStatus, Observed, Verb

WAKES = {
    Verb.UNPAUSE: CloudStatus.PAUSED,
    Verb.RESUME: CloudStatus.SUSPENDED,
    Verb.UNSHELVE: CloudStatus.SHELVED,
}


@dataclass(frozen=True, slots=True)
class Simulation:
    """How the simulated cloud behaves.

    Parameters
    ----------
    launch_median_s, launch_spread
        Launch times are log-normal: the median, and the standard deviation of the logarithm.
    rebuild_s, delete_s, resume_s, unshelve_s
        How long these take.
    quota
        Most instances of all pools.
    hosts
        How many hosts there are; none is ever full.
    fault_rate
        Share of calls that go wrong.
    stale_s
        How old a stale listing may be.
    access
        Where every instance takes SSH.
    """

    launch_median_s: float = 90.0
    launch_spread: float = 0.15
    rebuild_s: float = 30.0
    delete_s: float = 5.0
    resume_s: float = 2.0
    unshelve_s: float = 20.0
    quota: int = 1_000_000
    hosts: int = 8
    fault_rate: float = 0.0
    stale_s: float = 30.0
    access: Access = field(default_factory=lambda: Access("127.0.0.1"))


class SimulatedCloud:
    """Implements `Cloud`; its books are in a file where one is given.

    Parameters
    ----------
    clock
        Returns the time in milliseconds.
    owner
        Our tag.
    simulation
        How it behaves.
    seed
        Of launch times and faults.
    store
        File that keeps the instances over a kill of the allocator.

    Examples
    --------
    >>> now = [0]
    >>> cloud = SimulatedCloud(lambda: now[0], "me", Simulation(launch_spread=0.0))
    >>> made = cloud.create(InstanceSpec("office", "office-1"))
    >>> now[0] = 90_000
    >>> cloud.get(made).status
    <CloudStatus.ACTIVE: 'active'>
    """

    def __init__(
        self,
        clock: Callable[[], int],
        owner: str,
        simulation: Simulation | None = None,
        seed: int = 0,
        store: Path | None = None,
    ) -> None:
        self.simulation = simulation or Simulation()
        self._clock = clock
        self._owner = owner
        self._chance = random.Random(seed)
        self.faults = Faults(self.simulation.fault_rate, random.Random(seed + 1))
        self._store = CloudStore(store)
        self._used: dict[str, Usage] = {}
        self._dead: set[str] = set()
        self._held_at_most = self.simulation.quota  # none is held beyond, as far as was counted

    def create(self, spec: InstanceSpec) -> str:
        """Ask for an instance; CloudError where it is refused or the answer is lost."""
        fault = self._enter(Verb.CREATE)
        if fault is Fault.QUOTA or self._is_full():
            raise CloudError("403 quota exceeded", Answer.REFUSED, is_quota=True)
        made = self._insert(spec, breaks=fault is Fault.ERROR_STATE)
        self._leave(fault)
        return made

    def list_pool(self, pool: str) -> list[Observed]:
        """Return the pool's instances, as they are or as they were a moment ago."""
        fault = self._enter(None)
        at_ms = self._clock()
        if fault is Fault.STALE_LISTING:
            at_ms -= int(self._chance.uniform(0, self.simulation.stale_s) * 1000)
        rows = self._store.rows(books.LIST, (self._owner, pool, at_ms, at_ms))
        listed = [self._observed(row, at_ms) for row in rows]
        if fault is Fault.PHANTOM_LISTING:
            name = f"phantom-{self._chance.getrandbits(32):08x}"
            listed.append(Observed(name, name, CloudStatus.ACTIVE, at_ms, at_ms))
        return listed

    def get(self, instance_id: str) -> Observed:
        """Return one instance; CloudError MISSING where there is none."""
        now_ms = self._clock()
        rows = self._store.rows(books.GET, (instance_id, self._owner, now_ms))
        if not rows:
            raise CloudError("404 no such instance", Answer.MISSING)
        return self._observed(rows[0], now_ms)

    def delete(self, instance_id: str) -> None:
        """Ask for an instance's end; it is listed until the deletion is done."""
        fault = self._enter(Verb.DELETE)
        if self.get(instance_id).status is not CloudStatus.DELETED:
            gone_ms = self._clock() + int(self.simulation.delete_s * 1000)
            self._update(books.DELETE, gone_ms, instance_id)
        self._leave(fault)

    def pause(self, instance_id: str) -> None:
        """Freeze an instance."""
        self._rest(Verb.PAUSE, instance_id, CloudStatus.PAUSED)

    def unpause(self, instance_id: str) -> None:
        """Thaw an instance, at once."""
        self._wake(Verb.UNPAUSE, instance_id, 0.0)

    def suspend(self, instance_id: str) -> None:
        """Put an instance's memory on disk."""
        self._rest(Verb.SUSPEND, instance_id, CloudStatus.SUSPENDED)

    def resume(self, instance_id: str) -> None:
        """Bring a suspended instance back, which takes a moment."""
        self._wake(Verb.RESUME, instance_id, self.simulation.resume_s)

    def shelve(self, instance_id: str) -> None:
        """Keep an instance as an image."""
        self._rest(Verb.SHELVE, instance_id, CloudStatus.SHELVED)

    def unshelve(self, instance_id: str) -> None:
        """Bring a shelved instance back, which takes longer."""
        self._wake(Verb.UNSHELVE, instance_id, self.simulation.unshelve_s)

    def rebuild(self, instance_id: str, image: str) -> None:
        """Make an instance as new, which takes a while."""
        del image
        fault = self._enter(Verb.REBUILD)
        if self.get(instance_id).status in {CloudStatus.BUILD, CloudStatus.DELETED}:
            raise CloudError("409 can't be rebuilt now", Answer.REFUSED)
        ready_ms = self._clock() + int(self.simulation.rebuild_s * 1000)
        self._update(books.REBUILD, ready_ms, instance_id)
        self._leave(fault)

    def set_bandwidth(self, instance_id: str, qos_policy: str) -> None:
        """Note the policy: no packet is simulated."""
        fault = self._enter(Verb.WIDEN)
        self.get(instance_id)
        self._store.write(books.QOS, (qos_policy, instance_id, self._owner))
        self._leave(fault)

    def usage(self, instance_id: str) -> Usage:
        """Return what `use` set, else nothing used since it became ready."""
        found = self.get(instance_id)
        idle = Usage(0.0, 0, 0, 0, max(0, self._clock() - (found.ready_ms or 0)) / 1000)
        return self._used.get(instance_id, idle)

    def use(self, instance_id: str, usage: Usage) -> None:
        """Let an instance have used this much."""
        self._used[instance_id] = usage

    def access(self, instance_id: str) -> Access:
        """Return where all simulated instances take SSH."""
        self.get(instance_id)
        return self.simulation.access

    def bandwidth(self, instance_id: str) -> str:
        """Return the QoS policy that an instance has."""
        rows = self._store.rows(books.QOS_OF, (instance_id, self._owner))
        return str(rows[0][0]) if rows else ""

    def quota_left(self) -> int:
        """Return how many more instances the quota allows."""
        return self.simulation.quota - self.held()

    def held(self, pool: str | None = None) -> int:
        """Return how many instances there are in truth: of a pool, or of all."""
        rows = self._store.rows(books.COUNT, (self._owner, pool, pool, self._clock()))
        return int(rows[0][0])

    def break_instance(self, instance_id: str) -> None:
        """Put an instance into ERROR, as a fault of its hypervisor would."""
        self._update(books.BREAK, 1, instance_id)

    @property
    def hosts(self) -> list[str]:
        """The hosts, dead or not."""
        return [f"host-{number}" for number in range(self.simulation.hosts)]

    def kill_host(self, host: str) -> None:
        """Let a host be silent: what is on it goes on being listed, and nothing new comes there."""
        self._dead.add(host)

    def start_host(self, host: str) -> None:
        """Let a host answer again."""
        self._dead.discard(host)

    def _host_of(self, instance_id: str) -> str:
        return f"host-{int(instance_id[:8], 16) % self.simulation.hosts}"

    def _observed(self, row: tuple[Any, ...], at_ms: int) -> Observed:
        found, host = _observed(row, at_ms), self._host_of(row[0])
        if host in self._dead and found.status not in HOSTLESS:
            return replace(found, host=host, status=CloudStatus.UNREACHABLE)
        return replace(found, host=host)

    def close(self) -> None:
        """Close its books."""
        self._store.close()

    def _enter(self, verb: Verb | None) -> Fault | None:
        """Draw a fault and raise the ones that come before anything is done."""
        fault = self.faults.draw(verb)
        if fault in {Fault.THROTTLED, Fault.CONFLICT}:
            raise CloudError(str(fault), Answer.REFUSED)
        if fault in {
            Fault.TIMEOUT_BEFORE, Fault.SERVER_ERROR, Fault.OUTAGE, Fault.LISTING_FAILED,
        }:  # fmt: skip
            raise CloudError(str(fault), Answer.UNKNOWN)
        return fault

    def _leave(self, fault: Fault | None) -> None:
        """Lose the answer of a call that was done."""
        if fault is Fault.TIMEOUT_AFTER_SUCCESS:
            raise CloudError(str(fault), Answer.UNKNOWN)

    def _rest(self, verb: Verb, instance_id: str, rest: CloudStatus) -> None:
        fault = self._enter(verb)
        if self.get(instance_id).status not in {CloudStatus.ACTIVE, rest}:
            raise CloudError(f"409 can't {verb.lower()} what does not run", Answer.REFUSED)
        self._store.write(books.REST, (rest, instance_id, self._owner))
        self._leave(fault)

    def _wake(self, verb: Verb, instance_id: str, after_s: float) -> None:
        fault = self._enter(verb)
        status = self.get(instance_id).status
        if status not in {WAKES[verb], CloudStatus.ACTIVE}:
            raise CloudError(f"409 can't {verb.lower()} what is {status}", Answer.REFUSED)
        if status is not CloudStatus.ACTIVE:
            self._update(books.WAKE, self._clock() + int(after_s * 1000), instance_id)
        self._leave(fault)

    def _is_full(self) -> bool:
        """Tell whether the quota is used up; counted only where it could be, 0.3 ms of 4,000."""
        if self._held_at_most >= self.simulation.quota:
            self._held_at_most = self.held()
        self._held_at_most += 1
        return self._held_at_most > self.simulation.quota

    def _insert(self, spec: InstanceSpec, *, breaks: bool) -> str:
        now_ms = self._clock()
        spread = self._chance.gauss(0.0, self.simulation.launch_spread)
        launch_ms = int(1000 * self.simulation.launch_median_s * math.exp(spread))
        name = f"{self._owner}/{spec.intent_id}/{now_ms}/{self._chance.getrandbits(64)}"
        placed = self._placed(name)
        instance_id = placed or str(uuid.uuid5(uuid.NAMESPACE_OID, name))
        self._store.write(
            "insert into machines (instance_id, owner, pool, intent_id, created_ms, ready_ms,"
            " breaks, qos_policy) values (?, ?, ?, ?, ?, ?, ?, ?)",
            (instance_id, self._owner, spec.pool, spec.intent_id, now_ms, now_ms + launch_ms,
             int(breaks or placed is None), spec.qos_policy),
        )  # fmt: skip
        return instance_id

    def _placed(self, name: str) -> str | None:
        """Return an id whose host answers; None where none does."""
        if self._dead.issuperset(self.hosts):
            return None
        names = chain((name,), (f"{name}/{number}" for number in count(1)))
        ids = (str(uuid.uuid5(uuid.NAMESPACE_OID, tried)) for tried in names)
        return next(found for found in ids if self._host_of(found) not in self._dead)

    def _update(self, change: str, value: int, instance_id: str) -> None:
        self._store.write(change, (value, instance_id, self._owner))


def _observed(row: tuple[Any, ...], at_ms: int) -> Observed:
    instance_id, intent_id, created_ms, ready_ms, breaks, rest, until_ms, rebuilt, gone_ms = row
    if gone_ms is not None:
        status = CloudStatus.DELETED
    elif ready_ms > at_ms:
        status = CloudStatus.REBUILD if rebuilt else CloudStatus.BUILD
    elif breaks:
        status = CloudStatus.ERROR
    elif rest and (until_ms is None or at_ms < until_ms):
        status = CloudStatus(rest)
    else:
        status = CloudStatus.ACTIVE
    return Observed(instance_id, intent_id, status, created_ms, ready_ms)
