"""The reserve's controller: it follows steps, ramps and outages, is bounded, and does not swing."""

import math
import random
from bisect import bisect_right, insort

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocator.policy import layout as at
from allocator.policy.feedback import WARM_UP_S, asked_hit_rate, report
from allocator.policy.knobs import ReserveKnobs
from allocator.policy.position import Position
from allocator.policy.reserve import ReservePolicy
from tests.testkit.swings import means, turns

LEAD_S, HOUR_S, TARGET = 90.0, 3600.0, 0.95
# Half a day's means may turn back by this much (of the log price; a factor of 1.5) unnoticed: so
# far the noise of a hundred requests goes.
LEAST_TURN = 0.4


class Pool:
    """A pool whose launches take a lead time, and people who ask at so many an hour."""

    def __init__(self, seed: int) -> None:
        self.policy = ReservePolicy(ReserveKnobs(target_hit_rate=TARGET, lead_time_s=LEAD_S))
        self.chance = random.Random(seed)
        self.now_s = 0.0
        self.ready_at: list[float] = []
        self.prices: list[float] = []
        self.sizes: list[float] = []
        self.hits: list[tuple[int, int]] = []

    def play(self, rates: list[int], *, launches_fail: bool = False) -> "Pool":
        """Play an hour for each rate."""
        for rate in rates:
            self._hour(rate, launches_fail=launches_fail)
        return self

    def hit_rate(self, first: int, last: int) -> float:
        served = self.hits[first:last]
        return sum(hits for hits, _ in served) / sum(asked for _, asked in served)

    def _hour(self, rate: int, *, launches_fail: bool) -> None:
        start_s, hits, sizes = self.now_s, 0, []
        asked = [start_s + gap for gap in self._arrivals(rate)]
        minutes = [start_s + 60.0 * (k + 1) for k in range(60)]
        for self.now_s, is_request in sorted(
            [*((time_s, True) for time_s in asked), *((time_s, False) for time_s in minutes)]
        ):
            if is_request:
                hits += self._serve()
            else:
                self.policy.tick(self.now_s)
            sizes.append(self._act(launches_fail=launches_fail))
        self.prices.append(math.log(self.policy.price_hits_per_s))
        self.sizes.append(sum(sizes) / len(sizes))
        self.hits.append((hits, len(asked)))

    def _arrivals(self, rate: int) -> list[float]:
        gaps, at_s = [], 0.0
        while rate and (at_s := at_s + self.chance.expovariate(rate / HOUR_S)) < HOUR_S:
            gaps.append(at_s)
        return gaps

    def _serve(self) -> bool:
        hit = bool(self.ready_at) and self.ready_at[0] <= self.now_s
        if hit:
            del self.ready_at[0]
        self.policy.requested(self.now_s, f"u{self.chance.randrange(20)}", "edit", hit=hit)
        return hit

    def _act(self, *, launches_fail: bool) -> int:
        ready = bisect_right(self.ready_at, self.now_s)
        held = Position(ready=ready, building=len(self.ready_at) - ready, terminable=ready)
        decision = self.policy.target(self.now_s, held)
        del self.ready_at[: decision.terminate]
        for _ in range(0 if launches_fail else decision.launch):
            insort(self.ready_at, self.now_s + LEAD_S)
        return decision.target


@pytest.mark.parametrize("seed", [1, 2])
def test_a_step_of_demand_and_back_is_followed_with_one_turn_each(seed: int) -> None:
    pool = Pool(seed).play([30] * 96).play([120] * 96).play([30] * 96)
    assert turns(means(pool.prices[24:], 12), LEAST_TURN) <= 2
    assert turns(means(pool.sizes[24:], 12), 0.8) <= 2
    for first in (48, 120, 216):
        assert pool.hit_rate(first, first + 72) == pytest.approx(TARGET, abs=0.025)
    before, during, after = (sum(pool.sizes[k - 48 : k]) / 48 for k in (96, 192, 288))
    assert during > 1.8 * before
    assert after == pytest.approx(before, abs=0.5)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_ramp_of_demand_is_followed_from_one_side(seed: int) -> None:
    pool = Pool(seed).play([30] * 72).play([30 + k for k in range(120)]).play([150] * 48)
    assert turns(means(pool.sizes[48:], 12), 0.8) == 0
    assert turns(means(pool.prices[48:], 12), LEAST_TURN) <= 1
    assert pool.hit_rate(72, 240) == pytest.approx(TARGET, abs=0.02)


@pytest.mark.parametrize("seed", [1, 2])
def test_while_nobody_asks_nothing_is_wound_up_and_all_is_as_before_afterwards(seed: int) -> None:
    pool = Pool(seed).play([60] * 96)
    price = pool.prices[-1]
    pool.play([0] * 48)
    assert pool.prices[-1] == pytest.approx(price, abs=0.3)
    assert sum(pool.sizes[120:144]) / 24 < 1.0, "nobody comes, so nothing is held"
    pool.play([60] * 96)
    assert pool.hit_rate(144, 240) == pytest.approx(TARGET, abs=0.02)
    assert turns(means(pool.prices[48:96] + pool.prices[144:], 12), LEAST_TURN) <= 2


@pytest.mark.parametrize("seed", [1, 2])
def test_hits_that_an_outage_cost_are_made_up_within_bounds_and_without_a_swing(seed: int) -> None:
    pool = Pool(seed).play([60] * 96).play([60] * 6, launches_fail=True).play([60] * 138)
    before = sum(pool.sizes[48:96]) / 48
    assert max(means(pool.sizes[102:], 12)) < 1.0 + 2.0 * before, "not thrice as much for a debt"
    assert TARGET < pool.hit_rate(108, 240) < 1.0
    assert turns(means(pool.prices[48:], 12), LEAST_TURN) <= 2
    assert turns(means(pool.sizes[48:96] + pool.sizes[102:], 12), 0.8) <= 2


@pytest.mark.parametrize("seed", [1, 2])
def test_demand_that_goes_up_and_down_each_two_days_is_not_amplified(seed: int) -> None:
    changes = 5
    pool = Pool(seed).play([40] * 48)
    for k in range(changes):
        pool.play([120 if k % 2 == 0 else 40] * 48)
    assert turns(means(pool.sizes[24:], 12), 0.8) <= changes
    highs = [sum(pool.sizes[first : first + 36]) / 36 for first in (60, 156, 252)]
    assert max(highs) - min(highs) < 1.5, "the third time as the first"


@settings(max_examples=50)
@given(
    served=st.lists(st.tuples(st.booleans(), st.integers(1, 400)), min_size=1, max_size=12),
    target=st.sampled_from([0.8, 0.9, 0.95, 0.99]),
)
def test_what_is_asked_stays_in_its_bounds_and_moves_little_at_a_request(
    served: list[tuple[bool, int]], target: float
) -> None:
    """Whatever comes, for however long: the bound that docs/explanation/reserve.md states."""
    clock, misses = np.zeros(at.CLOCK), 1.0 - target
    clock[at.NOW], clock[at.ASKED] = WARM_UP_S, target
    a_step = math.log1p(1.0 / 30.0) + math.log1p(1.0 / (600.0 * misses)) + 0.001
    for hit, count in served:
        for _ in range(count):
            before = clock[at.ASKED]
            report(clock, hit)
            asked = clock[at.ASKED] = asked_hit_rate(clock, target)
            assert 0.3 <= asked <= 1.0 - 0.02 * misses
            assert hit or asked >= before - 1e-9, "a miss never makes it ask for less"
            assert abs(math.log((1.0 - asked) / (1.0 - before))) <= a_step
