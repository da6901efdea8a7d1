"""Which calls are under way, and when one may be made again."""

from allocator.machine.instance import Instance
from allocator.machine.ledger import PoolLedger
from allocator.machine.observed import Answer, Call, Result, Verb
from allocator.machine.outbox import Outbox
from schemas.records import ReserveAction

_OUTCOMES = {
    Answer.DONE: "DONE",
    Answer.MISSING: "DONE",
    Answer.REFUSED: "FAILED",
    Answer.UNKNOWN: "UNKNOWN",
}


# As many calls as there are.
ANY = 1 << 31


class CallBook:
    """Keeps one call at a time per instance, a pause between two, and so many in a transaction.

    It lives in memory only: what a killed process had under way is in the phases.

    Examples
    --------
    >>> ledger, outbox = PoolLedger("office", cap=2, epoch=7), Outbox()
    >>> book = CallBook(ledger, retry_ms=10_000)
    >>> book.room = 1
    >>> [book.ask(Verb.CREATE, ledger.plan(0, "why"), 0, "why", outbox) for _ in range(2)]
    [True, False]
    """

    def __init__(self, ledger: PoolLedger, retry_ms: int) -> None:
        self._ledger = ledger
        self._retry_ms = retry_ms
        self._open: set[str] = set()
        self._last_ms: dict[str, int] = {}
        self.room = ANY

    def ask(self, verb: Verb, instance: Instance, now_ms: int, reason: str, outbox: Outbox) -> bool:
        """Make a call about an instance, unless one is under way, was just made, or none has room.

        Who is refused asks again at the next step: what should be is looked at anew each time.
        """
        if self.room <= 0:
            return False
        call = Call(
            verb, self._ledger.pool, instance.intent_id, instance.instance_id, now_ms, reason
        )
        is_made = self.add(call, outbox)
        self.room -= is_made
        return is_made

    def add(self, call: Call, outbox: Outbox) -> bool:
        """Make a call, unless one about the same instance is under way or was just made."""
        name = call.instance_id or call.intent_id
        last_ms = self._last_ms.get(name)
        if name in self._open or (last_ms is not None and call.at_ms - last_ms < self._retry_ms):
            return False
        self._open.add(name)
        self._last_ms[name] = call.at_ms
        outbox.calls.append(call)
        outbox.actions.append(action_of(call, "PLANNED"))
        return True

    def close(self, result: Result, now_ms: int, outbox: Outbox) -> None:
        """Note that a call has ended."""
        call = result.call
        self._open.discard(call.instance_id or call.intent_id)
        if call.verb is Verb.DELETE and result.answer is Answer.MISSING:
            self._last_ms.pop(call.instance_id or "", None)
        if call.verb is Verb.CREATE:
            self._last_ms.pop(call.intent_id, None)
        outbox.actions.append(action_of(call, _OUTCOMES[result.answer], result, now_ms))


def action_of(
    call: Call, outcome: str, result: Result | None = None, now_ms: int | None = None
) -> ReserveAction:
    """Return the record of a call.

    Examples
    --------
    >>> action_of(Call(Verb.CREATE, "office", "office-1", None, 5, "why"), "PLANNED").action_id
    'office-1/CREATE/5/PLANNED'
    """
    verb = "COLLECT" if call.leak else str(call.verb)
    name = call.instance_id if call.leak else call.intent_id
    return ReserveAction(
        action_id=f"{name}/{verb}/{call.at_ms}/{outcome}",
        pool=call.pool,
        time=call.at_ms if now_ms is None else now_ms,
        verb=verb,  # type: ignore[arg-type]
        instance_id=call.instance_id or (result.instance_id if result else None),
        intent_id=call.intent_id or None,
        outcome=outcome,  # type: ignore[arg-type]
        reason=call.reason,
        error=(result.error or None) if result else None,
    )
