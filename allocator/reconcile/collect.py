"""Finds leaks: instances with our tags that the ledger does not know. Two listings must agree."""

from collections.abc import Sequence

from allocator.machine.ledger import PoolLedger
from allocator.machine.observed import Call, CloudStatus, Observed, Verb
from allocator.machine.outbox import Outbox
from allocator.reconcile.calls import CallBook


class LeakCollector:
    """Deletes what two successive listings show and the ledger does not know.

    One listing is not enough: it may be stale, or show what never was.
    """

    def __init__(self, ledger: PoolLedger, book: CallBook) -> None:
        self._ledger = ledger
        self._book = book
        self._suspects: set[str] = set()

    def collect(self, listing: Sequence[Observed], now_ms: int, outbox: Outbox) -> int:
        """Take a listing in; return how many leaks it confirmed."""
        unknown = {found.instance_id: found for found in listing if self._is_unknown(found)}
        confirmed = [found for name, found in unknown.items() if name in self._suspects]
        self._suspects = set(unknown)
        for found in confirmed:
            reason = "two listings show it and no intent or lease does"
            call = Call(
                Verb.DELETE, self._ledger.pool, found.intent_id, found.instance_id, now_ms,
                reason, leak=True,
            )  # fmt: skip
            self._book.add(call, outbox)
        return len(confirmed)

    def _is_unknown(self, found: Observed) -> bool:
        if found.status is CloudStatus.DELETED:
            return False
        known = self._ledger.instances.get(found.intent_id)
        # An extra one of a known intent is a leak as well, once it is known which one counts.
        return known is None or known.instance_id not in {None, found.instance_id}
