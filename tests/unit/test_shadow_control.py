"""Thresholds of shadow runs: they follow what changes, do not swing, and stop what does not pay."""

import math
import random
from itertools import pairwise

import pytest

from allocator.policy.shadow_control import HOUR_MS, MOST_PRICE_S, ShadowControl


def outcomes(control: ShadowControl, chance: random.Random, rates: list[float]) -> list[float]:
    """Let runs promised at one half come true at each rate in turn; return the trust after each."""
    trusts = []
    for rate in rates:
        if chance.random() < rate:
            control.taken_run(0.5, gain=10.0, saved_s=10.0)
        else:
            control.missed_run(0, 0.5, loss=0.0, loss_limit=1.0)
        trusts.append(control.trust)
    return trusts


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_trust_follows_a_step_from_one_side_and_does_not_overshoot() -> None:
    control, chance = ShadowControl(), random.Random(1)
    outcomes(control, chance, [0.5] * 600)
    after = outcomes(control, chance, [0.1] * 1500)
    settled = mean(after[-500:])
    assert settled == pytest.approx(0.2, abs=0.06)
    noise = 3.5 * math.sqrt(0.1 * 0.9 / 290) / 0.5  # of a ratio over the memory's weight
    assert min(after) > settled - noise
    blocks = [mean(after[k : k + 150]) for k in range(0, 900, 150)]
    assert all(later < earlier + 0.05 for earlier, later in pairwise(blocks))


def test_trust_follows_a_ramp_without_swinging() -> None:
    control, chance = ShadowControl(), random.Random(2)
    outcomes(control, chance, [0.45] * 600)
    trusts = outcomes(control, chance, [0.45 - 0.4 * k / 2000 for k in range(2000)])
    blocks = [mean(trusts[k : k + 250]) for k in range(0, 2000, 250)]
    assert all(later < earlier + 0.04 for earlier, later in pairwise(blocks))


def test_an_outage_moves_nothing() -> None:
    control = ShadowControl()
    outcomes(control, random.Random(3), [0.3] * 200)
    trust, net = control.trust, control.net
    for hour in range(500):
        control.refill(hour * HOUR_MS, per_hour=30.0)
    assert (control.trust, control.net) == (trust, net)


def spent_by_hour(demand: list[int], per_hour: float) -> tuple[list[float], list[float]]:
    """Spend on the runs whose value exceeds the price, of so many offered each hour."""
    control, chance, spent, prices = ShadowControl(), random.Random(4), [], []
    for hour, offered in enumerate(demand):
        total = 0.0
        for k in range(offered):
            left = control.refill(hour * HOUR_MS + k * HOUR_MS // offered, per_hour)
            worth = math.exp(chance.gauss(2.0, 1.0))  # seconds saved an instance-minute
            if worth > control.price_s(0.0, per_hour) and left >= 2.0:
                control.spend(2.0)
                total += 2.0
        spent.append(total)
        prices.append(control.price_s(0.0, per_hour))
    return spent, prices


def test_the_price_spends_the_budget_and_keeps_it_after_a_step_of_demand() -> None:
    spent, prices = spent_by_hour([60] * 100 + [240] * 100, per_hour=30.0)
    assert mean(spent[50:100]) == pytest.approx(30.0, rel=0.15)
    assert mean(spent[150:]) == pytest.approx(30.0, rel=0.15)
    assert sum(spent) <= 30.0 * (len(spent) + 1)
    assert mean(prices[150:]) > mean(prices[50:100]), "more to choose from, so choosier"
    late = [math.log(price) for price in prices[120:]]
    spread = math.sqrt(mean([(x - mean(late)) ** 2 for x in late]))
    assert spread < 0.5, "it stays near where it settled"


def test_the_price_is_bounded_and_a_function_of_what_is_left() -> None:
    control = ShadowControl()
    prices = []
    for _ in range(200):
        control.spend(1.0)
        prices.append(control.price_s(0.0, 30.0))
    assert prices == sorted(prices)
    assert prices[-1] == pytest.approx(MOST_PRICE_S)


@pytest.mark.parametrize("hours", [10, 100, 1_000, 5_000])
def test_what_never_pays_is_stopped_and_its_losses_grow_with_the_logarithm_of_time(hours) -> None:
    control, lost, limit, a_run = ShadowControl(), 0.0, 100.0, 5.0
    for minute in range(hours * 60):
        now_ms = minute * 60_000
        if not control.is_stopped(now_ms):
            control.missed_run(now_ms, 0.5, a_run, limit)
            lost += a_run
    weeks = hours / 128  # doubling ends at 128 hours
    assert lost <= (limit + a_run) * (2 + math.log2(hours) + weeks)


def test_what_pays_again_is_no_longer_on_probation() -> None:
    control = ShadowControl()
    for _ in range(20):
        control.missed_run(0, 0.5, 10.0, 100.0)
    assert control.is_stopped(HOUR_MS // 2)
    assert control.at_once(4) == 1
    control.taken_run(0.5, 30.0, 30.0)
    assert control.at_once(4) == 4


def test_the_budget_saves_up_an_hour_and_no_more() -> None:
    control = ShadowControl()
    assert control.refill(0, 30.0) == 30.0
    control.spend(30.0)
    assert control.refill(HOUR_MS // 2, 30.0) == pytest.approx(15.0)
    assert control.refill(100 * HOUR_MS, 30.0) == 30.0
    assert control.refill(0, 30.0) == 30.0, "time that goes back gives nothing"
