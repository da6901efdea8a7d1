"""Compares what is used and asked with what was expected, minute by minute; flags what is wrong."""

import math
from collections import deque

from allocator.machine.ledger import PoolLedger
from allocator.machine.outbox import Outbox
from allocator.reconcile.flags import Flags
from allocator.reconcile.plan import PoolPlan
from allocator.reconcile.sizing import Sizer
from allocator.reconcile.use import UseBook
from schemas.records import DemandForecast

HOUR_MINUTES = 60
_PROVEN_FROM = 50.0  # requests
_SURE_FROM = 30  # minutes with a forecast, before the last hour is judged
_PROOF_MISSES = 10.0  # promised misses among the last requests, before none proves too much
_BOUND_SHARE = 0.5  # of the last hour's minutes at the upper bound
_LEAST_MORE = 5  # requests beyond the forecast that are worth a word


class Watch:
    """One pool's demand against its forecast, and its size against its use.

    Parameters
    ----------
    plan, ledger, sizer
        Of the pool.
    """

    def __init__(self, plan: PoolPlan, ledger: PoolLedger, sizer: Sizer) -> None:
        self.use = UseBook()
        self.flags = Flags(plan.pool.name, ledger)
        self._plan = plan
        self._ledger = ledger
        self._sizer = sizer
        self._expected: dict[int, tuple[float, float]] = {}
        self._counts: dict[int, int] = {}
        # Requests, median and variance of the forecast (None without one), whether at the bound.
        self._minutes: deque[tuple[int, float | None, float, bool]] = deque(maxlen=HOUR_MINUTES)
        self._closed = -1

    def requested(self, time_s: float) -> None:
        """Count a request."""
        minute = int(time_s // 60)
        self._counts[minute] = self._counts.get(minute, 0) + 1

    def forecasted(self, forecast: DemandForecast) -> None:
        """Take in what the coming minutes are expected to bring."""
        if not forecast.levels or forecast.step_s != 60:
            return
        levels = forecast.levels
        middle = min(range(len(levels)), key=lambda k: abs(levels[k] - 0.5))
        top = max(range(len(levels)), key=lambda k: levels[k])
        for step in forecast.steps:
            if step.time > self._closed * 60_000:
                median = max(step.quantiles[middle], 0.0)
                spread = max(step.quantiles[top] - median, 0.0)
                self._expected[step.time // 60_000] = (median, spread**2)

    def minute(self, now_ms: int, outbox: Outbox) -> None:
        """Close the minutes before now, then judge the last hour."""
        now = now_ms // 60_000
        if self._closed < 0:
            self._closed = now - 1
        for minute in range(max(self._closed + 1, now - HOUR_MINUTES), now):
            median, variance = self._expected.pop(minute, (None, 0.0))
            at_bound = self._is_bound(now_ms)
            self._minutes.append((self._counts.pop(minute, 0), median, variance, at_bound))
        self._closed = max(self._closed, now - 1)
        self._expected = {m: e for m, e in self._expected.items() if m >= now}
        self._counts = {m: c for m, c in self._counts.items() if m >= now}
        self.flags.update(self._wrong(), now_ms, outbox)

    @property
    def demand_1h(self) -> int:
        """Requests of the last closed hour."""
        return sum(count for count, *_ in self._minutes)

    @property
    def forecast_1h(self) -> tuple[float, float] | None:
        """What was expected of that hour, and its upper end; None without enough forecasts."""
        known = [(m, v) for _, m, v, _ in self._minutes if m is not None]
        if len(known) < _SURE_FROM:
            return None
        mean = sum(m for m, _ in known)
        return mean, mean + math.sqrt(sum(v for _, v in known))

    def _wrong(self) -> dict[str, tuple[str, float, float, float]]:
        """Each flag that holds now: what is wrong, what was seen, and what would be right."""
        found = self._demand() | self._size()
        found |= self.use.wrong(self._plan.pool.vcpus, self._plan.pool.memory_gb)
        return found

    def _demand(self) -> dict[str, tuple[str, float, float, float]]:
        expected, seen = self.forecast_1h, self.demand_1h
        if expected is None or seen <= max(expected[1], expected[0] + _LEAST_MORE):
            return {}
        told = f"{seen} requests in an hour that {expected[0]:.3g} were expected of"
        return {"demand above forecast": (told, float(seen), 0.0, expected[1])}

    def _size(self) -> dict[str, tuple[str, float, float, float]]:
        pool, totals = self._plan.pool, self._ledger.totals
        trust, target = totals.trust, pool.target_hit_rate
        allowed = trust.requests * (1.0 - target)
        doubt = trust.doubt(target, totals.hits + totals.misses)
        missed = trust.misses / max(trust.requests, 1.0)
        bound = sum(b for *_, b in self._minutes) >= _BOUND_SHARE * HOUR_MINUTES
        if doubt and trust.requests >= _PROVEN_FROM and trust.misses > allowed:
            by = f"; {self._sizer.bounds.why_most} holds it down" if bound else ""
            return {"too small": (doubt + by, 1.0 - missed, target, 1.0)}
        if allowed >= _PROOF_MISSES and trust.misses < allowed - 3.0 * math.sqrt(allowed):
            told = f"only {missed:.2%} of the last requests missed"
            if self._sizer.bounds.least:
                told += f"; {self._sizer.bounds.why_least} holds {self._sizer.bounds.least}"
            return {"too large": (told, 1.0 - missed, 0.0, target)}
        return {}

    def _is_bound(self, now_ms: int) -> bool:
        position = self._sizer.position(now_ms)
        return position.size >= position.most
