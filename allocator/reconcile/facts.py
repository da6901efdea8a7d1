"""Events about instances, as opposed to answers to requests."""

from typing import Literal

from allocator.machine.instance import Instance, LeaseState
from allocator.machine.ledger import PoolLedger
from allocator.machine.outbox import Outbox
from schemas.records import AllocationEvent


def event(
    pool: str, instance: Instance, kind: Literal["BUILT", "FAILED"], now_ms: int, reason: str
) -> AllocationEvent:
    """Return an event about an instance, with an id that a repeat gives again."""
    return AllocationEvent(
        event_id=f"{instance.intent_id}/{kind}", kind=kind, pool=pool,
        instance_id=instance.instance_id, time=now_ms, reason=reason,
    )  # fmt: skip


def fail_lease(
    ledger: PoolLedger, instance: Instance, now_ms: int, reason: str, outbox: Outbox
) -> None:
    """End the lease of an instance that was lost; its user may ask again."""
    lease = ledger.leases.get(instance.request_id or "")
    instance.request_id = None
    if lease is None:
        return
    lease.ended_ms, lease.reason = now_ms, reason
    ledger.settle_lease(lease, LeaseState.FAILED)
    outbox.events.append(
        AllocationEvent(
            event_id=f"{lease.request_id}/FAILED", request_id=lease.request_id, kind="FAILED",
            pool=ledger.pool, instance_id=instance.instance_id, time=now_ms, reason=reason,
            user=lease.user, program=lease.program,
        )
    )  # fmt: skip
