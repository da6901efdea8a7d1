"""Thresholds of shadow runs: they follow what changes, do not swing, and stop what does not pay."""

import math
import random
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from allocator.policy.shadow_control import HOUR_MS, MOST_PRICE_S, ShadowControl
from tests.testkit.swings import means, turns


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


PER_HOUR, PRICE_S, LOSS_LIMIT_S = 60.0, 1.0, 600.0
HELD_MIN, SAVES_S = 6.0, 20.0


@dataclass
class Loop:
    """All three thresholds at once, on people of whom a share does what was foretold.

    Attributes
    ----------
    trusts, prices, spent, lost
        By hour: at its end, at its end, instance-minutes, and seconds of waiting.
    """

    control: ShadowControl = field(default_factory=ShadowControl)
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    trusts: list[float] = field(default_factory=list)
    prices: list[float] = field(default_factory=list)
    spent: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)

    def play(self, hours: list[tuple[int, float]]) -> "Loop":
        """Play hours of so many foretold programs, of which that share of the promised come."""
        for offered, comes in hours:
            now_ms = len(self.spent) * HOUR_MS
            self.spent.append(0.0)
            self.lost.append(0.0)
            for k in range(offered):
                self._offer(now_ms + k * HOUR_MS // offered, comes)
            self.trusts.append(self.control.trust)
            self.prices.append(self.control.price_s(PRICE_S, PER_HOUR))
        return self

    def _offer(self, now_ms: int, comes: float) -> None:
        control, p = self.control, self.chance.betavariate(6.0, 2.0)
        left = control.refill(now_ms, PER_HOUR)
        price_s = control.price_s(PRICE_S, PER_HOUR)

        def value(trust: float) -> float:
            return trust * p * SAVES_S - (1.0 - trust * p) * HELD_MIN * price_s

        if value(control.trust) <= 0.0:
            if value(1.0) > 0.0:
                control.held_back()
        elif left >= HELD_MIN and not control.is_stopped(now_ms):
            control.spend(HELD_MIN)
            if self.chance.random() < p * comes:
                control.give_back(HELD_MIN - 1.0)
                control.taken_run(p, SAVES_S - PRICE_S, SAVES_S)
                self.spent[-1] += 1.0
            else:
                control.missed_run(now_ms, p, HELD_MIN * PRICE_S, LOSS_LIMIT_S)
                self.spent[-1] += HELD_MIN
                self.lost[-1] += HELD_MIN * PRICE_S


def blocks(values: list[float], size: int) -> list[float]:
    return [mean(values[k : k + size]) for k in range(0, len(values), size)]


def test_after_a_step_of_people_all_thresholds_settle_and_after_it_is_over_they_come_back() -> None:
    loop = Loop().play([(40, 1.0)] * 100 + [(40, 0.6)] * 200 + [(40, 1.0)] * 200)
    before, during, after = (loop.trusts[a:b] for a, b in ((50, 100), (200, 300), (400, 500)))
    assert mean(before) > 0.9
    assert mean(during) == pytest.approx(0.6, abs=0.08)
    assert mean(after) == pytest.approx(mean(before), abs=0.05)
    falling, rising = blocks(loop.trusts[100:200], 20), blocks(loop.trusts[300:400], 20)
    assert all(later < earlier + 0.06 for earlier, later in pairwise(falling))
    assert all(later > earlier - 0.06 for earlier, later in pairwise(rising))
    for part in (loop.prices[50:100], loop.prices[200:300], loop.prices[400:500]):
        logs = blocks([math.log(price) for price in part], 10)
        assert max(logs) - min(logs) < 0.8, "no swing between cheap and dear"


def test_a_ramp_of_demand_raises_the_price_from_one_side_and_never_overspends() -> None:
    loop = Loop().play([(10 + hour, 1.0) for hour in range(300)])
    steps = blocks([math.log(price) for price in loop.prices], 50)
    assert steps[-1] > steps[0] + 0.5
    assert all(later > earlier - 0.1 for earlier, later in pairwise(steps))
    for start in range(0, 300, 10):
        assert sum(loop.spent[start : start + 10]) <= 11 * PER_HOUR + HELD_MIN


def test_after_an_outage_nothing_is_spent_twice_and_all_is_as_before() -> None:
    loop = Loop().play([(60, 1.0)] * 100)
    trust = loop.control.trust
    loop.play([(0, 0.0)] * 72)
    assert loop.control.trust == trust
    loop.play([(60, 1.0)] * 100)
    assert loop.spent[172] <= 2 * PER_HOUR, "an hour's budget was saved up and no more"
    logs = [math.log(price) for price in loop.prices]
    assert mean(logs[180:]) == pytest.approx(mean(logs[50:100]), abs=0.2)
    assert max(logs[180:]) < max(logs[20:100]) + 0.4


WORLDS = {
    "a step of people and back": [(40, 1.0)] * 100 + [(40, 0.6)] * 200 + [(40, 1.0)] * 200,
    "a ramp of demand": [(10 + hour, 1.0) for hour in range(300)],
    "an outage of three days": [(60, 1.0)] * 100 + [(0, 0.0)] * 72 + [(60, 1.0)] * 100,
    "demand up and down": ([(30, 1.0)] * 60 + [(90, 1.0)] * 60) * 4,
    "people up and down": ([(40, 1.0)] * 100 + [(40, 0.6)] * 100) * 3,
}


@pytest.mark.parametrize(
    ("world", "changes"),
    [
        ("a step of people and back", 2), ("a ramp of demand", 0), ("an outage of three days", 2),
        ("demand up and down", 7), ("people up and down", 5),
    ],
)  # fmt: skip
def test_no_threshold_turns_back_more_often_than_the_world(world: str, changes: int) -> None:
    """Half-day means; trust by more than 0.15, the price by more than a factor of two."""
    loop = Loop().play(WORLDS[world])
    assert turns(means(loop.trusts[20:], 12), 0.15) <= changes
    assert turns(means([math.log(price) for price in loop.prices[20:]], 12), 0.7) <= changes


def test_what_no_longer_pays_is_given_up_within_its_bound_and_found_again() -> None:
    hours = 1_000
    loop = Loop().play([(40, 1.0)] * 50 + [(40, 0.0)] * hours)
    lost = sum(loop.lost[50:])
    assert lost <= (LOSS_LIMIT_S + HELD_MIN * PRICE_S) * (2 + math.log2(hours))
    assert sum(loop.lost[-200:]) < 0.1 * lost, "less and less"
    gone = loop.control.saved_s
    loop.play([(40, 1.0)] * 600)
    assert loop.trusts[-1] > 0.8
    assert loop.control.saved_s > gone + 50 * 40 * SAVES_S / 4
    assert loop.control.stops == 0
