"""What bounds and raises the reserve beside the learned size, told by small pools."""

import dataclasses
from datetime import UTC, datetime

import pytest

from allocator.cloud.protocol import InstanceSpec
from allocator.cloud.simulated import SimulatedCloud, Simulation
from allocator.machine.ledger import PoolLedger
from allocator.machine.lifecycle import Phase
from allocator.machine.observed import Answer, Observed, Result, Use, Verb
from allocator.machine.outbox import Outbox
from allocator.policy.knobs import ReserveKnobs
from allocator.policy.reserve import ReservePolicy
from allocator.reconcile.plan import PoolPlan
from allocator.reconcile.pool import PoolReconciler
from schemas.budgets import Budget
from schemas.pools import Pool, PoolsError, load_pools
from schemas.records import AllocationRequest, AnomalyAlert, DemandForecast, Step
from tests.testkit.allocator_world import World

MONDAY_MS = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp() * 1000)
HOUR_MS = 3_600_000


def reconciler(**pool) -> PoolReconciler:
    plan = PoolPlan(Pool("office", **{"max_instances": 40, "cap": 60} | pool))
    ledger = PoolLedger("office", plan.pool.cap, 1)
    return PoolReconciler(plan, ledger, ReservePolicy(ReserveKnobs(cap=plan.pool.cap)))


def decide(pool: PoolReconciler, now_ms: int):
    pool.sizer.minute(now_ms / 1000)
    return pool.sizer.decide(now_ms)


def asked(pool: PoolReconciler, count: int, now_ms: int, *, spacing_ms: int = 1000) -> None:
    for number in range(count):
        at_ms = now_ms + number * spacing_ms
        pool.request(
            AllocationRequest(
                request_id=f"r-{at_ms}", kind="REQUEST", user="ann", program="mail", time=at_ms
            ),
            at_ms,
        )


def alert(ended_at: int | None = None) -> AnomalyAlert:
    return AnomalyAlert(
        alert_id="a", incident_id="i", subject="office/INSTANCES", kind="demand",
        severity="WARNING", started_at=MONDAY_MS, ended_at=ended_at, observed=9.0,
        expected_low=0.0, expected_high=3.0, evidence="{}",
    )  # fmt: skip


def test_a_scheduled_minimum_is_there_when_its_time_begins() -> None:
    pool = reconciler(budgets=(Budget("0 7 * * mon-fri", "2h", min_instances=9),))
    seven = MONDAY_MS + 7 * HOUR_MS
    assert decide(pool, seven - 10 * 60_000).target < 9
    assert decide(pool, seven - 60_000).target == 9
    assert "budget 0 7 * * mon-fri" in decide(pool, seven + HOUR_MS).reason
    assert decide(pool, seven + 2 * HOUR_MS + 60_000).target < 9


def test_a_scheduled_maximum_holds_in_its_own_time_zone() -> None:
    night = Budget("0 22 * * *", "8h", timezone="Europe/Amsterdam", max_instances=1)
    pool = reconciler(budgets=(night,), min_instances=5)
    assert decide(pool, MONDAY_MS + 20 * HOUR_MS).target == 5
    assert decide(pool, MONDAY_MS + 21 * HOUR_MS).target == 1


def test_spent_instance_hours_stop_launches_until_the_next_day() -> None:
    pool = reconciler(budgets=(Budget(instance_hours=2.0),), min_instances=4)
    pool.sizer.pass_time(MONDAY_MS)
    for _ in range(4):
        pool.ledger.plan(MONDAY_MS, "held")
    pool.sizer.pass_time(MONDAY_MS + HOUR_MS // 4)
    assert decide(pool, MONDAY_MS + HOUR_MS // 4).target == 1
    pool.sizer.pass_time(MONDAY_MS + HOUR_MS // 2)
    assert decide(pool, MONDAY_MS + HOUR_MS // 2).target == 0
    assert decide(pool, MONDAY_MS + 24 * HOUR_MS).target == 2


def test_the_clouds_quota_bounds_the_target_and_is_told() -> None:
    pool = reconciler(min_instances=9)
    pool.sizer.quota(3)
    decision = decide(pool, MONDAY_MS)
    assert decision.target == 3
    assert decision.reason.endswith("bound by quota")


def test_leases_leave_less_of_the_cap() -> None:
    pool = reconciler(cap=10, max_instances=10, min_instances=10)
    for _ in range(7):
        instance = pool.ledger.plan(MONDAY_MS, "x")
        for phase in (Phase.BUILDING, Phase.READY, Phase.ASSIGNED):
            pool.ledger.move(instance, phase, MONDAY_MS)
    assert decide(pool, MONDAY_MS).target == 3
    # Rebuilt in its own place; it was deleted and built anew as long as it counted as neither.
    pool.ledger.move(instance, Phase.RELEASED, MONDAY_MS)
    assert decide(pool, MONDAY_MS).target == 4


def test_an_open_anomaly_holds_the_reactive_floor_until_it_ends() -> None:
    pool = reconciler()
    asked(pool, 6, MONDAY_MS)
    pool.ledger.totals.hits, pool.ledger.totals.misses = 1_000, 0
    pool.ledger.totals.trust.misses = 0.0
    later = MONDAY_MS + 30 * 60_000
    pool.alert(alert(), later)
    held = decide(pool, later)
    assert held.target >= 6
    assert "anomaly in office/INSTANCES" in pool.sizer.floor_held or held.target > 6
    pool.alert(alert(ended_at=later), later)
    assert pool.sizer.holds.reason(later) == ""


def test_other_pools_anomalies_hold_nothing() -> None:
    pool = reconciler()
    pool.alert(dataclasses_replace(alert(), subject="build/INSTANCES"), MONDAY_MS)
    assert pool.sizer.holds.reason(MONDAY_MS) == ""


def dataclasses_replace(record: AnomalyAlert, **changes) -> AnomalyAlert:
    return type(record)(**{f: getattr(record, f) for f in record.__struct_fields__} | changes)


def test_who_is_about_to_act_raises_the_target_and_asking_ends_that() -> None:
    pool = reconciler(cap=400)
    asked(pool, 80, MONDAY_MS, spacing_ms=60_000)
    pool.ledger.totals.trust.misses = 0.0
    quiet = MONDAY_MS + 5 * HOUR_MS
    before = decide(pool, quiet).target
    for number in range(30):
        pool.predict(quiet, f"user-{number}", (0.9, 0.95, 0.99, 1.0))
    assert decide(pool, quiet + 1_000).target > before
    assert pool.sizer.foretold.intents > 10
    for number in range(30):
        pool.sizer.requested(quiet / 1000 + 2, f"user-{number}", "mail", hit=True)
    decide(pool, quiet + 60_000)
    assert pool.sizer.foretold.intents == 0


def launch(pool: PoolReconciler, cloud: SimulatedCloud, now_ms: int) -> None:
    """Make the calls that the pool wants."""
    for call in pool.take()[1].calls:
        assert call.verb is Verb.CREATE
        made = cloud.create(InstanceSpec("office", call.intent_id))
        pool.answer(Result(call, Answer.DONE, made), now_ms)


def test_what_is_foretold_is_ready_one_launch_later() -> None:
    pool, now_ms = reconciler(cap=400), [MONDAY_MS]
    cloud = SimulatedCloud(lambda: now_ms[0], "me", Simulation(launch_spread=0.0))
    for number in range(80):
        pool.sizer.requested(MONDAY_MS / 1000 + 60 * number, "ann", "mail", hit=True)
    now_ms[0] += 5 * HOUR_MS
    pool.step(now_ms[0])
    launch(pool, cloud, now_ms[0])
    before = pool.ledger.coming
    for number in range(30):
        pool.predict(now_ms[0], f"user-{number}", (0.9, 0.95, 0.99, 1.0))
    now_ms[0] += 1_000
    pool.step(now_ms[0])
    launch(pool, cloud, now_ms[0])
    wanted = pool.ledger.coming
    assert wanted >= before + 10
    now_ms[0] += 90_000
    pool.listing(cloud.list_pool("office"), now_ms[0])
    assert pool.ledger.count(Phase.READY) == wanted


def test_a_prediction_from_the_future_of_a_replay_waits_for_its_time() -> None:
    pool = reconciler()
    decide(pool, MONDAY_MS)
    pool.predict(MONDAY_MS + HOUR_MS, "ann", (1.0, 1.0, 1.0, 1.0))
    decide(pool, MONDAY_MS + 120_000)
    assert pool.sizer.foretold.intents == 0
    decide(pool, MONDAY_MS + HOUR_MS + 1_000)
    assert pool.sizer.foretold.intents > 0


def test_launch_times_are_planned_for_as_a_distribution() -> None:
    pool = reconciler(lead_quantile=0.9)
    assert pool.sizer.lead_s == 90.0
    pool.ledger.totals.lead_ms = [60_000] * 32 + [200_000] * 8
    assert pool.sizer.lead_s == 200.0


def forecast(made_at: int, median: float, top: float) -> DemandForecast:
    steps = [Step(time=made_at + k * 60_000, quantiles=[median, top]) for k in range(60)]
    return DemandForecast(
        forecast_id="f", pool="office", resource="INSTANCES", unit="launches", made_at=made_at,
        horizon="HOUR", step_s=60, steps=steps, levels=[0.5, 0.95], peak=[median, top], model="m",
    )  # fmt: skip


def test_demand_far_above_its_forecast_is_flagged_once_and_the_flag_ends() -> None:
    pool = reconciler()
    outbox = Outbox()
    raised = []
    for minute in range(300):
        now = MONDAY_MS + minute * 60_000
        if minute % 60 == 0:
            pool.forecast(forecast(now, 0.1, 0.4))
        if 60 <= minute < 150:
            asked(pool, 3, now)
        pool.watch.minute(now, outbox)
        raised.append(pool.watch.flags.raised)
    assert any("demand above forecast" in names for names in raised)
    mine = [a for a in outbox.alerts if "demand above" in a.incident_id]
    assert [a.ended_at is None for a in mine] == [True, False]
    assert mine[0].incident_id == mine[1].incident_id
    assert "demand above forecast" not in raised[-1]


def test_a_pool_that_misses_far_beyond_its_promise_is_flagged_too_small() -> None:
    pool = reconciler(target_hit_rate=0.95)
    for number in range(200):
        pool.ledger.totals.trust.served(hit=number % 2 == 0)
    pool.ledger.totals.hits = 200
    outbox = Outbox()
    for minute in range(40):
        pool.watch.minute(MONDAY_MS + minute * 60_000, outbox)
    assert pool.watch.flags.raised == ["too small"]
    assert "beyond chance" in outbox.alerts[0].evidence


def test_a_flavor_that_nobody_fills_is_flagged() -> None:
    pool = reconciler(vcpus=8, memory_gb=16)
    for number in range(80):
        at_ms = MONDAY_MS + number * 60_000
        pool.watch.use.read("i", at_ms, Use(cpu_s=30.0 * number, memory_bytes=15 * 2**30))
        pool.watch.minute(at_ms, Outbox())
    assert pool.watch.flags.raised == [
        "flavor has too little memory",
        "flavor has too many processors",
    ]


def test_an_instance_of_another_image_is_rebuilt_before_it_counts_as_ready() -> None:
    world = World(1, cap=8, fault_rate=0.0)
    world.cycle()
    world.now_ms += 200_000
    listed = world.cloud.list_pool("office")
    world.pool.listing([dataclasses.replace(x, has_image=False) for x in listed], world.now_ms)
    assert world.pool.ledger.count(Phase.READY, Phase.PAUSED) == 0
    assert world.pool.ledger.count(Phase.RECYCLING) == len(listed) == 3
    world.cycle()
    world.now_ms += 60_000
    world.cycle()
    assert world.pool.ledger.count(Phase.READY, Phase.PAUSED) == 3
    assert isinstance(listed[0], Observed)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[[pool.a.budget]]\nschedule = "0 7 * *"\nduration = "1h"\nmin_instances = 1', "cron"),
        ('[[pool.a.budget]]\nschedule = "0 7 * * *"\nmin_instances = 1', "both"),
        ('[[pool.a.budget]]\nschedule = "0 7 * * *"\nduration = "soon"\nmin_instances = 1', "dura"),
        ('[[pool.a.budget]]\nschedule = "0 7 * * *"\nduration = "1h"', "needs min_instances"),
        ('[[pool.a.budget]]\ntimezone = "Mars/Base"\nmax_instances = 1', "time zone"),
        ('[pool.a]\ntiers = ["paused"]', "tiers are active"),
        ('[pool.a]\ntiers = "active"', "list of texts"),
        ("[pool.a]\nmiss_cost = 1.0", "together or neither"),
        ("[pool.a]\ntarget_hit_rate = 1.0", "between 0 and 1"),
        ("[pool.a]\nprice = 1.0", "price"),
        ("[pool.a]\ntier_cost = {frozen = 1.0}", "tier_cost"),
    ],
)  # fmt: skip
def test_a_pools_file_that_makes_no_sense_says_what_to_change(tmp_path, text, why) -> None:
    path = tmp_path / "pools.toml"
    path.write_text(text)
    with pytest.raises(PoolsError, match=why):
        load_pools(path)
