"""A cloud that is simulated: launch delays, quotas and every fault of a real one, seeded."""

import math
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allocator.cloud.faults import Fault, Faults
from allocator.cloud.protocol import CloudError, InstanceSpec
from allocator.cloud.store import CloudStore
from allocator.machine.observed import Answer, CloudStatus, Observed, Verb

LIST = """select instance_id, intent_id, created_ms, ready_ms, breaks, is_paused, rebuilt, gone_ms
from instances where owner = ? and pool = ? and created_ms <= ?
and (gone_ms is null or gone_ms > ?) order by rowid"""
GET = """select instance_id, intent_id, created_ms, ready_ms, breaks, is_paused, rebuilt, gone_ms
from instances where instance_id = ? and owner = ? and (gone_ms is null or gone_ms > ?)"""
COUNT = """select count(*) from instances where owner = ? and (? is null or pool = ?)
and (gone_ms is null or gone_ms > ?)"""
DELETE = "update instances set gone_ms = ? where instance_id = ? and owner = ?"
PAUSE = "update instances set is_paused = ? where instance_id = ? and owner = ?"
REBUILD = "update instances set rebuilt = 1, ready_ms = ? where instance_id = ? and owner = ?"
BREAK = "update instances set breaks = ? where instance_id = ? and owner = ?"


@dataclass(frozen=True, slots=True)
class Simulation:
    """How the simulated cloud behaves.

    Parameters
    ----------
    launch_median_s, launch_spread
        Launch times are log-normal: the median, and the standard deviation of the logarithm.
    rebuild_s, delete_s
        How long these take.
    quota
        Most instances of all pools.
    fault_rate
        Share of calls that go wrong.
    stale_s
        How old a stale listing may be.
    """

    launch_median_s: float = 90.0
    launch_spread: float = 0.15
    rebuild_s: float = 30.0
    delete_s: float = 5.0
    quota: int = 1_000_000
    fault_rate: float = 0.0
    stale_s: float = 30.0


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

    def create(self, spec: InstanceSpec) -> str:
        """Ask for an instance; CloudError where it is refused or the answer is lost."""
        fault = self._enter(Verb.CREATE)
        if fault is Fault.QUOTA or self.quota_left() <= 0:
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
        rows = self._store.rows(LIST, (self._owner, pool, at_ms, at_ms))
        listed = [_observed(row, at_ms) for row in rows]
        if fault is Fault.PHANTOM_LISTING:
            name = f"phantom-{self._chance.getrandbits(32):08x}"
            listed.append(Observed(name, name, CloudStatus.ACTIVE, at_ms, at_ms))
        return listed

    def get(self, instance_id: str) -> Observed:
        """Return one instance; CloudError MISSING where there is none."""
        now_ms = self._clock()
        rows = self._store.rows(GET, (instance_id, self._owner, now_ms))
        if not rows:
            raise CloudError("404 no such instance", Answer.MISSING)
        return _observed(rows[0], now_ms)

    def delete(self, instance_id: str) -> None:
        """Ask for an instance's end; it is listed until the deletion is done."""
        fault = self._enter(Verb.DELETE)
        if self.get(instance_id).status is not CloudStatus.DELETED:
            gone_ms = self._clock() + int(self.simulation.delete_s * 1000)
            self._update(DELETE, gone_ms, instance_id)
        self._leave(fault)

    def pause(self, instance_id: str) -> None:
        """Freeze an instance."""
        fault = self._enter(Verb.PAUSE)
        self.get(instance_id)
        self._update(PAUSE, 1, instance_id)
        self._leave(fault)

    def unpause(self, instance_id: str) -> None:
        """Thaw an instance."""
        fault = self._enter(Verb.UNPAUSE)
        self.get(instance_id)
        self._update(PAUSE, 0, instance_id)
        self._leave(fault)

    def rebuild(self, instance_id: str, image: str) -> None:
        """Make an instance as new, which takes a while."""
        del image
        fault = self._enter(Verb.REBUILD)
        if self.get(instance_id).status in {CloudStatus.BUILD, CloudStatus.DELETED}:
            raise CloudError("409 can't be rebuilt now", Answer.REFUSED)
        ready_ms = self._clock() + int(self.simulation.rebuild_s * 1000)
        self._update(REBUILD, ready_ms, instance_id)
        self._leave(fault)

    def quota_left(self) -> int:
        """Return how many more instances the quota allows."""
        return self.simulation.quota - self.held()

    def held(self, pool: str | None = None) -> int:
        """Return how many instances there are in truth: of a pool, or of all."""
        rows = self._store.rows(COUNT, (self._owner, pool, pool, self._clock()))
        return int(rows[0][0])

    def break_instance(self, instance_id: str) -> None:
        """Put an instance into ERROR, as the death of its host would."""
        self._update(BREAK, 1, instance_id)

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

    def _insert(self, spec: InstanceSpec, *, breaks: bool) -> str:
        now_ms = self._clock()
        spread = self._chance.gauss(0.0, self.simulation.launch_spread)
        launch_ms = int(1000 * self.simulation.launch_median_s * math.exp(spread))
        name = f"{self._owner}/{spec.intent_id}/{now_ms}/{self._chance.getrandbits(64)}"
        instance_id = str(uuid.uuid5(uuid.NAMESPACE_OID, name))
        self._store.write(
            "insert into instances (instance_id, owner, pool, intent_id, created_ms, ready_ms,"
            " breaks) values (?, ?, ?, ?, ?, ?, ?)",
            (instance_id, self._owner, spec.pool, spec.intent_id, now_ms, now_ms + launch_ms,
             int(breaks)),
        )  # fmt: skip
        return instance_id

    def _update(self, change: str, value: int, instance_id: str) -> None:
        self._store.write(change, (value, instance_id, self._owner))


def _observed(row: tuple[Any, ...], at_ms: int) -> Observed:
    instance_id, intent_id, created_ms, ready_ms, breaks, is_paused, rebuilt, gone_ms = row
    if gone_ms is not None:
        status = CloudStatus.DELETED
    elif ready_ms > at_ms:
        status = CloudStatus.REBUILD if rebuilt else CloudStatus.BUILD
    elif breaks:
        status = CloudStatus.ERROR
    else:
        status = CloudStatus.PAUSED if is_paused else CloudStatus.ACTIVE
    return Observed(instance_id, intent_id, status, created_ms, ready_ms)
