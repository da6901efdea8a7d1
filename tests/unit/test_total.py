"""The total over pools: it agrees with them, whoever tells first and whatever restarts."""

import random

import numpy as np
import pytest

from schemas.records import DemandPartial, ResourcePart
from schemas.topics import DEMAND_PARTIALS, FORECASTS_DEMAND
from streams.models.demand import LEVELS
from streams.models.demand.expectation import mean_of
from streams.models.demand.reconcile import reconciled
from streams.pipeline.resources import RESOURCES
from streams.pipeline.total import MOST_OPEN, TOTAL, TotalFold
from streams.pipeline.total_state import OpenHour, TotalState
from tests.testkit.office import POOLS, activities, log_of, played

HOUR_MS = 3_600_000
START_HOUR = 487_000


def partial(pool: str, hour: int, launches: float, mean: float | None = None) -> DemandPartial:
    means = [launches if mean is None else mean] * 168
    part = ResourcePart(resource="INSTANCES", observed=launches, week_means=means)
    return DemandPartial(pool=pool, made_at=(hour + 1) * HOUR_MS, parts=[part])


def silent(pool: str, hour: int) -> DemandPartial:
    return DemandPartial(pool=pool, made_at=(hour + 1) * HOUR_MS, parts=[])


def told(partials, fold=None, pools=("a", "b", "c")):
    fold = fold or TotalFold(pools, TotalState.empty(), lambda _: None)
    outputs = [o for one in partials for o in fold.apply(one).outputs]
    return {o.record.forecast_id: o.record for o in outputs}


def hours(count: int, first: int = START_HOUR):
    rng = np.random.default_rng(first)
    return [
        partial(pool, first + hour, float(rng.poisson(level)), mean=level)
        for hour in range(count)
        for pool, level in (("a", 10.0), ("b", 20.0), ("c", 0.5))
    ]


def means_of(forecast) -> np.ndarray:
    return mean_of(np.array([step.quantiles for step in forecast.steps]))


def test_the_totals_mean_is_the_sum_of_the_pools_means():
    forecasts = told(hours(60))
    assert len(forecasts) == 2 * 60
    for forecast in forecasts.values():
        assert forecast.pool == TOTAL
        assert means_of(forecast) == pytest.approx(30.5, abs=1e-5)
        quantiles = np.array([step.quantiles for step in forecast.steps])
        assert (np.diff(quantiles, axis=1) >= 0.0).all()
        assert (np.diff(forecast.peak) >= 0.0).all()


def test_the_order_in_which_pools_tell_does_not_show():
    partials = hours(30)
    chance = random.Random(4)
    by_pool = {name: [p for p in partials if p.pool == name] for name in "abc"}
    mixed = []
    while any(by_pool.values()):
        mixed.append(by_pool[chance.choice([n for n in by_pool if by_pool[n]])].pop(0))
    assert told(mixed) == told(partials)


def test_a_repeat_and_a_restart_do_not_show():
    partials = hours(40)
    chunks: dict[int, bytes] = {}
    fold = TotalFold("abc", TotalState.empty(), chunks.get)
    seen = {}
    for number, one in enumerate(partials):
        step = fold.apply(one)
        chunks.update(step.chunks)
        seen.update({o.record.forecast_id: o.record for o in step.outputs})
        assert fold.apply(one).outputs == []
        if number % 17 == 16:
            fold = TotalFold("abc", TotalState.from_bytes(fold.save()), chunks.get)
    assert seen == told(partials)


def test_an_hour_waits_for_every_pool_and_silent_ones_speak_too():
    two = [p for p in hours(10) if p.pool != "c"]
    assert told(two) == {}
    spoken = two + [silent("c", START_HOUR + hour) for hour in range(10)]
    assert len(told(spoken)) == 2 * 10


def test_a_pool_that_was_added_later_is_waited_for_from_then_on():
    chunks: dict[int, bytes] = {}
    fold = TotalFold("ab", TotalState.empty(), chunks.get)
    for one in hours(10):
        chunks.update(fold.apply(one).chunks)
    more = TotalFold("abc", fold.state, chunks.get)
    later = hours(3, START_HOUR + 10)
    assert told([p for p in later if p.pool != "c"], more) == {}
    assert len(told([p for p in later if p.pool == "c"], more)) == 6


def given_up(partials, fold):
    return [name for one in partials for name in fold.apply(one).given_up]


def test_the_total_goes_on_without_a_pool_that_is_silent_for_a_fortnight():
    """A year without one pool: the hours wait no more, and the state stays small."""
    fold, every = TotalFold("abc", TotalState.empty(), lambda _: None), hours(MOST_OPEN + 60)
    spoken = [one for one in every if one.pool != "c"]
    assert given_up(spoken[: 2 * MOST_OPEN], fold) == []
    assert len(fold.state.open) == MOST_OPEN
    assert given_up(spoken[2 * MOST_OPEN :], fold) == ["c"]
    assert fold.state.open == {}, "nobody waits for it in the next hours either"
    assert fold.state.hours == MOST_OPEN + 60
    later = told(hours(1, START_HOUR + MOST_OPEN + 60)[:2], fold).values()
    assert [means_of(one)[0] for one in later] == pytest.approx([30.0, 30.0])


def test_hours_that_only_pools_told_of_that_are_no_more_hold_nothing_up():
    """An earlier release let more wait; meanwhile the pools are others."""
    fold = TotalFold("ab", TotalState.empty(), lambda _: None)
    open_hours = {hour: OpenHour.nothing() for hour in range(START_HOUR, START_HOUR + 400)}
    fold.state.open.update(open_hours)
    others = TotalFold("bc", fold.state, lambda _: None)
    assert given_up([silent("b", START_HOUR)], others) == ["c", "b"]
    assert (fold.state.open, fold.state.hours) == ({}, 0)


def test_the_state_at_the_limit_is_one_that_kafka_takes():
    parts = [
        ResourcePart(resource=r, observed=2.0**42, week_means=[2.0**42 + 0.1] * 168)
        for r in RESOURCES
    ]
    fold = TotalFold("ab", TotalState.empty(), lambda _: None)
    for hour in range(START_HOUR, START_HOUR + MOST_OPEN):
        fold.apply(DemandPartial(pool="a", made_at=(hour + 1) * HOUR_MS, parts=parts))
    assert len(fold.state.open) == MOST_OPEN
    assert 2_000_000 < len(fold.save()) < 2_700_000


def test_a_pool_that_comes_back_is_waited_for_and_counted_once():
    """What it says of hours that were closed without it is left out; so is what comes again."""
    count = MOST_OPEN + 60
    every = hours(count)
    of_c = [one for one in every if one.pool == "c"]
    spoken = [*of_c[:10], *(one for one in every if one.pool != "c")]
    chunks: dict[int, bytes] = {}
    fold = TotalFold("abc", TotalState.empty(), chunks.get)

    def tell(partials):
        for one in partials:
            chunks.update(fold.apply(one).chunks)

    tell(spoken)
    assert fold.state.silent == ["c"]
    tell(of_c[:10])  # redelivered
    assert fold.state.silent == ["c"], "that is no word of it"
    before = dict(chunks)
    tell(of_c[10:])
    assert (fold.state.silent, fold.state.open, chunks) == ([], {}, before)
    fold = TotalFold("abc", TotalState.from_bytes(fold.save()), chunks.get)
    later = hours(3, START_HOUR + count)
    assert told([one for one in later if one.pool != "c"], fold) == {}
    assert len(told([one for one in later if one.pool == "c"], fold)) == 6
    assert fold.state.hours == count + 3


def test_a_restart_and_repeats_amid_a_silence_do_not_show():
    every = hours(MOST_OPEN + 30)
    of_c = [one for one in every if one.pool == "c"]
    log = [*of_c[:5], *(one for one in every if one.pool != "c"), *of_c[5:],
           *hours(5, START_HOUR + MOST_OPEN + 30)]  # fmt: skip
    whole = TotalFold("abc", TotalState.empty(), lambda _: None)
    expected = told(log, whole)
    chunks: dict[int, bytes] = {}
    fold, seen = TotalFold("abc", TotalState.empty(), chunks.get), {}
    for number, one in enumerate(log):
        step = fold.apply(one)
        chunks.update(step.chunks)
        seen.update({o.record.forecast_id: o.record for o in step.outputs})
        if number % 97 == 96:
            fold = TotalFold("abc", TotalState.from_bytes(fold.save()), chunks.get)
            for repeated in log[number - 50 : number + 1]:
                assert fold.apply(repeated).outputs == []
    assert seen == expected
    assert fold.save() == whole.save()


def test_hours_in_the_history_are_not_added_again():
    """A pool that was taken away and comes back tells of hours that were closed meanwhile."""
    chunks: dict[int, bytes] = {}
    state = TotalState.empty()

    def tell(pools, partials):
        fold = TotalFold(pools, state, chunks.get)
        for one in partials:
            chunks.update(fold.apply(one).chunks)

    more = hours(5, START_HOUR + 2)
    tell("abc", hours(2))
    tell("ab", [one for one in more if one.pool != "c"])
    before = dict(chunks)
    tell("abc", [one for one in more if one.pool == "c"])
    assert (state.hours, state.open, chunks) == (7, {}, before)


def test_a_history_that_is_missing_is_an_error():
    fold = TotalFold("ab", TotalState.empty(), lambda _: None)
    told(hours(3), fold)
    with pytest.raises(ValueError, match="chunk 0"):
        TotalFold("ab", fold.state, lambda _: None)


def test_what_an_unknown_pool_tells_is_left_out():
    assert told([*hours(5), partial("x", START_HOUR + 4, 1e6)]) == told(hours(5))


def test_reconciling_keeps_order_and_sign_and_moves_only_what_differs():
    rng = np.random.default_rng(2)
    own = np.sort(rng.gamma(2.0, 5.0, (24, len(LEVELS))), axis=1)
    means = mean_of(own).copy()
    means[12:] *= 1.7
    out = reconciled(own, means, 1e-9)
    assert (out[:12] == own[:12]).all()
    assert mean_of(out) == pytest.approx(means)
    assert (np.diff(out, axis=1) >= 0.0).all()
    assert (out >= 0.0).all()
    assert mean_of(reconciled(np.zeros((1, 8)), np.array([3.0]), 1e-9))[0] == pytest.approx(3.0)


def test_in_the_pipeline_pools_and_total_agree_at_every_hour():
    run = played(log_of(activities(5, 400, hours=8.0), 2), 2)
    assert run.records(DEMAND_PARTIALS)
    day = [f for f in run.records(FORECASTS_DEMAND) if f.horizon == "DAY"]
    totals = {(f.made_at, f.resource): f for f in day if f.pool == TOTAL}
    pools = {}
    for forecast in day:
        if forecast.pool in {pool.name for pool in POOLS}:
            key = forecast.made_at, forecast.resource
            pools[key] = pools.get(key, 0.0) + means_of(forecast)
    assert len(totals) >= 8
    assert pools.keys() == totals.keys()
    for key, total in totals.items():
        assert means_of(total) == pytest.approx(pools[key], rel=1e-6, abs=1e-5)
