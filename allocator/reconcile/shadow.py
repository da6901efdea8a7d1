"""Shadow runs of one pool: starts what is worth it, keeps it for its person, undoes the rest.

An instance goes from the reserve to PREPARING and PREPARED, and from there to its person or to a
rebuild; there is no way back to the reserve (allocator/machine/lifecycle.py). What was decided is
committed before a step runs, like every call.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec

from allocator.machine.instance import Instance
from allocator.machine.ledger import PoolLedger
from allocator.machine.lifecycle import SHADOWED, WARM, Phase
from allocator.machine.observed import Answer, Call, Result, Verb
from allocator.machine.outbox import Outbox
from allocator.machine.shadow import Shadow
from allocator.policy.arrival import Arrival
from allocator.policy.lead import lead_s
from allocator.policy.shadow import (
    Preparation,
    ShadowRun,
    best_hold,
    best_run,
    choose_shadows,
    waits,
)
from allocator.policy.shadow_control import ShadowControl
from allocator.policy.workflows import WorkflowBook
from allocator.reconcile.calls import CallBook
from allocator.reconcile.tiering import Tiering
from schemas.records import Candidate, ProgramPrediction, ShadowEvent
from schemas.shadow import ShadowPlan, Step

Kind = Literal["STARTED", "PREPARED", "HIT", "MISS", "UNDONE", "FAILED"]
# A call waits in a queue for a moment; after this none of its steps is begun any more.
QUEUE_MS = 30_000
# A prediction that is older than this is no news.
STALE_MS = 60_000
MOST_PENDING = 2_000
UNDO_TRIES = 3
MINUTE_MS = 60_000
RUNS_KEPT = 64


class _Wire(msgspec.Struct, array_like=True):
    control: ShadowControl
    workflows: bytes
    took_ms: dict[str, list[int]] = {}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A run that may be started: for whom, why, and what it is worth."""

    prediction: ProgramPrediction
    program: str
    steps: tuple[Step, ...]
    run: ShadowRun
    stated: float


class ShadowDesk:
    """Decides and follows a pool's shadow runs.

    Parameters
    ----------
    plan
        What the operator declared.
    ledger, book, tiering
        The pool's books, its calls, and what wakes paused instances.
    """

    def __init__(
        self, plan: ShadowPlan, ledger: PoolLedger, book: CallBook, tiering: Tiering
    ) -> None:
        self._plan = plan
        self._terms = plan.terms_of(ledger.pool)
        self._ledger = ledger
        self._book = book
        self._tiering = tiering
        self._wanted: dict[tuple[str, str], _Wanted] = {}
        self._open: dict[str, None] = {}
        self._minute: int | None = None
        self.control, self._workflows, self._took_ms = self._restored()
        for instance in ledger.instances.values():
            if instance.shadow is not None and instance.phase in SHADOWED:
                self._open[instance.intent_id] = None

    def predicted(self, prediction: ProgramPrediction, now_ms: int, outbox: Outbox) -> None:
        """Take a prediction in: follow the person, think again about what is held, note wishes."""
        user, made_ms = prediction.user, prediction.made_at
        self._workflows.launched(user, prediction.after_program, made_ms)
        for key in [key for key in self._wanted if key[0] == user]:
            del self._wanted[key]
        if now_ms - made_ms > STALE_MS:
            return
        self._rethink(prediction, now_ms, outbox)
        held = {(s.user, s.program) for s in self._held()}
        for candidate in prediction.candidates:
            if (user, candidate.program) not in held:
                self._wish(prediction, candidate)
        while len(self._wanted) > MOST_PENDING:
            del self._wanted[next(iter(self._wanted))]

    def step(self, now_ms: int, outbox: Outbox) -> None:
        """Settle what was taken or is over, and start what is worth it."""
        if not self._plan.step and not self._ledger.count(*SHADOWED):
            self._undo(now_ms, outbox)
            return
        self._recover(now_ms, outbox)
        self.settle(now_ms, outbox)
        for instance in self._ledger.in_phase(*SHADOWED):
            shadow = instance.shadow
            if shadow is not None and shadow.until_ms <= now_ms:
                self._miss(instance, shadow, now_ms, "nobody came in time", outbox)
        self._undo(now_ms, outbox)
        self._start_best(now_ms, outbox)
        self._save(now_ms)

    def settle(self, now_ms: int, outbox: Outbox) -> None:
        """Note which runs were taken, and which were lost with their instances."""
        for intent_id in list(self._open):
            instance = self._ledger.instances.get(intent_id)
            if instance is not None and instance.phase in SHADOWED:
                continue
            del self._open[intent_id]
            shadow = None if instance is None else instance.shadow
            if instance is None or shadow is None:
                continue
            if instance.phase is Phase.ASSIGNED:
                self._hit(instance, shadow, now_ms, outbox)
            else:
                self._tell("FAILED", instance, shadow, now_ms, "its instance was lost", outbox)

    def answer(self, result: Result, now_ms: int, outbox: Outbox) -> None:
        """Take in how steps, or their undoing, ended."""
        instance = self._ledger.instances.get(result.call.intent_id)
        shadow = None if instance is None else instance.shadow
        if instance is None or shadow is None or shadow.begun_ms > result.call.at_ms:
            return
        shadow.busy_until_ms = 0
        if result.call.verb is Verb.UNDO:
            self._undone(instance, shadow, result, now_ms, outbox)
        else:
            self._prepared(instance, shadow, result, now_ms, outbox)
        self._ledger.note(instance)

    def _prepared(
        self, instance: Instance, shadow: Shadow, result: Result, now_ms: int, outbox: Outbox
    ) -> None:
        shadow.took_ms = [took_ms for _, took_ms in result.done]
        for step_id, took_ms in result.done:
            self._took_ms[step_id] = [*self._took_ms.get(step_id, []), took_ms][-RUNS_KEPT:]
        if instance.phase is not Phase.PREPARING:
            return
        if result.answer is Answer.DONE:
            shadow.prepared_ms = max(now_ms, result.call.at_ms + sum(shadow.took_ms))
            self._ledger.move(instance, Phase.PREPARED, now_ms)
            self._tell("PREPARED", instance, shadow, now_ms, "all steps are done", outbox)
        else:
            self.control.give_back(shadow.reserved_min)
            self._end(instance, now_ms)
            self._tell("FAILED", instance, shadow, now_ms, result.error or "no answer", outbox)

    def _undone(
        self, instance: Instance, shadow: Shadow, result: Result, now_ms: int, outbox: Outbox
    ) -> None:
        if result.answer is Answer.DONE:
            shadow.undo = []
            self._tell("UNDONE", instance, shadow, now_ms, "taken back, then rebuilt", outbox)
            return
        shadow.undo_tries += 1
        if shadow.undo_tries >= UNDO_TRIES:
            left = ", ".join(shadow.undo)
            shadow.undo = []
            self._tell("FAILED", instance, shadow, now_ms, f"could not undo {left}", outbox)

    def _wish(self, prediction: ProgramPrediction, candidate: Candidate) -> None:
        steps = self._plan.steps_of(candidate.program)
        if not steps:
            return
        sensitivity = prediction.sensitivity or 1.0
        weight = sensitivity * self._workflows.weight(prediction.user, candidate.program)
        preparation = self._preparation(steps)
        choices = waits(arrival_of(candidate), preparation)
        key = f"{prediction.user}/{candidate.program}"
        price_s, trust = self._price_s, self.control.trust
        run = best_run(key, choices, preparation, weight, price_s, trust)
        if run.value <= 0.0:
            if trust < 1.0 and best_run(key, choices, preparation, weight, price_s).value > 0.0:
                self.control.held_back()
        else:
            stated = next(w.probability for w in choices if w.ttl_s == run.ttl_s)
            wanted = _Wanted(prediction, candidate.program, steps, run, stated)
            self._wanted[prediction.user, candidate.program] = wanted

    def _start_best(self, now_ms: int, outbox: Outbox) -> None:
        terms, control = self._terms, self.control
        left_min = control.refill(now_ms, terms.minutes_per_hour)
        self._drop_stale(now_ms)
        if not self._wanted or self._ledger.waiting or control.is_stopped(now_ms):
            return
        room = control.at_once(terms.at_once) - self._ledger.count(*SHADOWED)
        room = min(room, self._ledger.count(*WARM) - terms.leave_ready)
        runs = {wanted.run.key: wanted for wanted in self._wanted.values()}
        budget_s, asleep = left_min * self._price_s, -self._ledger.count(Phase.WAKING)
        for run in choose_shadows((w.run for w in runs.values()), budget_s)[: max(room, 0)]:
            instance = self._ledger.first(Phase.READY)
            if instance is not None:
                self._start(instance, runs[run.key], now_ms, outbox)
            else:
                asleep += 1
        self._tiering.wake_paused(asleep, now_ms, "a shadow run needs it", outbox)

    def _start(self, instance: Instance, wanted: _Wanted, now_ms: int, outbox: Outbox) -> None:
        begin_ms = round(sum(step.timeout_s for step in wanted.steps) * 1000) + QUEUE_MS
        call = Call(
            Verb.PREPARE, self._ledger.pool, instance.intent_id, instance.instance_id, now_ms,
            "likely next, and worth it", steps=tuple(step.id for step in wanted.steps),
            until_ms=now_ms + begin_ms,
        )  # fmt: skip
        if not self._book.add(call, outbox):
            return
        longest_ms = round(max(step.timeout_s for step in wanted.steps) * 1000)
        shadow = Shadow(
            user=wanted.prediction.user, program=wanted.program,
            prediction_id=wanted.prediction.prediction_id, steps=list(call.steps),
            promised=wanted.stated, value=wanted.run.value, cost=wanted.run.cost, begun_ms=now_ms,
            until_ms=now_ms + round(wanted.run.ttl_s * 1000),
            busy_until_ms=now_ms + begin_ms + longest_ms + QUEUE_MS,
            undo=[step.id for step in wanted.steps if step.undo],
            reserved_min=(wanted.run.ttl_s + self._rebuild_s) / 60.0,
        )  # fmt: skip
        instance.shadow = shadow
        self._ledger.move(instance, Phase.PREPARING, now_ms, "prepared for one person")
        self._open[instance.intent_id] = None
        self.control.spend(shadow.reserved_min)
        del self._wanted[shadow.user, shadow.program]
        self._tell("STARTED", instance, shadow, now_ms, call.reason, outbox)

    def _rethink(self, prediction: ProgramPrediction, now_ms: int, outbox: Outbox) -> None:
        """Keep what is prepared for a person only as long as that is still worth it."""
        arrivals = {c.program: arrival_of(c) for c in prediction.candidates}
        for instance in self._ledger.in_phase(*SHADOWED):
            shadow = instance.shadow
            if shadow is None or shadow.user != prediction.user:
                continue
            if shadow.program == prediction.after_program:
                continue  # just launched: its request is on the way
            more_s = self._worth_s(shadow, arrivals.get(shadow.program), prediction, now_ms)
            if more_s <= 0.0:
                self._miss(instance, shadow, now_ms, "no longer likely", outbox)
            else:
                shadow.until_ms = min(shadow.until_ms, now_ms + round(more_s * 1000))
                self._ledger.note(instance)

    def _worth_s(
        self, shadow: Shadow, arrival: Arrival | None, prediction: ProgramPrediction, now_ms: int
    ) -> float:
        left_s = (shadow.until_ms - now_ms) / 1000
        if arrival is None or left_s <= 0.0:
            return 0.0
        weight = (prediction.sensitivity or 1.0) * self._workflows.weight(
            shadow.user, shadow.program
        )
        steps = self._preparation(self._plan.steps_of(shadow.program))
        return best_hold(arrival, steps, left_s, weight, self._price_s, self.control.trust)

    def _hit(self, instance: Instance, shadow: Shadow, now_ms: int, outbox: Outbox) -> None:
        saved_s = shadow.saved_ms(now_ms) / 1000
        idle_min = max(now_ms - (shadow.prepared_ms or now_ms), 0) / MINUTE_MS
        self.control.give_back(shadow.reserved_min - idle_min)
        self.control.wasted_s += idle_min * 60.0
        gain = saved_s - idle_min * self._terms.price_s
        self.control.taken_run(shadow.promised, gain, saved_s)
        reason = "its person came"
        self._tell("HIT", instance, shadow, now_ms, reason, outbox, saved_s=saved_s)

    def _miss(
        self, instance: Instance, shadow: Shadow, now_ms: int, reason: str, outbox: Outbox
    ) -> None:
        wasted_s = (now_ms - shadow.begun_ms) / 1000 + self._rebuild_s
        loss = wasted_s / 60.0 * self._terms.price_s
        self.control.give_back(shadow.reserved_min - wasted_s / 60.0)
        self.control.wasted_s += wasted_s
        self.control.missed_run(now_ms, shadow.promised, loss, self._terms.loss_limit_s)
        self._end(instance, now_ms)
        self._tell("MISS", instance, shadow, now_ms, reason, outbox, wasted_s=wasted_s)

    def _end(self, instance: Instance, now_ms: int) -> None:
        """Send an instance to its rebuild."""
        self._open.pop(instance.intent_id, None)
        self._ledger.move(instance, Phase.RELEASED, now_ms, "a shadow run is undone")

    def _undo(self, now_ms: int, outbox: Outbox) -> None:
        for instance in self._ledger.in_phase(Phase.RELEASED):
            shadow = instance.shadow
            if shadow is None or not shadow.undo or shadow.busy_until_ms > now_ms:
                continue
            call = Call(
                Verb.UNDO, self._ledger.pool, instance.intent_id, instance.instance_id, now_ms,
                "a shadow run is undone", steps=tuple(reversed(shadow.undo)),
                until_ms=now_ms + QUEUE_MS,
            )  # fmt: skip
            self._book.add(call, outbox)

    def _recover(self, now_ms: int, outbox: Outbox) -> None:
        """Give up what another process began: whether its steps were run, nobody can tell."""
        if self._minute is not None:
            return
        for instance in self._ledger.in_phase(Phase.PREPARING):
            if instance.shadow is not None:
                self.control.give_back(instance.shadow.reserved_min)
                self._end(instance, now_ms)
                reason = "found after a restart"
                self._tell("FAILED", instance, instance.shadow, now_ms, reason, outbox)

    def _drop_stale(self, now_ms: int) -> None:
        stale = [k for k, w in self._wanted.items() if now_ms - w.prediction.made_at > STALE_MS]
        for key in stale:
            del self._wanted[key]

    def _held(self) -> list[Shadow]:
        instances = self._ledger.in_phase(*SHADOWED)
        return [instance.shadow for instance in instances if instance.shadow is not None]

    @property
    def _price_s(self) -> float:
        return self.control.price_s(self._terms.price_s, self._terms.minutes_per_hour)

    @property
    def _rebuild_s(self) -> float:
        return lead_s(self._ledger.totals.rebuild_ms, 0.5, self._plan.rebuild_s)

    def _preparation(self, steps: tuple[Step, ...]) -> Preparation:
        """Add up what steps save: what they take, as who comes later need not wait for that."""
        saves_s = sum(lead_s(self._took_ms.get(step.id, []), 0.5, step.saves_s) for step in steps)
        return Preparation(
            saves_s, saves_s, sum(step.cost_s for step in steps),
            min((step.ttl_s for step in steps), default=0.0), self._rebuild_s,
        )  # fmt: skip

    def _tell(
        self, kind: Kind, instance: Instance, shadow: Shadow, now_ms: int, reason: str,
        outbox: Outbox, saved_s: float | None = None, wasted_s: float | None = None,
    ) -> None:  # fmt: skip
        name = f"{instance.intent_id}/{shadow.begun_ms}/{kind}-{shadow.undo_tries}"
        outbox.shadows.append(
            ShadowEvent(
                event_id=name, pool=self._ledger.pool,
                time=now_ms, kind=kind, user=shadow.user, program=shadow.program,
                step_id=", ".join(shadow.steps), instance_id=instance.instance_id,
                probability=shadow.promised, value=shadow.value, saved_s=saved_s,
                wasted_s=wasted_s, reason=reason,
            )
        )  # fmt: skip

    def _save(self, now_ms: int) -> None:
        """Kilobytes, so once a minute: a kill forgets at most that."""
        if now_ms // MINUTE_MS != self._minute:
            self._minute = now_ms // MINUTE_MS
            wire = _Wire(self.control, self._workflows.to_bytes(), self._took_ms)
            self._ledger.keep_shadow(msgspec.msgpack.encode(wire))

    def _restored(self) -> tuple[ShadowControl, WorkflowBook, dict[str, list[int]]]:
        declared = self._plan.workflow
        if not self._ledger.shadow:
            return ShadowControl(), WorkflowBook(declared), {}
        wire = msgspec.msgpack.decode(self._ledger.shadow, type=_Wire)
        ids = {step.id for step in self._plan.step}
        took_ms = {step_id: kept for step_id, kept in wire.took_ms.items() if step_id in ids}
        return wire.control, WorkflowBook.from_bytes(wire.workflows, declared), took_ms


def arrival_of(candidate: Candidate) -> Arrival:
    """Return when a candidate is expected."""
    return Arrival.of((candidate.p_1m, candidate.p_5m, candidate.p_15m, candidate.p_60m))
