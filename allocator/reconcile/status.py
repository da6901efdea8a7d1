"""Tells a pool's state and the reason for it, each minute and whenever the target changes."""

from allocator.machine.instance import Lease, Start
from allocator.machine.ledger import PoolLedger
from allocator.machine.lifecycle import WARM, Phase
from allocator.machine.outbox import Outbox
from allocator.policy.position import Decision
from allocator.reconcile.plan import PoolPlan
from allocator.reconcile.sizing import Sizer
from allocator.reconcile.watch import Watch
from schemas.records import ReserveStatus

MINUTE_MS = 60_000
HOUR_MS = 3_600_000


class StatusReporter:
    """Counts idle time and reports."""

    def __init__(self, plan: PoolPlan, ledger: PoolLedger, sizer: Sizer, watch: Watch) -> None:
        self._plan = plan
        self._ledger = ledger
        self._sizer = sizer
        self._watch = watch
        self._told: tuple[int, int] | None = None

    def pass_time(self, now_ms: int) -> None:
        """Count what was paid for and not leased since the last call."""
        totals = self._ledger.totals
        since_ms = totals.idle_since_ms
        if since_ms and now_ms > since_ms:
            idle = self._ledger.size - self._ledger.count(Phase.ASSIGNED)
            totals.idle_ms += idle * (now_ms - since_ms)
        totals.idle_since_ms = max(since_ms, now_ms)

    def report(self, decision: Decision, now_ms: int, outbox: Outbox) -> None:
        """Write a status where the minute or the target is another than last time."""
        key = (now_ms // MINUTE_MS, decision.target)
        if key == self._told:
            return
        self._told = key
        self._ledger.totals_changed = True
        outbox.statuses.append(self.status(decision, now_ms))

    def status(self, decision: Decision, now_ms: int) -> ReserveStatus:
        """Return the pool's status."""
        ledger, plan, totals = self._ledger, self._plan, self._ledger.totals
        asked = totals.hits + totals.misses
        waits = sorted(_wait_ms(w) for w in ledger.leases.values() if w.wait_ms is not None)
        foretold, use = self._sizer.foretold, self._watch.use
        expected = self._watch.forecast_1h
        return ReserveStatus(
            pool=ledger.pool, time=now_ms, target=decision.target, ready=ledger.count(*WARM[:1]),
            building=ledger.coming, paused=ledger.count(Phase.PAUSED),
            leased=ledger.count(Phase.ASSIGNED), cap=ledger.cap, hits=totals.hits,
            misses=totals.misses, hit_rate=totals.hits / asked if asked else 1.0,
            target_hit_rate=plan.pool.target_hit_rate,
            idle_instance_hours=totals.idle_ms / HOUR_MS,
            wait_ms_p50=_quantile(waits, 0.5), wait_ms_p99=_quantile(waits, 0.99),
            lead_time_s=(_quantile(sorted(totals.lead_ms), 0.5) or 0.0) / 1000,
            lead_time_s_p95=_seconds(_quantile(sorted(totals.lead_ms), 0.95)),
            reason=decision.reason, observe_only=plan.observe_only,
            unresolved=ledger.unresolved, suspended=ledger.count(Phase.SUSPENDED),
            shelved=ledger.count(Phase.SHELVED), forecast=foretold.forecast,
            forecast_high=foretold.forecast_high, intents=foretold.intents,
            demand_1h=self._watch.demand_1h, forecast_1h=expected[0] if expected else None,
            forecast_1h_high=expected[1] if expected else None,
            cpu_cores_p50=use.cpu_cores(0.5), cpu_cores_p95=use.cpu_cores(0.95),
            memory_bytes_p95=use.memory_bytes(0.95), floor=self._sizer.floor_held,
            flags=self._watch.flags.raised,
        )  # fmt: skip


def _wait_ms(lease: Lease) -> int:
    """How long somebody waited: until his program ran, where that is known."""
    if lease.start is Start.STARTED and lease.start_wait_ms is not None:
        return lease.start_wait_ms
    return lease.wait_ms or 0


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1000


def _quantile(ascending: list[int], level: float) -> float | None:
    """Return a quantile of what is kept; None of nothing.

    Examples
    --------
    >>> _quantile([1, 2, 3], 0.5)
    2.0
    """
    if not ascending:
        return None
    return float(ascending[min(len(ascending) - 1, int(level * len(ascending)))])
