"""The reserve policy: its bounds, its reasons, its memory, and that it follows demand."""

import numpy as np
import pytest

from allocator.policy.knobs import ReserveKnobs
from allocator.policy.levels import FIRST, LAST, LEVELS, WIDTH, size_at, worth
from allocator.policy.position import Position
from allocator.policy.reserve import ReservePolicy
from allocator.policy.shadow import ShadowRun, choose_shadows
from allocator.policy.tiers import Tier, choose_tiers

EMPTY = Position(ready=0, building=0, terminable=0)


def warmed(knobs=None, minutes=600, per_minute=3):
    policy = ReservePolicy(knobs or ReserveKnobs())
    for minute in range(minutes):
        for k in range(per_minute):
            policy.requested(minute * 60.0 + 15 * k, f"u{k}", "edit", hit=True)
            policy.target(minute * 60.0 + 15 * k, EMPTY)
        policy.target(minute * 60.0 + 59.0, EMPTY)
    return policy, minutes * 60.0


def test_it_holds_something_before_it_knows_anything():
    assert ReservePolicy(ReserveKnobs()).target(0.0, EMPTY).launch >= 2


def test_steady_demand_is_covered_without_excess():
    policy, now = warmed()
    # 4.5 requests fall into a lead time of 90 s, evenly.
    assert 4 <= policy.target(now, EMPTY).target <= 12


@pytest.mark.parametrize("name", ["max_size", "cap"])
def test_caps_hold_and_are_told(name):
    policy, now = warmed(ReserveKnobs(**{name: 2}))
    decision = policy.target(now, Position(ready=1, building=0, terminable=1))
    assert (decision.launch, decision.target) == (1, 2)
    assert decision.reason.endswith(f"bound by {name.removesuffix('_size')}")


def test_bounds_of_the_moment_hold_and_are_told():
    policy, now = warmed()
    spent = Position(ready=0, building=0, terminable=0, most=0, why_most="budget of 3")
    assert policy.target(now, spent).launch == 0
    assert policy.target(now, spent).reason.endswith("bound by budget of 3")
    morning = Position(ready=0, building=0, terminable=0, least=30, why_least="budget 0 7 * * *")
    assert policy.target(now, morning).target == 30
    assert policy.target(now, morning).reason.endswith("bound by budget 0 7 * * *")


def test_who_is_about_to_act_is_held_for():
    policy, now = warmed(per_minute=1, minutes=300)
    quiet = now + 20_000.0
    before = policy.target(quiet, EMPTY).target
    policy.observed_intents(quiet, [0.9] * 12)
    assert policy.target(quiet, EMPTY).target >= max(10, before)
    policy.observed_intents(quiet, [])
    assert policy.target(quiet, EMPTY).target == before


def test_need_falls_with_each_further_instance():
    policy, now = warmed()
    policy.target(now, EMPTY)
    need = policy.need(20)
    assert need == sorted(need, reverse=True)
    # 4.5 requests fall into a lead time: the first is worth far more than the price, the last not.
    worth_of_price = policy.price_hits_per_s * 90.0
    assert need[0] > worth_of_price > need[19]


def test_observe_only_acts_on_nothing_but_tells_the_size():
    policy, now = warmed(ReserveKnobs(observe_only=True))
    decision = policy.target(now, EMPTY)
    assert (decision.launch, decision.terminate) == (0, 0)
    assert decision.target > 0
    assert decision.reason.startswith("observing only")


def test_only_terminable_instances_are_terminated():
    policy, now = warmed()
    held = Position(ready=500, building=0, terminable=7)
    assert policy.target(now, held).terminate == 7


def test_a_dearer_miss_holds_more():
    cheap, now = warmed(ReserveKnobs(miss_cost=0.01, idle_cost_per_hour=1.0))
    dear, _ = warmed(ReserveKnobs(miss_cost=100.0, idle_cost_per_hour=1.0))
    assert dear.target(now, EMPTY).target > cheap.target(now, EMPTY).target


def test_state_round_trips_to_the_bit():
    policy, now = warmed(minutes=120)
    again = ReservePolicy.from_bytes(policy.to_bytes(), policy.knobs)
    for k in range(100):
        policy.requested(now + 7.0 * k, "ann", "edit", hit=k % 3 > 0)
        again.requested(now + 7.0 * k, "ann", "edit", hit=k % 3 > 0)
        assert policy.target(now + 7.0 * k, EMPTY) == again.target(now + 7.0 * k, EMPTY)
    assert policy.to_bytes() == again.to_bytes()


@pytest.mark.parametrize("harm", [b"", b"\x01abc", b"\x02abc"])
def test_foreign_state_is_refused(harm):
    with pytest.raises(ValueError, match="reserve state"):
        ReservePolicy.from_bytes(harm, ReserveKnobs())


def test_truncated_state_is_refused():
    blob = ReservePolicy(ReserveKnobs()).to_bytes()
    with pytest.raises(ValueError, match="reserve state"):
        ReservePolicy.from_bytes(blob[:-9], ReserveKnobs())


def test_measured_lead_and_forecast_are_taken():
    policy, now = warmed(minutes=60)
    policy.observed_lead(120.0)
    policy.observed_forecast(now, mean=3.0, high=8.0)
    policy.observed_intents(now, [0.5, 0.2])
    assert policy.target(now, EMPTY).target > 0
    with pytest.raises(ValueError, match="forecast"):
        policy.observed_forecast(now, mean=3.0, high=1.0)


@pytest.mark.parametrize(
    "knobs", [{"target_hit_rate": 1.0}, {"min_size": 3, "max_size": 2}, {"miss_cost": 1.0}]
)
def test_knobs_that_make_no_sense_are_refused(knobs):
    with pytest.raises(ValueError, match=r"."):
        ReserveKnobs(**knobs)


def test_worth_never_rises_and_maximises_hits_less_price_times_size():
    rates = np.random.default_rng(3).exponential(1.0, LEVELS) * WIDTH / (1.0 + FIRST)
    slopes = np.zeros(LEVELS)
    worth(rates, LEVELS, slopes, np.zeros(LEVELS, np.int64))
    assert (np.diff(slopes) <= 1e-12).all()
    for price in (0.01, 0.1, 0.5):
        gains = np.concatenate([[0.0], np.cumsum(rates) - price * LAST])
        size = size_at(slopes, LEVELS, price)
        assert size == np.concatenate([[0], LAST])[gains.argmax()]


def test_tiers_trade_hold_cost_against_waiting():
    tiers = [Tier("active", 0, 1.0), Tier("paused", 2, 0.4), Tier("cold", 90, 0.0)]
    free = choose_tiers([0.5] * 4, tiers, wait_cost_per_s=0.0, period_s=90)
    assert free == {"active": 0, "paused": 0, "cold": 4}
    assert choose_tiers([0.5] * 4, tiers, wait_cost_per_s=1.0, period_s=90)["active"] == 4


def test_shadows_stay_within_the_budget_and_pay():
    runs = [ShadowRun(str(k), 0.1 * k, 10.0, 1.0, 2.0) for k in range(10)]
    chosen = choose_shadows(runs, budget=5.0)
    assert [run.key for run in chosen] == ["9", "8"]
    assert all(run.value > 0 for run in chosen)
