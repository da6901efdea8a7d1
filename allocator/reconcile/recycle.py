"""Gives released instances a new life by rebuild, or ends them where they aren't needed."""

from allocator.machine.instance import Instance
from allocator.machine.ledger import PoolLedger
from allocator.machine.lifecycle import WARM, Phase
from allocator.machine.observed import Verb
from allocator.machine.outbox import Outbox
from allocator.reconcile.calls import CallBook


def is_busy(instance: Instance, now_ms: int) -> bool:
    """Tell whether a step may still run on it, or has to be taken back first."""
    shadow = instance.shadow
    return shadow is not None and (bool(shadow.undo) or shadow.busy_until_ms > now_ms)


def recycle(ledger: PoolLedger, book: CallBook, wanted: int, now_ms: int, outbox: Outbox) -> None:
    """Rebuild released instances while fewer than `wanted` are warm or coming; delete the rest."""
    for instance in ledger.in_phase(Phase.RELEASED)[: book.room]:
        if is_busy(instance, now_ms):
            continue
        held = ledger.count(*WARM) + ledger.coming
        if held < wanted:
            ledger.move(instance, Phase.RECYCLING, now_ms, "released, and needed again")
        else:
            ledger.move(instance, Phase.DELETING, now_ms, "released, and enough are warm")
    for instance in ledger.in_phase(Phase.RECYCLING):
        if not instance.called:
            book.ask(Verb.REBUILD, instance, now_ms, instance.reason, outbox)
