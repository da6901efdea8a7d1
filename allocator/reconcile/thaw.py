"""Wakes instances that should run and are paused: an unpause whose answer was lost is repeated."""

from collections.abc import Sequence

from allocator.machine.ledger import PoolLedger
from allocator.machine.lifecycle import Phase
from allocator.machine.observed import CloudStatus, Observed, Verb
from allocator.machine.outbox import Outbox
from allocator.reconcile.calls import CallBook


def thaw(
    ledger: PoolLedger, book: CallBook, listing: Sequence[Observed], now_ms: int, outbox: Outbox
) -> None:
    """Unpause what a listing shows paused though it is leased or counted as running."""
    for found in listing:
        instance = ledger.instances.get(found.intent_id)
        if found.status is not CloudStatus.PAUSED or instance is None:
            continue
        if instance.phase in {Phase.ASSIGNED, Phase.READY} and instance.since_ms < now_ms:
            book.ask(Verb.UNPAUSE, instance, now_ms, "should be running", outbox)
