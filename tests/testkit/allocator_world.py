"""An allocator's pool on a simulated cloud, with faults and kills, and what must hold always."""

import random
from collections import Counter, defaultdict
from collections.abc import Mapping

from allocator.cloud.protocol import CloudError, InstanceSpec
from allocator.cloud.simulated import SimulatedCloud, Simulation
from allocator.machine.instance import LeaseState
from allocator.machine.leases import LeaseTerms
from allocator.machine.ledger import PoolLedger
from allocator.machine.lifecycle import WARM, Phase
from allocator.machine.observed import Answer, Call, CloudStatus, Result, Verb
from allocator.machine.starts import StartCall, StartEnd
from allocator.policy.position import Decision, Position
from allocator.reconcile.calls import ANY
from allocator.reconcile.plan import PoolPlan
from allocator.reconcile.pool import PoolReconciler
from allocator.reconcile.reactive import ReactiveFloor
from schemas.pools import Pool
from schemas.records import AllocationEvent, AllocationRequest

POOL = "office"
QUIET_CYCLE_MS = 400_000
START_MS = 1_700_000_000_000
CRASHES = ("before commit", "before calls", "amid calls", "before answers")


class FixedPolicy:
    """Wants a size that the test sets."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def requested(self, time_s: float, user: str = "", program: str = "", *, hit: bool) -> None:
        del time_s, user, program, hit

    def tick(self, time_s: float) -> None:
        del time_s

    def target(self, time_s: float, position: Position) -> Decision:
        del time_s
        missing = self._world.target - position.size
        surplus = min(max(0, -missing), position.terminable)
        return Decision(max(0, missing), surplus, self._world.target, "the test says so")

    @property
    def price_hits_per_s(self) -> float:
        return 1e-4

    def need(self, count: int) -> list[float]:
        """Two are needed all the time, one now and then, the others rarely."""
        return [1.0, 1.0, 0.02, 0.02, 0.01, *[0.001] * count][:count]

    def to_bytes(self) -> bytes:
        return b"\x01"


class NoFloor(ReactiveFloor):
    """Leaves the size to the test."""

    def size(self, time_s: float) -> int:
        del time_s
        return 0


def keep(committed: dict[str, bytes], changes: Mapping[str, bytes | None]) -> None:
    """Take a transaction's changes into what is committed."""
    for key, blob in changes.items():
        if blob is None:
            committed.pop(key, None)
        else:
            committed[key] = blob


class World:
    """Commits, calls, faults and kills as a process on Kafka would have them.

    Parameters
    ----------
    seed
        Of everything by chance.
    cap
        The pool's.
    fault_rate
        Share of cloud calls that go wrong.
    """

    def __init__(
        self, seed: int, cap: int = 8, fault_rate: float = 0.2, quota: int = 100,
        tiers: tuple[str, ...] = ("active", "paused"),
    ) -> None:  # fmt: skip
        self.chance = random.Random(seed)
        self.now_ms = START_MS
        self.target = 3
        self.most = ANY  # calls, and instances that a listing changes, in a transaction
        simulation = Simulation(fault_rate=fault_rate, quota=quota, hosts=3)
        self.cloud = SimulatedCloud(lambda: self.now_ms, "me", simulation, seed)
        self.plan = PoolPlan(
            Pool(POOL, max_instances=cap, cap=cap, tiers=tiers),
            LeaseTerms(lease_ms=3_600_000),
            starts_programs=True,
        )
        self.committed: dict[str, bytes] = {}
        self.events: dict[str, AllocationEvent] = {}
        self.inputs: list[AllocationRequest] = []
        self.kills: Counter[str] = Counter()
        self.operations = 0
        self.orphaned_late: list[tuple[int, Call]] = []
        self.started: list[StartCall] = []
        self.injected: set[str] = set()
        self.holder: dict[str, str] = {}
        self.answers: dict[str, set[str | None]] = defaultdict(set)
        self.recovered_s: list[float] = []  # in the world's time
        self._ended_ms: list[int] = []  # ends of faults that nothing good has followed yet
        self.restart()

    def restart(self) -> None:
        """Forget memory; recover from what was committed."""
        ledger = PoolLedger.restore(POOL, self.plan.pool.cap, self.now_ms, self.committed)
        self.pool = PoolReconciler(self.plan, ledger, FixedPolicy(self), NoFloor([]))

    def ask(self, kind: str, request_id: str, *, deadline_ms: int | None = None) -> None:
        """Put a request on the log."""
        self.inputs.append(
            AllocationRequest(
                request_id=request_id, kind=kind, user="ann", program="mail", time=self.now_ms,
                deadline=deadline_ms, priority=self.chance.randrange(3),
            )
        )  # fmt: skip

    def cycle(self, crash: str | None = None, *, lists: bool = True) -> None:
        """Read the log, look at the cloud, decide, commit, call; or be killed on the way."""
        self.operations += 1
        self._late_calls()
        for request in self.inputs:
            self.pool.request(request, self.now_ms)
        if lists:
            self._list()
        while self._piece(crash):
            self.pool.list_on(self.most)

    def _piece(self, crash: str | None) -> bool:
        """One transaction and its calls; return whether another follows at once."""
        self.pool.step(self.now_ms, self.most)
        has_more = self.pool.has_more
        if has_more and self.chance.random() < 0.5:
            self._carried_out(None)
            return True
        self._carried_out(crash)
        return has_more and crash is None

    def _carried_out(self, crash: str | None) -> None:
        if crash == "before commit":
            self._killed(crash, [])
            return
        calls, starts = self._commit()
        cut = {"before calls": 0, "amid calls": len(calls) // 2}.get(crash or "", len(calls))
        results = [self._make(call) for call in calls[:cut]]
        if any(result.answer is Answer.DONE for result in results):
            self._recovered()
        ends = [self._start(start) for start in starts]
        if crash is not None:
            self._killed(crash, calls[cut:])
            return
        for result in results:
            self.pool.answer(result, self.now_ms)
        for end in ends:
            self.pool.started(end, self.now_ms)
        self.check()

    def _list(self) -> None:
        try:
            listing = self.cloud.list_pool(POOL)
        except CloudError:
            return
        self.pool.listing(listing, self.now_ms, most=self.most)

    def _start(self, call: StartCall) -> StartEnd:
        """One start in five fails."""
        self.started.append(call)
        is_started = self.chance.random() < 0.8
        return StartEnd(call, is_started, 700, "" if is_started else "the test says so")

    def _commit(self) -> tuple[list[Call], list[StartCall]]:
        """One transaction: state, events and the position in the log."""
        changes, outbox = self.pool.take()
        keep(self.committed, changes)
        self.inputs.clear()
        for event in outbox.events:
            self._event(event)
        return outbox.calls, outbox.starts

    def _event(self, event: AllocationEvent) -> None:
        known = self.events.setdefault(event.event_id, event)
        if known is not event:
            assert known.instance_id == event.instance_id, "a repeat with another answer"
            return
        if event.kind == "ASSIGNED":
            self.answers[event.request_id].add(event.instance_id)
            assert len(self.answers[event.request_id]) == 1, "two assignments for a request"
            assert event.instance_id not in self.holder, "two leases on an instance"
            self.holder[event.instance_id] = event.request_id
            self._recovered()
        elif event.kind in {"RELEASED", "FAILED"} and event.request_id is not None:
            self.holder.pop(event.instance_id, None)

    def _make(self, call: Call) -> Result:
        self.operations += 1
        try:
            return Result(call, Answer.DONE, self._send(call))
        except CloudError as error:
            return Result(call, error.answer, error=str(error), is_quota=error.is_quota)
        finally:
            assert self.held() <= self.plan.pool.cap, "over the cap"

    def _send(self, call: Call) -> str | None:
        if call.verb is Verb.CREATE:
            return self.cloud.create(InstanceSpec(POOL, call.intent_id))
        if call.verb is Verb.REBUILD:
            self.cloud.rebuild(call.instance_id, "image")
        else:
            getattr(self.cloud, call.verb.lower())(call.instance_id)
        return call.instance_id

    def _killed(self, crash: str, unmade: list[Call]) -> None:
        """A zombie may still have one call in flight, which is done within its timeout."""
        self.kills[crash] += 1
        if unmade and self.chance.random() < 0.5:
            self.orphaned_late.append(
                (self.now_ms + self.chance.choice((0, 30_000, 240_000)), unmade[0])
            )
        self.restart()
        self.fault_ended()
        self.check()

    def fault_ended(self) -> None:
        """Note the end of a kill, which is at once, or of an outage."""
        self._ended_ms.append(self.now_ms)

    def _recovered(self) -> None:
        """Note a good effect: a call that the cloud did, or an answer, and all is as it should."""
        self.recovered_s += [(self.now_ms - ended_ms) / 1000 for ended_ms in self._ended_ms]
        self._ended_ms.clear()

    def _late_calls(self) -> None:
        due = [call for at_ms, call in self.orphaned_late if at_ms <= self.now_ms]
        self.orphaned_late = [x for x in self.orphaned_late if x[0] > self.now_ms]
        for call in due:
            self._make(call)

    def leak(self) -> None:
        """Make an instance with our tags that nobody ever planned."""
        spec = InstanceSpec(POOL, f"leak-{len(self.injected)}")
        self.injected.add(self.cloud._insert(spec, breaks=False))

    def held(self) -> int:
        """Instances in the cloud that the allocator made."""
        there = 0
        for name in list(self.injected):
            try:
                self.cloud.get(name)
                there += 1
            except CloudError:
                self.injected.discard(name)
        return self.cloud.held(POOL) - there

    def check(self) -> None:
        """What must hold at every step."""
        ledger = self.pool.ledger
        assert self.held() <= ledger.cap, "over the cap in the cloud"
        assert ledger.size <= ledger.cap, "over the cap in the books"
        leases = [x for x in ledger.leases.values() if x.state is LeaseState.ASSIGNED]
        assert len({x.intent_id for x in leases}) == len(leases), "two leases on an instance"
        held = {i.request_id for i in ledger.in_phase(Phase.ASSIGNED)}
        assert held == {x.request_id for x in leases}, "books and leases differ"

    def settle(self, cycles: int = 9) -> None:
        """Let faults end but for dead hosts, and so many cycles pass."""
        self.cloud.faults.rate = 0.0
        if self.cloud.faults.is_out:
            self.cloud.faults.is_out = False
            self.fault_ended()
        self.cycle()
        for _ in range(cycles):
            self.now_ms += QUIET_CYCLE_MS
            self.cycle()

    def check_settled(self) -> None:
        """What must hold once it is quiet."""
        ledger = self.pool.ledger
        listing = self.cloud.list_pool(POOL)
        listed = {x.instance_id for x in listing if x.status != "deleted"}
        known = {i.instance_id for i in ledger.instances.values() if i.phase is not Phase.DELETING}
        assert listed == known, "orphans, or instances that are not there"
        assert ledger.unresolved == 0
        silent = {x.intent_id for x in listing if x.status is CloudStatus.UNREACHABLE}
        assert silent.isdisjoint(x.intent_id for x in ledger.in_phase(*WARM)), "dead ones are kept"
        room = ledger.cap - ledger.count(Phase.ASSIGNED)
        held = ledger.count(*WARM) + ledger.coming
        assert held == min(self.target, room), (held, self.target, room)
        assert ledger.waiting == 0
        self._recovered()
