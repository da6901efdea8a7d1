"""Takes a listing in, piece by piece: what was built, what broke, what is missing."""

from collections.abc import Iterator, Sequence

from allocator.machine.instance import Instance
from allocator.machine.ledger import PoolLedger
from allocator.machine.lifecycle import UNRESOLVED, Phase
from allocator.machine.observed import CloudStatus, Observed
from allocator.machine.outbox import Outbox
from allocator.reconcile.facts import event, fail_lease
from allocator.reconcile.hosts import Hosts
from allocator.reconcile.plan import Timings
from allocator.reconcile.silence import UNWELL, Silence

LEADS_KEPT = 64
MISSED_IN = 2
# Who has an instance keeps it: its guest may run on though its host's agent is silent. The others
# are given up already.
_KEPT = frozenset({Phase.ASSIGNED, Phase.ERROR, Phase.DELETING})
_TO_REBUILD = frozenset({Phase.BUILDING, Phase.READY, Phase.PAUSED})


class Registrar:
    """Matches listings with the ledger by our intent tag.

    Parameters
    ----------
    ledger, timings
        Of the pool.
    hosts
        What all pools' listings tell of hosts.
    """

    def __init__(self, ledger: PoolLedger, timings: Timings, hosts: Hosts) -> None:
        self._ledger = ledger
        self._timings = timings
        self._is_full = False
        self._silence = Silence(ledger.pool, timings.silent_ms, hosts)
        self._dead: frozenset[str] = frozenset()
        self._seen: dict[str, Observed] = {}
        self._left: Iterator[Instance] = iter(())
        self._asked_ms = 0

    @property
    def is_full(self) -> bool:
        """Whether a launch that was accepted came to nothing for want of quota or of a host.

        The next ones would too.
        """
        return self._is_full

    def begin(self, listing: Sequence[Observed], now_ms: int) -> None:
        """Take up a listing that was asked for at `now_ms` or later."""
        self._is_full = False
        held = list(self._ledger.instances.values())
        replaceable = {x.instance_id or "" for x in held if x.phase not in _KEPT}
        self._dead = self._silence.dead(listing, now_ms, replaceable)
        self._ledger.unwell = {x.intent_id: x.status for x in listing if x.status in UNWELL}
        self._seen = {found.intent_id: found for found in reversed(listing)}
        self._left = iter(held)
        self._asked_ms = now_ms

    def register(self, outbox: Outbox, most: int) -> bool:
        """Apply the listing until about `most` instances changed; return whether it is done.

        What is left is told later, as by a listing that was longer on its way.
        """
        until = self._ledger.unwritten + most
        for instance in self._left:
            if instance.phase is Phase.GONE:
                continue
            found = self._seen.get(instance.intent_id)
            if found is None:
                self._missing(instance, self._asked_ms, outbox)
            else:
                self._found(instance, found, self._asked_ms, outbox)
            if self._ledger.unwritten >= until:
                return False
        return True

    def _found(self, instance: Instance, found: Observed, now_ms: int, outbox: Outbox) -> None:
        instance.missed = 0
        if instance.phase in UNRESOLVED:
            instance.instance_id = found.instance_id
            self._ledger.move(instance, Phase.BUILDING, now_ms, "found by its tag")
        if instance.instance_id != found.instance_id or instance.phase is Phase.DELETING:
            return
        if found.status is CloudStatus.ERROR and instance.phase is not Phase.ERROR:
            self._is_full |= found.is_capacity
            reason = (
                f"the cloud says ERROR: {found.fault}" if found.fault else "the cloud says ERROR"
            )
            self.lost(instance, now_ms, reason, outbox)
        elif found.instance_id in self._dead and instance.phase not in _KEPT:
            is_off = found.status is CloudStatus.OFF
            reason = "it is switched off" if is_off else "its host does not answer"
            self.lost(instance, now_ms, reason, outbox)
        elif found.status in {CloudStatus.ACTIVE, CloudStatus.PAUSED}:
            self._is_up(instance, found, now_ms, outbox)

    def _is_up(self, instance: Instance, found: Observed, now_ms: int, outbox: Outbox) -> None:
        ready_ms = now_ms if found.ready_ms is None else min(found.ready_ms, now_ms)
        if not found.has_image and instance.phase in _TO_REBUILD:
            # Up, and of no use: its programs need another image than it was made of.
            self._ledger.move(instance, Phase.RECYCLING, now_ms, "not of the pool's image")
        elif instance.phase is Phase.BUILDING:
            totals = self._ledger.totals
            totals.lead_ms = self._measured(totals.lead_ms, ready_ms - instance.planned_ms)
            self._ready(instance, ready_ms, now_ms)
            outbox.events.append(
                event(self._ledger.pool, instance, "BUILT", now_ms, "ready for requests")
            )
        elif instance.phase is Phase.RECYCLING and self._is_rebuilt(instance, found, now_ms):
            totals = self._ledger.totals
            totals.rebuild_ms = self._measured(totals.rebuild_ms, ready_ms - instance.since_ms)
            self._ready(instance, ready_ms, now_ms)

    def _ready(self, instance: Instance, ready_ms: int, now_ms: int) -> None:
        instance.ready_ms = ready_ms
        self._ledger.move(instance, Phase.READY, now_ms)

    def _is_rebuilt(self, instance: Instance, found: Observed, now_ms: int) -> bool:
        """A listing from before the rebuild says ACTIVE too."""
        if not instance.called or not found.has_image:
            return False
        if found.ready_ms is not None:
            return found.ready_ms > instance.since_ms
        return now_ms - instance.since_ms > self._timings.settle_ms

    def _measured(self, known_ms: list[int], took_ms: int) -> list[int]:
        self._ledger.totals_changed = True
        return [*known_ms, max(took_ms, 0)][-LEADS_KEPT:]

    def _missing(self, instance: Instance, now_ms: int, outbox: Outbox) -> None:
        settled_ms = instance.planned_ms + self._timings.settle_ms
        if instance.phase in UNRESOLVED:
            settled_ms = instance.planned_ms + self._timings.give_up_ms
        if now_ms < settled_ms or instance.phase in {Phase.DELETING, Phase.ERROR}:
            return
        instance.missed += 1
        if instance.missed < MISSED_IN:
            return
        if instance.phase in UNRESOLVED:
            self._ledger.move(instance, Phase.GONE, now_ms, "the launch came to nothing")
            reason = "no listing showed it"
            outbox.events.append(event(self._ledger.pool, instance, "FAILED", now_ms, reason))
        else:
            self.lost(instance, now_ms, "two listings lack it", outbox)

    def lost(self, instance: Instance, now_ms: int, reason: str, outbox: Outbox) -> None:
        """Write an instance off: it will be deleted, and replaced where it is needed."""
        if instance.phase is Phase.ASSIGNED:
            fail_lease(self._ledger, instance, now_ms, reason, outbox)
        else:
            outbox.events.append(event(self._ledger.pool, instance, "FAILED", now_ms, reason))
        self._ledger.move(instance, Phase.ERROR, now_ms, reason)
