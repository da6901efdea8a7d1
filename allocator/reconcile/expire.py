"""Ends what has lasted too long: waits, leases, builds; forgets old answers."""

from allocator.machine.instance import LeaseState
from allocator.machine.leases import LeaseDesk
from allocator.machine.ledger import PoolLedger
from allocator.machine.lifecycle import Phase
from allocator.machine.outbox import Outbox
from allocator.reconcile.plan import Timings
from allocator.reconcile.register import Registrar


def expire_leases(desk: LeaseDesk, now_ms: int, outbox: Outbox) -> None:
    """Reject who waited past the deadline, take back what was leased too long."""
    for lease in list(desk.ledger.leases.values()):
        if lease.state is LeaseState.WAITING and lease.deadline_ms <= now_ms:
            reason = "no instance by its deadline"
            desk.end(lease, LeaseState.REJECTED, "REJECTED", now_ms, reason, outbox)
        elif lease.state is LeaseState.ASSIGNED:
            if lease.until_ms is not None and lease.until_ms <= now_ms:
                reason = "the lease ran out"
                desk.end(lease, LeaseState.RELEASED, "RELEASED", now_ms, reason, outbox)
        elif lease.ended_ms is not None and now_ms - lease.ended_ms > desk.terms.remember_ms:
            desk.ledger.forget_lease(lease)


def expire_builds(
    ledger: PoolLedger, registrar: Registrar, timings: Timings, now_ms: int, outbox: Outbox
) -> None:
    """Write off what should have been ready long ago."""
    for instance in ledger.in_phase(Phase.BUILDING, Phase.RECYCLING):
        if now_ms - instance.since_ms > timings.build_ms:
            registrar.lost(instance, now_ms, "not ready in time", outbox)
