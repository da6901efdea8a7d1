"""Keeps one pool as its plan and its policy want it: level-triggered, time as an argument."""

from collections.abc import Sequence

from allocator.machine.leases import LeaseDesk
from allocator.machine.ledger import PoolLedger
from allocator.machine.lifecycle import WARM, Phase
from allocator.machine.observed import Observed, Result, Verb
from allocator.machine.outbox import Outbox
from allocator.policy.position import Decision, Position
from allocator.reconcile.answers import take_answer
from allocator.reconcile.calls import CallBook
from allocator.reconcile.collect import LeakCollector
from allocator.reconcile.expected import within_lead
from allocator.reconcile.expire import expire_builds, expire_leases
from allocator.reconcile.launch import Backoff, launch
from allocator.reconcile.plan import PoolPlan
from allocator.reconcile.reactive import InformedPolicy, Policy, ReactiveFloor
from allocator.reconcile.recycle import recycle
from allocator.reconcile.register import Registrar, demote_surplus
from allocator.reconcile.replace import replace_broken, retire, terminable
from allocator.reconcile.shadow import ShadowDesk
from allocator.reconcile.status import StatusReporter
from allocator.reconcile.thaw import thaw
from schemas.records import AllocationRequest, DemandForecast, ProgramPrediction
from schemas.shadow import ShadowPlan

MINUTE_MS = 60_000


class PoolReconciler:
    """Requests, listings, answers and time in; ledger changes and an outbox out.

    Parameters
    ----------
    plan
        What the pool is and how it is kept.
    ledger
        Its books.
    policy
        Sizes its reserve.
    floor
        Holds the reserve up until the policy has seen enough.
    shadow
        First steps that may be run early; none without it.
    """

    def __init__(
        self,
        plan: PoolPlan,
        ledger: PoolLedger,
        policy: Policy,
        floor: ReactiveFloor | None = None,
        shadow: ShadowPlan | None = None,
    ) -> None:
        self.plan = plan
        self.ledger = ledger
        self.policy = policy
        self.outbox = Outbox()
        self.desk = LeaseDesk(ledger, plan.terms)
        self._book = CallBook(ledger, plan.timings.retry_ms)
        self._backoff = Backoff(plan.timings)
        self._registrar = Registrar(ledger, plan.timings)
        self._leaks = LeakCollector(ledger, self._book)
        steps = ShadowPlan() if shadow is None or plan.observe_only else shadow
        self.shadows = ShadowDesk(steps, ledger, self._book)
        self._floor = floor or ReactiveFloor()
        self._status = StatusReporter(plan, ledger)
        self._minute: int | None = None
        for instance in ledger.in_phase(Phase.PLANNED):
            # From a process that was killed: its call was made or not, a listing will tell.
            ledger.move(instance, Phase.LAUNCHING, instance.planned_ms, "found after a restart")

    def request(self, request: AllocationRequest, now_ms: int) -> None:
        """Answer a request; the policy learns of it after it was served."""
        hit = self.desk.apply(request, now_ms, self.outbox)
        if hit is not None:
            self._floor.requested(now_ms / 1000)
            self.policy.requested(now_ms / 1000, request.user, request.program, hit=hit)
            self.shadows.settle(now_ms, self.outbox)

    def prediction(self, prediction: ProgramPrediction, now_ms: int) -> None:
        """Take in what somebody is likely to start next."""
        self.shadows.predicted(prediction, now_ms, self.outbox)

    def forecast(self, forecast: DemandForecast) -> None:
        """Tell the policy what is expected, where it takes that into account."""
        if isinstance(self.policy, InformedPolicy):
            mean, high = within_lead(forecast, self.lead_s or 60.0)
            self.policy.observed_forecast(forecast.made_at / 1000, mean, high)

    def listing(self, listing: Sequence[Observed], now_ms: int, *, collect: bool = True) -> None:
        """Take a complete listing in, and serve who waits from what became ready."""
        if self._registrar.register(listing, now_ms, self.outbox):
            self._backoff.refused(now_ms)
        # Only here: while the cloud does not answer, nobody knows what was built in time.
        expire_builds(self.ledger, self._registrar, self.plan.timings, now_ms, self.outbox)
        if collect:
            self._leaks.collect(listing, now_ms, self.outbox)
        thaw(self.ledger, self._book, listing, now_ms, self.outbox)
        self.desk.serve_waiting(now_ms, self.outbox)

    def answer(self, result: Result, now_ms: int) -> None:
        """Take the answer of a call in."""
        self._book.close(result, now_ms, self.outbox)
        if result.call.verb in {Verb.PREPARE, Verb.UNDO}:
            self.shadows.answer(result, now_ms, self.outbox)
            return
        take_answer(self.ledger, self._backoff, result, now_ms, self.outbox)

    def step(self, now_ms: int) -> None:
        """Bring the pool nearer to what is wanted at this time."""
        self._tick(now_ms)
        self._status.pass_time(now_ms)
        expire_leases(self.desk, now_ms, self.outbox)
        self.desk.serve_waiting(now_ms, self.outbox)
        self.shadows.step(now_ms, self.outbox)
        self._size(now_ms)
        replace_broken(self.ledger, self._book, now_ms, self.outbox)

    def take(self) -> tuple[dict[str, bytes | None], Outbox]:
        """Return what is to be committed, and what to write and call then."""
        outbox, self.outbox = self.outbox, Outbox()
        return self.ledger.take_changes(), outbox

    def _tick(self, now_ms: int) -> None:
        minute = now_ms // MINUTE_MS
        if minute != self._minute:
            self.policy.tick(minute * 60.0)
            if self.ledger.totals.lead_ms and isinstance(self.policy, InformedPolicy):
                self.policy.observed_lead(self.lead_s)
            # Kilobytes, so not with every answer: a kill forgets at most a minute's learning.
            self.ledger.keep_policy(self.policy.to_bytes())
            self._minute = minute

    @property
    def lead_s(self) -> float:
        """Median of the measured launch times, in seconds; 0 before the first."""
        leads = sorted(self.ledger.totals.lead_ms)
        return leads[len(leads) // 2] / 1000 if leads else 0.0

    def _size(self, now_ms: int) -> None:
        """Recycle, launch, retire and pause, in this order."""
        ledger, decision = self.ledger, self._decide(now_ms)
        wanted = decision.target + ledger.waiting
        recycle(ledger, self._book, wanted, now_ms, self.outbox)
        missing = wanted - ledger.count(*WARM) - ledger.coming
        if self.plan.observe_only or decision.launch == 0:
            missing = ledger.waiting - ledger.coming
        launch(
            ledger, self._book, self._backoff, missing, now_ms, decision.reason, self.outbox
        )  # fmt: skip
        if ledger.waiting == 0 and not self.plan.observe_only:
            min_life_ms = self.plan.timings.min_life_ms
            retire(ledger, decision.terminate, min_life_ms, now_ms, decision.reason)
        self._pause(now_ms)
        self._status.report(decision, now_ms, self.outbox)

    def _decide(self, now_ms: int) -> Decision:
        ledger, pool = self.ledger, self.plan.pool
        old = len(terminable(ledger, self.plan.timings.min_life_ms, now_ms))
        building = max(0, ledger.coming - ledger.waiting)
        position = Position(ready=ledger.count(*WARM), building=building, terminable=old)
        decision = self.policy.target(now_ms / 1000, position)
        asked = self._floor.size(now_ms / 1000, ledger.totals.hits + ledger.totals.misses)
        floor = max(min(asked, pool.max_instances), pool.min_instances)
        if floor <= decision.target:
            return decision
        reason = f"floor {floor} of a reactive policy, not {decision.target}: {decision.reason}"
        return Decision(max(0, floor - position.size), 0, floor, reason)

    def _pause(self, now_ms: int) -> None:
        for instance in demote_surplus(self.ledger, self.plan.active_max):
            if self._book.ask(Verb.PAUSE, instance, now_ms, "enough are running", self.outbox):
                self.ledger.move(instance, Phase.PAUSED, now_ms)
