"""Starts the programs of assigned requests once their instances run, and tells how that went."""

from allocator.machine.instance import LeaseState, Start
from allocator.machine.leases import start_event
from allocator.machine.ledger import PoolLedger
from allocator.machine.outbox import Outbox
from allocator.machine.starts import StartCall, StartEnd


def start_programs(ledger: PoolLedger, now_ms: int, outbox: Outbox) -> None:
    """Ask for every start that is due; who was woken from a lower tier waits until it runs."""
    for request_id in list(ledger.to_start):
        lease = ledger.leases[request_id]
        instance = ledger.instances.get(lease.intent_id or "")
        if instance is None or instance.asleep or lease.instance_id is None:
            continue
        del ledger.to_start[request_id]
        lease.start = Start.ASKED
        ledger.note_lease(lease)
        outbox.starts.append(
            StartCall(ledger.pool, request_id, lease.instance_id, lease.program, now_ms)
        )


def take_start(ledger: PoolLedger, end: StartEnd, now_ms: int, outbox: Outbox) -> None:
    """Apply how a start ended; one of a lease that has ended since changes nothing."""
    lease = ledger.leases.get(end.call.request_id)
    if lease is None or lease.state is not LeaseState.ASSIGNED or lease.start is not Start.ASKED:
        return
    lease.start = Start.STARTED if end.started else Start.FAILED
    # In a replay the clock stands still while the program starts.
    lease.start_wait_ms = max(now_ms, end.call.at_ms + end.took_ms) - lease.asked_ms
    lease.start_detail = end.detail
    ledger.note_lease(lease)
    outbox.events.append(start_event(ledger.pool, lease))
