"""Makes the reconciler of a pool from its plan and its committed state."""

from collections.abc import Mapping

import msgspec
import structlog

from allocator.machine.ledger import PoolLedger
from allocator.options import AllocatorOptions
from allocator.policy.capacity import CapacityCalendar
from allocator.policy.knobs import ReserveKnobs
from allocator.policy.reserve import ReservePolicy
from allocator.reconcile.hosts import Hosts
from allocator.reconcile.plan import PoolPlan
from allocator.reconcile.pool import PoolReconciler
from schemas.pools import Pool
from schemas.shadow import ShadowPlan

LOG = structlog.get_logger(__name__)


def knobs_of(pool: Pool, options: AllocatorOptions) -> ReserveKnobs:
    """Return the policy's knobs for a pool."""
    return ReserveKnobs(
        target_hit_rate=pool.target_hit_rate,
        miss_cost=pool.miss_cost,
        idle_cost_per_hour=pool.idle_cost_per_hour,
        lead_time_s=assumed_lead_s(options),
        cap=pool.cap,
        min_life_s=options.timings.min_life_ms / 1000,
        keep_share=pool.keep_share,
        quiet_hours=pool.quiet_hours,
        observe_only=options.observe_only or pool.observe_only,
    )


def assumed_lead_s(options: AllocatorOptions) -> float:
    """Return the launch time to plan for until some were measured: a second to an hour."""
    return min(max(options.simulation.launch_median_s, 1.0), 3600.0)


def restore_pool(
    pool: Pool,
    options: AllocatorOptions,
    state: Mapping[str, bytes],
    epoch: int,
    sensitivities: Mapping[str, float],
    shadow: ShadowPlan | None = None,
    calendar: CapacityCalendar | None = None,
    hosts: Hosts | None = None,
) -> PoolReconciler:
    """Return a pool's reconciler as of its last commit.

    Parameters
    ----------
    epoch
        For intent ids, where nothing was committed yet: a number not used before.
    shadow
        First steps that may be run early.
    calendar
        Announced times with less capacity, filled while the calendar is read.
    sensitivities
        Latency sensitivity by person, filled while profiles are read.
    hosts
        What all pools' listings tell of hosts.
    """
    ledger = PoolLedger.restore(pool.name, pool.cap, epoch, state)
    knobs = knobs_of(pool, options)
    policy = ReservePolicy(knobs)
    if ledger.policy:
        try:
            policy = ReservePolicy.from_bytes(ledger.policy, knobs)
        except ValueError as error:
            # What was learned in another version is learned again; leases don't depend on it.
            LOG.warning("policy_starts_again", pool=pool.name, error=str(error))
    plan = PoolPlan(
        pool,
        msgspec.structs.replace(options.terms, widens=bool(pool.assigned_qos_policy)),
        options.timings,
        assumed_lead_s(options),
        knobs.observe_only,
        starts_programs=options.runner != "none",
    )
    return PoolReconciler(
        plan, ledger, policy, sensitivities=sensitivities, shadow=shadow, calendar=calendar,
        hosts=hosts,
    )  # fmt: skip
