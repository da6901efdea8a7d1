"""Takes the answers of the cloud's calls in."""

from allocator.machine.instance import Instance
from allocator.machine.ledger import PoolLedger
from allocator.machine.lifecycle import UNRESOLVED, Phase
from allocator.machine.observed import Answer, Result, Verb
from allocator.machine.outbox import Outbox
from allocator.machine.tiers import AT_ONCE, REST, WAKE
from allocator.reconcile.facts import event
from allocator.reconcile.launch import Backoff
from allocator.reconcile.tiering import Tiering


def take_answer(
    ledger: PoolLedger, backoff: Backoff, tiering: Tiering, result: Result, now_ms: int,
    outbox: Outbox,
) -> None:  # fmt: skip
    """Apply how a call ended; an answer about an instance that moved on changes nothing."""
    instance = ledger.instances.get(result.call.intent_id)
    if result.answer is Answer.REFUSED and result.call.verb is Verb.CREATE:
        backoff.refused(now_ms, int(result.retry_after_s * 1000))
    if instance is None or result.call.leak:
        return
    if result.call.verb is Verb.CREATE:
        _created(ledger, backoff, instance, result, now_ms, outbox)
    elif result.call.instance_id == instance.instance_id:
        _changed(ledger, tiering, instance, result, now_ms)


def _created(
    ledger: PoolLedger, backoff: Backoff, instance: Instance, result: Result, now_ms: int,
    outbox: Outbox,
) -> None:  # fmt: skip
    if instance.phase not in UNRESOLVED:
        return
    if result.answer is Answer.DONE:
        backoff.succeeded()
        instance.instance_id = result.instance_id
        ledger.move(instance, Phase.BUILDING, now_ms)
    elif result.answer is Answer.UNKNOWN:
        backoff.refused(now_ms)
        if instance.phase is Phase.PLANNED:
            ledger.move(instance, Phase.LAUNCHING, now_ms, f"no answer: {result.error}")
    else:
        ledger.move(instance, Phase.GONE, now_ms, result.error)
        reason = f"launch refused: {result.error}"
        outbox.events.append(event(ledger.pool, instance, "FAILED", now_ms, reason))


def _changed(
    ledger: PoolLedger, tiering: Tiering, instance: Instance, result: Result, now_ms: int
) -> None:
    verb, answer = result.call.verb, result.answer
    is_waking = instance.asleep or instance.phase is Phase.WAKING
    if verb is Verb.DELETE and instance.phase is Phase.DELETING and answer is Answer.MISSING:
        ledger.move(instance, Phase.GONE, now_ms)
    elif verb is Verb.REBUILD and instance.phase is Phase.RECYCLING:
        if answer is Answer.DONE:
            instance.called = True
            ledger.note(instance)
        elif answer is Answer.MISSING:
            ledger.move(instance, Phase.ERROR, now_ms, "gone before its rebuild")
    elif verb is REST.get(instance.phase) and answer is Answer.REFUSED:
        ledger.move(instance, Phase.READY, now_ms, f"could not be {instance.phase}")
    elif verb in AT_ONCE and is_waking and answer is Answer.DONE:
        tiering.woken(instance, now_ms)
    elif verb in WAKE.values() and instance.phase is Phase.WAKING and answer is Answer.MISSING:
        ledger.move(instance, Phase.ERROR, now_ms, "gone before it was woken")
