"""Keeps one pool as its plan and its policy want it: level-triggered, time as an argument."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from allocator.machine.leases import LeaseDesk
from allocator.machine.ledger import PoolLedger
from allocator.machine.lifecycle import RESTING, WARM, Phase
from allocator.machine.observed import Observed, Result, Verb
from allocator.machine.outbox import Outbox
from allocator.machine.starts import StartEnd
from allocator.machine.tiers import BY_TIER, TIER_OF
from allocator.policy.capacity import CapacityCalendar
from allocator.policy.position import Decision
from allocator.reconcile.answers import take_answer
from allocator.reconcile.calls import ANY, CallBook
from allocator.reconcile.collect import LeakCollector
from allocator.reconcile.expire import expire_builds, expire_leases
from allocator.reconcile.hosts import Hosts
from allocator.reconcile.launch import Backoff, launch
from allocator.reconcile.plan import PoolPlan
from allocator.reconcile.reactive import Policy, ReactiveFloor, TieredPolicy
from allocator.reconcile.recycle import recycle
from allocator.reconcile.register import Registrar
from allocator.reconcile.replace import replace_broken, terminable
from allocator.reconcile.shadow import ShadowDesk
from allocator.reconcile.sizing import Sizer
from allocator.reconcile.start import start_programs, take_start
from allocator.reconcile.status import StatusReporter
from allocator.reconcile.tiering import Tiering
from allocator.reconcile.watch import Watch
from schemas.records import AllocationRequest, AnomalyAlert, DemandForecast, ProgramPrediction
from schemas.shadow import ShadowPlan

MINUTE_MS = 60_000
# All leases are looked at: not at every request of a crowd.
EXPIRE_EVERY_MS = 500


@dataclass(frozen=True, slots=True)
class _Listing:
    """A listing, when it was asked for, and whether leaks are looked for in it."""

    found: Sequence[Observed]
    asked_ms: int
    collect: bool


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
        Holds the reserve up until the policy has seen enough; by default the pool's own.
    sensitivities
        Latency sensitivity by person, where known.
    shadow
        First steps that may be run early; none without it.
    calendar
        Announced times with less capacity, filled while the calendar is read.
    hosts
        What all pools' listings tell of hosts; by default this pool's alone.
    """

    def __init__(
        self,
        plan: PoolPlan,
        ledger: PoolLedger,
        policy: Policy,
        floor: ReactiveFloor | None = None,
        shadow: ShadowPlan | None = None,
        sensitivities: Mapping[str, float] = MappingProxyType({}),
        calendar: CapacityCalendar | None = None,
        hosts: Hosts | None = None,
    ) -> None:
        self.plan = plan
        self.ledger = ledger
        self.outbox = Outbox()
        self.desk = LeaseDesk(ledger, plan.terms, sensitivities)
        floor = floor or ReactiveFloor(ledger.totals.crowd_slots)
        self.sizer = Sizer(plan, ledger, policy, floor, calendar or CapacityCalendar())
        self.watch = Watch(plan, ledger, self.sizer)
        self._book = CallBook(ledger, plan.timings.retry_ms)
        self._backoff = Backoff(plan.timings)
        self._registrar = Registrar(ledger, plan.timings, hosts or Hosts())
        self._leaks = LeakCollector(ledger, self._book)
        self._listing: _Listing | None = None
        steps = ShadowPlan() if shadow is None or plan.observe_only else shadow
        self._tiering = Tiering(plan, ledger, self._book)
        self.shadows = ShadowDesk(steps, ledger, self._book, self._tiering)
        self._status = StatusReporter(plan, ledger, self.sizer, self.watch)
        self._minute: int | None = None
        self._keeps_policy = False
        self._expired_ms = -EXPIRE_EVERY_MS
        for instance in ledger.in_phase(Phase.PLANNED):
            # From a process that was killed: its call was made or not, a listing will tell.
            ledger.move(instance, Phase.LAUNCHING, instance.planned_ms, "found after a restart")

    def request(self, request: AllocationRequest, now_ms: int) -> None:
        """Answer a request; the policy learns of it after it was served."""
        hit = self.desk.apply(request, now_ms, self.outbox)
        if hit is not None:
            time_s = now_ms / 1000
            self.sizer.requested(time_s, request.user, request.program, hit=hit)
            self.watch.requested(time_s)
            self.shadows.settle(now_ms, self.outbox)
            self._start_programs(now_ms)

    def prediction(self, prediction: ProgramPrediction, now_ms: int) -> None:
        """Take in what somebody is likely to start next."""
        self.shadows.predicted(prediction, now_ms, self.outbox)

    def forecast(self, forecast: DemandForecast) -> None:
        """Take a forecast of the pool's demand in the next hour in."""
        self.sizer.forecasted(forecast)
        self.watch.forecasted(forecast)

    def predict(self, made_ms: int, user: str, within: Sequence[float]) -> None:
        """Take in which chance a person has to need this pool; in a replay once its time comes."""
        self.sizer.predicted(made_ms / 1000, user, within)

    def alert(self, alert: AnomalyAlert, now_ms: int) -> None:
        """Take in that something is unusual, or usual again."""
        self.sizer.alerted(alert, now_ms)

    @property
    def is_listing(self) -> bool:
        """Whether a listing is not wholly taken in: another would begin it anew."""
        return self._listing is not None

    @property
    def has_more(self) -> bool:
        """Whether what is to be done now did not fit in one transaction."""
        return self._listing is not None or self._book.room <= 0

    def listing(
        self, listing: Sequence[Observed], now_ms: int, *, collect: bool = True, most: int = ANY
    ) -> None:
        """Take a complete listing in, and serve who waits from what became ready.

        Parameters
        ----------
        listing, now_ms
            What the cloud shows, and when it was asked.
        collect
            Whether leaks are looked for.
        most
            About so many instances may change before the next commit; `list_on` goes on then.
        """
        self._listing = _Listing(listing, now_ms, collect)
        self._registrar.begin(listing, now_ms)
        self.list_on(most)

    def list_on(self, most: int = ANY) -> None:
        """Go on with the listing that is not wholly taken in, if any."""
        if self._listing is None:
            return
        asked_ms = self._listing.asked_ms
        if self._registrar.register(self.outbox, most):
            self._listed(self._listing)
            self._listing = None
        self.desk.serve_waiting(asked_ms, self.outbox)

    def answer(self, result: Result, now_ms: int) -> None:
        """Take the answer of a call in."""
        self._book.close(result, now_ms, self.outbox)
        if result.call.verb in {Verb.PREPARE, Verb.UNDO}:
            self.shadows.answer(result, now_ms, self.outbox)
            return
        take_answer(self.ledger, self._backoff, self._tiering, result, now_ms, self.outbox)

    def started(self, end: StartEnd, now_ms: int) -> None:
        """Take in what became of a program's start."""
        take_start(self.ledger, end, now_ms, self.outbox)

    def step(self, now_ms: int, most: int = ANY) -> None:
        """Bring the pool nearer to what is wanted at this time, with at most so many calls."""
        self._book.room = most
        self._tick(now_ms)
        self._status.pass_time(now_ms)
        self.sizer.pass_time(now_ms)
        if now_ms - self._expired_ms >= EXPIRE_EVERY_MS:
            self._expired_ms = now_ms
            expire_leases(self.desk, now_ms, self.outbox)
        self.desk.serve_waiting(now_ms, self.outbox)
        self.shadows.step(now_ms, self.outbox)
        self._start_programs(now_ms)
        self._size(now_ms)
        replace_broken(self.ledger, self._book, now_ms, self.outbox)

    def take(self) -> tuple[dict[str, bytes | None], Outbox]:
        """Return what is to be committed, and what to write and call then."""
        if self._keeps_policy:
            # Kilobytes, so not with every answer: a kill forgets at most a minute's learning.
            self.ledger.keep_policy(self.sizer.policy.to_bytes())
            self._keeps_policy = False
        outbox, self.outbox = self.outbox, Outbox()
        return self.ledger.take_changes(), outbox

    def _listed(self, listing: "_Listing") -> None:
        """What needs a whole listing."""
        now_ms = listing.asked_ms
        if self._registrar.is_full:
            self._backoff.refused(now_ms)
        # Only here: while the cloud does not answer, nobody knows what was built in time.
        expire_builds(self.ledger, self._registrar, self.plan.timings, now_ms, self.outbox)
        if listing.collect:
            self._leaks.collect(listing.found, now_ms, self.outbox)
        self._tiering.repair(listing.found, now_ms, self.outbox)

    def _start_programs(self, now_ms: int) -> None:
        if self.plan.starts_programs:
            start_programs(self.ledger, now_ms, self.outbox)

    def _tick(self, now_ms: int) -> None:
        minute = now_ms // MINUTE_MS
        if minute != self._minute:
            self.sizer.minute(minute * 60.0)
            self.watch.minute(now_ms, self.outbox)
            self._minute = minute
            self._keeps_policy = True

    def _size(self, now_ms: int) -> None:
        """Recycle, wake, launch, rest and retire, in this order."""
        ledger, decision = self.ledger, self.sizer.decide(now_ms)
        mix = self._mix(decision, now_ms)
        # What asks for a machine waits while maintenance leaves none.
        free = self.sizer.capacity_free(now_ms)
        wanted = min(decision.target + ledger.waiting, free)
        resting = sum(mix[TIER_OF[phase]] for phase in RESTING) - ledger.count(*RESTING)
        recycle(ledger, self._book, wanted + max(0, resting), now_ms, self.outbox)
        missing = wanted - ledger.count(*WARM) - ledger.coming
        if self.plan.observe_only or decision.launch == 0:
            missing = min(ledger.waiting, free) - ledger.coming
        missing -= self._tiering.wake(missing, now_ms, decision.reason, self.outbox)
        launch(
            ledger, self._book, self._backoff, missing, now_ms, decision.reason, self.outbox
        )  # fmt: skip
        if not self.plan.observe_only:
            if ledger.waiting == 0:
                self._retire(decision, mix, now_ms)
            self._tiering.run_more(mix, now_ms, self.outbox)
            self._tiering.rest(mix, now_ms, self.outbox)
            self._tiering.end_surplus(mix, now_ms)
        self._status.report(decision, now_ms, self.outbox)

    def _mix(self, decision: Decision, now_ms: int) -> dict[str, int]:
        """The tiers to keep, as the policy values them; all running where it does not tell."""
        policy, totals = self.sizer.policy, self.ledger.totals
        most = min(self.plan.pool.max_instances, self.sizer.capacity_free(now_ms))
        room = max(0, most - decision.target)
        resting = room if any(BY_TIER[t] in RESTING for t in self.plan.pool.tiers) else 0
        if not isinstance(policy, TieredPolicy) or self.plan.pool.tiers == ("active",):
            return dict.fromkeys(BY_TIER, 0) | {"active": decision.target}
        # At the price that keeps the promise a miss costs 1 / price instance-seconds: that is what
        # a wait of one lead time costs, and more to those who mind waiting more.
        lead_s = self.sizer.lead_s
        wait_cost = totals.sensitivity / max(policy.price_hits_per_s, 1e-12) / lead_s / 3600.0
        need = policy.need(decision.target + resting)
        return self._tiering.mix(need, decision.target, lead_s, wait_cost)

    def _retire(self, decision: Decision, mix: Mapping[str, int], now_ms: int) -> None:
        """Let the oldest surplus rest where that pays, end the others."""
        min_life_ms = self.plan.timings.min_life_ms
        count = min(decision.terminate, self._book.room)
        surplus = terminable(self.ledger, min_life_ms, now_ms)[:count]
        for instance in self._tiering.rest_surplus(surplus, mix, now_ms, self.outbox):
            self.ledger.move(instance, Phase.DELETING, now_ms, decision.reason)
