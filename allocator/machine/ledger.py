"""The books of one pool: its instances, its leases, its cap. One writer keeps them."""

import heapq
from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import islice

import msgspec

from allocator.machine.instance import Instance, Lease, LeaseState, Start, from_bytes, to_bytes
from allocator.machine.lifecycle import COMING, UNRESOLVED, Phase, check_transition
from allocator.machine.observed import CloudStatus
from allocator.policy.spending import Spent
from allocator.policy.trust import Trust

INSTANCE, LEASE, TOTALS, POLICY = "instance", "lease", "totals", "policy"
SHADOW = "shadow"


class CapError(RuntimeError):
    """Another instance would break the pool's cap: a bug in who asked for it."""


class Totals(msgspec.Struct, kw_only=True):
    """What is counted over the pool's life.

    Parameters
    ----------
    epoch
        Makes intent ids differ from those of a ledger that was lost.
    next_number
        Number of the next intent.
    hits, misses
        Requests that found a warm instance, and that did not.
    idle_ms, idle_since_ms
        Instance-milliseconds paid for and not leased, and up to when they are counted.
    lead_ms, rebuild_ms
        The last measured times of launches and of rebuilds, oldest first.
    activation_ms
        By tier, the last measured times from there to running, oldest first.
    crowd_slots
        Requests by two-minute slot of the last hour, for the reactive floor.
    trust, spent
        How the promise was kept lately, and what budgets have paid.
    flags
        What is told as wrong with the pool's size, and since when.
    sensitivity, asked_by
        Mean latency sensitivity of who asked (1 is a normal user), and its weight.
    """

    epoch: int
    next_number: int = 1
    hits: int = 0
    misses: int = 0
    idle_ms: int = 0
    idle_since_ms: int = 0
    lead_ms: list[int] = []
    rebuild_ms: list[int] = []
    activation_ms: dict[str, list[int]] = {}
    crowd_slots: list[tuple[int, int]] = []
    trust: Trust = msgspec.field(default_factory=Trust)
    spent: Spent = msgspec.field(default_factory=Spent)
    flags: dict[str, int] = {}
    sensitivity: float = 1.0
    asked_by: float = 4.0


class PoolLedger:
    """Instances and leases of one pool, indexed, with the changes since the last commit.

    Parameters
    ----------
    pool
        Name.
    cap
        Most instances of any phase, unresolved intents included.
    epoch
        A number that no earlier ledger of this pool had, such as the time in milliseconds.

    Examples
    --------
    >>> ledger = PoolLedger("office", cap=2, epoch=7)
    >>> ledger.plan(0, "one").intent_id
    'office-7-1'
    >>> ledger.room
    1
    """

    def __init__(self, pool: str, cap: int, epoch: int) -> None:
        self.pool = pool
        self.cap = cap
        self.totals = Totals(epoch=epoch)
        self.totals_changed = True
        self.policy = b""
        self._policy_changed = False
        self.shadow = b""
        self._shadow_changed = False
        self.instances: dict[str, Instance] = {}
        self.leases: dict[str, Lease] = {}
        self._phases: dict[Phase, dict[str, None]] = {phase: {} for phase in Phase}
        self._waiting: list[tuple[tuple[int, int, int, str], str]] = []
        self._waits = 0
        self._changed: dict[tuple[str, str], None] = {}
        self.to_start: dict[str, None] = {}
        # Intents that the last listing shows and that can't be reached; a restart forgets it.
        self.unwell: dict[str, CloudStatus] = {}

    @property
    def size(self) -> int:
        """Instances that the cloud holds or may hold."""
        return len(self.instances)

    @property
    def room(self) -> int:
        """How many more instances the cap allows."""
        return max(0, self.cap - self.size)

    def count(self, *phases: Phase) -> int:
        """Return how many instances are in any of the phases, in O(1) of their number."""
        return sum(len(self._phases[phase]) for phase in phases)

    @property
    def coming(self) -> int:
        """Instances that shall be ready one day, unresolved ones included."""
        return self.count(*COMING)

    @property
    def unresolved(self) -> int:
        """Intents that the cloud may or may not have an instance for."""
        return self.count(*UNRESOLVED)

    @property
    def waiting(self) -> int:
        """Requests without an instance yet."""
        return self._waits

    @property
    def unwritten(self) -> int:
        """How many instances and leases changed since the last `take_changes`."""
        return len(self._changed)

    def in_phase(self, *phases: Phase) -> list[Instance]:
        """Return the instances of some phases, each phase in the order they entered it."""
        return [self.instances[name] for phase in phases for name in self._phases[phase]]

    def first(self, phase: Phase, without: Container[str] = ()) -> Instance | None:
        """Return the instance that entered a phase first, some intents left out."""
        name = next((name for name in self._phases[phase] if name not in without), None)
        return None if name is None else self.instances[name]

    def newest(self, phase: Phase) -> Iterator[Instance]:
        """Give the instances of a phase, the one that entered it last first."""
        return (self.instances[name] for name in reversed(self._phases[phase]))

    def nth(self, phase: Phase, number: int) -> Instance | None:
        """Return one of a phase's instances, a further one with each further number."""
        names = self._phases[phase]
        if not names:
            return None
        return self.instances[next(islice(names, number % len(names), None))]

    def plan(self, now_ms: int, reason: str) -> Instance:
        """Write an intent.

        Raises
        ------
        CapError
            If the cap leaves no room.
        """
        if self.room == 0:
            raise CapError(f"pool {self.pool} has {self.size} of {self.cap} instances")
        number = self.totals.next_number
        self.totals.next_number = number + 1
        self.totals_changed = True
        instance = Instance(
            intent_id=f"{self.pool}-{self.totals.epoch}-{number}", number=number,
            phase=Phase.PLANNED, planned_ms=now_ms, since_ms=now_ms, reason=reason,
        )  # fmt: skip
        self._insert(instance)
        self.note(instance)
        return instance

    def move(self, instance: Instance, phase: Phase, now_ms: int, reason: str = "") -> None:
        """Take an instance to another phase.

        Raises
        ------
        IllegalTransitionError
            If its phase does not allow it.
        """
        check_transition(instance.phase, phase)
        del self._phases[instance.phase][instance.intent_id]
        instance.phase, instance.since_ms = phase, now_ms
        instance.reason = reason or instance.reason
        instance.called, instance.missed = False, 0
        if phase is Phase.READY:
            instance.shadow = None  # it is as new
        if phase is Phase.GONE:
            del self.instances[instance.intent_id]
        else:
            self._phases[phase][instance.intent_id] = None
        self.note(instance)

    def note(self, instance: Instance) -> None:
        """Tell that fields of an instance other than its phase were changed."""
        self._changed[INSTANCE, instance.intent_id] = None

    def add_lease(self, lease: Lease) -> None:
        """Write a new request, which waits."""
        self.leases[lease.request_id] = lease
        heapq.heappush(self._waiting, (lease.order, lease.request_id))
        self._waits += 1
        self._changed[LEASE, lease.request_id] = None

    def settle_lease(self, lease: Lease, state: LeaseState) -> None:
        """Take a lease to another state."""
        self._waits -= lease.state is LeaseState.WAITING
        lease.state = state
        if state is LeaseState.ASSIGNED:
            self.to_start[lease.request_id] = None
        else:
            self.to_start.pop(lease.request_id, None)
        self.note_lease(lease)

    def note_lease(self, lease: Lease) -> None:
        """Tell that fields of a lease other than its state were changed."""
        self._changed[LEASE, lease.request_id] = None

    def forget_lease(self, lease: Lease) -> None:
        """Drop an ended lease; a repeat of its request would be a new one."""
        del self.leases[lease.request_id]
        self._changed[LEASE, lease.request_id] = None

    def next_waiting(self) -> Lease | None:
        """Return the request that the next free instance belongs to."""
        while self._waiting:
            lease = self.leases.get(self._waiting[0][1])
            if lease is not None and lease.state is LeaseState.WAITING:
                return lease
            heapq.heappop(self._waiting)
        return None

    def keep_policy(self, state: bytes) -> None:
        """Keep the reserve policy's state."""
        self.policy = state
        self._policy_changed = True

    def keep_shadow(self, state: bytes) -> None:
        """Keep what is learned of shadow runs."""
        self.shadow = state
        self._shadow_changed = True

    def take_changes(self) -> dict[str, bytes | None]:
        """Return what changed since the last call, by key; None where it is no more."""
        changes: dict[str, bytes | None] = {}
        for kind, name in self._changed:
            held = self.instances.get(name) if kind == INSTANCE else self.leases.get(name)
            changes[f"{self.pool}/{kind}/{name}"] = None if held is None else to_bytes(held)
        if self.totals_changed:
            changes[f"{self.pool}/{TOTALS}"] = to_bytes(self.totals)
        if self._policy_changed:
            changes[f"{self.pool}/{POLICY}"] = self.policy
        if self._shadow_changed:
            changes[f"{self.pool}/{SHADOW}"] = self.shadow
        self._policy_changed = self._shadow_changed = False
        self._changed.clear()
        self.totals_changed = False
        return changes

    @classmethod
    def restore(cls, pool: str, cap: int, epoch: int, state: Mapping[str, bytes]) -> "PoolLedger":
        """Return the ledger that committed changes add up to.

        Raises
        ------
        ValueError
            If the state is of another version, or not a ledger's.
        """
        ledger = cls(pool, cap, epoch)
        held: list[Instance] = []
        for key, blob in state.items():
            kind, _, name = key.removeprefix(f"{pool}/").partition("/")
            if kind == INSTANCE:
                held.append(from_bytes(blob, Instance))
            elif kind == LEASE:
                ledger.leases[name] = from_bytes(blob, Lease)
            elif kind == TOTALS:
                ledger.totals = from_bytes(blob, Totals)
                ledger.totals_changed = False
            elif kind == POLICY:
                ledger.policy = blob
            elif kind == SHADOW:
                ledger.shadow = blob
            else:
                raise ValueError(f"pool {pool}: no state of kind {kind!r}")
        ledger._index(held)
        return ledger

    def _index(self, held: Iterable[Instance]) -> None:
        for instance in sorted(held, key=lambda i: (i.ready_ms or i.since_ms, i.number)):
            self._insert(instance)
        leases = self.leases.items()
        self._waiting = [(x.order, n) for n, x in leases if x.state is LeaseState.WAITING]
        self._waits = len(self._waiting)
        heapq.heapify(self._waiting)
        # What was asked for and not answered is asked again: at least once, told once.
        unknown = (Start.NONE, Start.ASKED)
        self.to_start = {
            n: None for n, x in leases if x.state is LeaseState.ASSIGNED and x.start in unknown
        }

    def _insert(self, instance: Instance) -> None:
        self.instances[instance.intent_id] = instance
        self._phases[instance.phase][instance.intent_id] = None
