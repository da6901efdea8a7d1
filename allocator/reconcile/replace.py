"""Ends what broke and what is surplus; launches make up for what is then missing."""

from allocator.machine.instance import Instance
from allocator.machine.ledger import PoolLedger
from allocator.machine.lifecycle import WARM, Phase
from allocator.machine.observed import Verb
from allocator.machine.outbox import Outbox
from allocator.reconcile.calls import CallBook


def replace_broken(ledger: PoolLedger, book: CallBook, now_ms: int, outbox: Outbox) -> None:
    """Delete what is in ERROR, and ask again until the cloud knows it no more."""
    for instance in ledger.in_phase(Phase.ERROR)[: book.room]:
        ledger.move(instance, Phase.DELETING, now_ms)
    for instance in ledger.in_phase(Phase.DELETING):
        book.ask(Verb.DELETE, instance, now_ms, instance.reason, outbox)


def count_terminable(ledger: PoolLedger, min_life_ms: int, now_ms: int) -> int:
    """Count what `terminable` returns without looking at all of it.

    Within a tier the young come last, so only they are looked at: a pool of ten thousand is
    decided on at every request.
    """
    young = 0
    for phase in WARM:
        for instance in ledger.newest(phase):
            if instance.ready_ms is not None and now_ms - instance.ready_ms >= min_life_ms:
                break
            young += 1
    return ledger.count(*WARM) - young


def terminable(ledger: PoolLedger, min_life_ms: int, now_ms: int) -> list[Instance]:
    """Return the warm instances that have lived their minimum, oldest first of each tier."""
    return [
        instance
        for instance in ledger.in_phase(*WARM)
        if instance.ready_ms is not None and now_ms - instance.ready_ms >= min_life_ms
    ]
