"""How large a pool's reserve shall be: the learned size, what is foretold, and every bound."""

from collections.abc import Sequence
from dataclasses import dataclass

from allocator.machine.ledger import PoolLedger
from allocator.machine.lifecycle import SHADOWED, WARM, Phase
from allocator.policy.capacity import Capacity, CapacityCalendar, Window, capacity_at
from allocator.policy.intents import IntentBook
from allocator.policy.lead import lead_s, lead_spread_s
from allocator.policy.position import Decision, Position
from allocator.policy.schedules import Bounds, bounds_at
from allocator.policy.spending import affordable, pay
from allocator.reconcile.anomalies import Holds
from allocator.reconcile.expected import within_lead
from allocator.reconcile.plan import PoolPlan
from allocator.reconcile.reactive import InformedPolicy, Policy, ReactiveFloor
from allocator.reconcile.replace import count_terminable
from schemas.records import AnomalyAlert, DemandForecast

_INTENTS_EVERY_S = 1.0
_FORECAST_FOR_S = 3_600.0
_MINUTE_MS = 60_000
# What a bound says that does not hold.
_ANY = 1 << 31


@dataclass(slots=True)
class Foretold:
    """What is expected within a lead time, by source; None where nobody said.

    Parameters
    ----------
    forecast, forecast_high
        Median and an upper quantile of the pool's demand forecast.
    intents
        Sum over the persons who are active now.
    """

    forecast: float | None = None
    forecast_high: float | None = None
    intents: float = 0.0


class Sizer:
    """Decides the reserve's size.

    Parameters
    ----------
    plan, ledger, policy
        Of the pool.
    floor
        Holds the reserve up while the policy isn't trusted alone.
    calendar
        Announced times with less capacity.
    """

    def __init__(
        self, plan: PoolPlan, ledger: PoolLedger, policy: Policy, floor: ReactiveFloor,
        calendar: CapacityCalendar,
    ) -> None:  # fmt: skip
        self.policy = policy
        self.foretold = Foretold()
        self.bounds = Bounds(plan.pool.min_instances, plan.pool.max_instances)
        self.floor_held = ""
        self.holds = Holds(plan.pool.name)
        self._plan = plan
        self._ledger = ledger
        self._floor = floor
        self._intents = IntentBook()
        self._intents_s = -_INTENTS_EVERY_S
        self._has_news = False
        self._forecast: DemandForecast | None = None
        self._quota_left: int | None = None
        self._calendar = calendar
        self._windows: list[Window] = []
        self._calendar_version = -1

    @property
    def leads_ms(self) -> Sequence[int]:
        """The last measured launch times."""
        return self._ledger.totals.lead_ms

    @property
    def lead_s(self) -> float:
        """The launch time to plan for, in seconds."""
        return lead_s(self.leads_ms, self._plan.pool.lead_quantile, self._plan.lead_s)

    def requested(self, time_s: float, user: str, program: str, *, hit: bool) -> None:
        """Learn from a request, after it was served."""
        self._floor.requested(time_s)
        self._intents.requested(time_s, user)
        self.policy.requested(time_s, user, program, hit=hit)

    def forecasted(self, forecast: DemandForecast) -> None:
        """Take a forecast of the next hour in."""
        self._forecast = forecast
        self._tell_forecast(forecast.made_at / 1000)

    def predicted(self, time_s: float, user: str, within: Sequence[float]) -> None:
        """Take in which chance a person has to need this pool within each window."""
        # In a replay it may be ahead of the pool's time: it counts once that comes.
        self._intents.predicted(time_s, user, within)
        self._has_news = True

    def alerted(self, alert: AnomalyAlert, now_ms: int) -> None:
        """Hold the floor while an anomaly of this pool is open."""
        self.holds.alerted(alert, now_ms)

    def quota(self, left: int | None) -> None:
        """Take in how many more instances the cloud allows."""
        self._quota_left = left

    def minute(self, time_s: float) -> None:
        """Let a minute pass."""
        self.policy.tick(time_s)
        self._intents.pass_to(time_s)
        self._intents_s = time_s - _INTENTS_EVERY_S
        self._tell_intents(time_s)
        self._tell_forecast(time_s)
        pool = self._plan.pool
        self._look_at_calendar(round(1000 * time_s))
        self.bounds = bounds_at(
            pool.budgets, pool.min_instances, pool.max_instances, time_s, self.lead_s
        )
        if isinstance(self.policy, InformedPolicy):
            self.policy.observed_lead(self.lead_s)

    def pass_time(self, now_ms: int) -> None:
        """Let budgets pay for what was held since the last call."""
        if any(budget.instance_hours is not None for budget in self._plan.pool.budgets):
            pay(self._ledger.totals.spent, self._plan.pool.budgets, now_ms / 1000, self._held)

    def decide(self, now_ms: int) -> Decision:
        """Return the size and what to do about it."""
        if self._has_news:
            self._tell_intents(now_ms / 1000)
        position = self.position(now_ms)
        decision = self.policy.target(now_ms / 1000, position)
        floor, why = self._reactive(now_ms)
        floor = min(floor, position.most)
        self.floor_held = why if floor > decision.target else ""
        if not self.floor_held:
            return decision
        reason = f"floor {floor} of a reactive policy ({why}), not {decision.target}: "
        launch = 0 if self._plan.observe_only else max(0, floor - position.size)
        return Decision(launch, 0, floor, reason + decision.reason)

    def position(self, now_ms: int) -> Position:
        """Return what is held, and the bounds of what may be."""
        ledger = self._ledger
        old = count_terminable(ledger, self._plan.timings.min_life_ms, now_ms)
        most, why_most = self._most(now_ms)
        return Position(
            ready=ledger.count(*WARM),
            building=max(0, ledger.coming - ledger.waiting),
            terminable=old,
            least=self.bounds.least,
            most=most,
            why_least=self.bounds.why_least,
            why_most=why_most,
        )

    def capacity_free(self, now_ms: int) -> int:
        """How many instances beside the assigned ones maintenance leaves room for."""
        capacity = self._capacity(now_ms)
        return _ANY if capacity is None else self._free(capacity)

    def _free(self, capacity: Capacity) -> int:
        ledger = self._ledger
        held = ledger.size - ledger.count(Phase.DELETING)
        return max(0, capacity.most(held) - ledger.count(Phase.ASSIGNED, *SHADOWED))

    def _look_at_calendar(self, now_ms: int) -> None:
        """Keep the windows that matter until the next minute; most often there is none."""
        until_ms = now_ms + _MINUTE_MS + round(1000 * self.lead_s)
        self._windows = self._calendar.near(self._plan.pool.name, now_ms, until_ms)
        self._calendar_version = self._calendar.version

    def _capacity(self, now_ms: int) -> Capacity | None:
        if self._calendar_version != self._calendar.version:
            self._look_at_calendar(now_ms)
        if not self._windows:
            return None
        return capacity_at(self._windows, self._ledger.cap, now_ms, self.lead_s)

    @property
    def _held(self) -> int:
        return self._ledger.size - self._ledger.count(Phase.ASSIGNED)

    def _most(self, now_ms: int) -> tuple[int, str]:
        """The tightest bound from above, and whose it is."""
        ledger = self._ledger
        # What was released takes no room to be rebuilt: at the cap it was deleted and built anew.
        warm = ledger.count(*WARM, Phase.RELEASED) + ledger.coming
        bounds = [
            (self.bounds.most, self.bounds.why_most),
            (warm + ledger.room - ledger.waiting, "cap"),
            affordable(ledger.totals.spent, self._plan.pool.budgets, now_ms / 1000),
        ]
        if self._quota_left is not None:
            # What waits to be launched is inside of what is left.
            bounds.append((warm - ledger.unresolved + self._quota_left, "quota"))
        capacity = self._capacity(now_ms)
        if capacity is not None:
            bounds.append((self._free(capacity) - ledger.waiting, capacity.why))
        most, why = min(bounds, key=lambda bound: bound[0])
        return max(0, most), why

    def _reactive(self, now_ms: int) -> tuple[int, str]:
        """What a reactive policy holds, and why it has to be held; (0, "") where it has not."""
        totals = self._ledger.totals
        target = self._plan.pool.target_hit_rate
        doubt = self.holds.reason(now_ms)
        if not doubt and self._plan.pool.miss_cost is None:
            doubt = totals.trust.doubt(target, totals.hits + totals.misses)
        return (self._floor.size(now_ms / 1000), doubt) if doubt else (0, "")

    def _tell_forecast(self, time_s: float) -> None:
        forecast = self._forecast
        if forecast is None or time_s - forecast.made_at / 1000 > _FORECAST_FOR_S:
            self.foretold.forecast = self.foretold.forecast_high = None
            return
        mean, high = within_lead(forecast, lead_spread_s(self.leads_ms, self._plan.lead_s), time_s)
        self.foretold.forecast, self.foretold.forecast_high = mean, high
        if isinstance(self.policy, InformedPolicy):
            self.policy.observed_forecast(time_s, mean, high)

    def _tell_intents(self, time_s: float) -> None:
        if time_s - self._intents_s < _INTENTS_EVERY_S:
            return
        self._intents_s, self._has_news = time_s, False
        leads = lead_spread_s(self.leads_ms, self._plan.lead_s)
        chances = self._intents.chances(time_s, leads)
        self.foretold.intents = sum(chances)
        if isinstance(self.policy, InformedPolicy):
            self.policy.observed_intents(time_s, chances)
