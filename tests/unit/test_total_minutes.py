"""The next hour of all pools together: it agrees with them, and learns no dip from a silent one."""

import msgspec
import numpy as np
import pytest

from schemas.records import DemandPartial
from schemas.topics import DEMAND_PARTIALS, FORECASTS_DEMAND
from streams.models.demand import MinuteForecaster
from streams.models.demand.expectation import mean_of
from streams.pipeline.tellings import check, minutes_part, minutes_telling
from streams.pipeline.total import TOTAL, TotalFold
from streams.pipeline.total_minutes import MOST_OPEN
from streams.pipeline.total_state import TotalState
from tests.testkit.office import POOLS, activities, log_of, played

MINUTE_MS = 60_000
START = 487_000 * 60
NO_CHUNK = {}.get


def telling(pool, mark, minutes, mean, resource="INSTANCES", is_due=True):
    part = minutes_part(resource, minutes, np.full(60, mean))
    return minutes_telling(pool, mark * MINUTE_MS, [part], is_due=is_due).record


def tellings(pools: dict[str, float], marks: int, seed: int = 1) -> list[DemandPartial]:
    """What pools tell of a Poisson number of launches a minute, mark after mark."""
    rng = np.random.default_rng(seed)
    return [
        telling(pool, START + 5 * mark, rng.poisson(rate, 5).astype(float).tolist(), rate)
        for mark in range(1, marks + 1)
        for pool, rate in pools.items()
    ]


def new_fold(pools="ab"):
    return TotalFold(pools, TotalState.empty(), NO_CHUNK)


def told(partials, fold):
    return [output.record for one in partials for output in fold.apply(one).outputs]


def test_the_total_expects_what_its_pools_expect():
    forecasts = told(tellings({"a": 3.0, "b": 0.25}, 24), new_fold())
    assert len(forecasts) == 24
    for forecast in forecasts:
        assert (forecast.pool, forecast.horizon, forecast.step_s) == (TOTAL, "HOUR", 60)
        assert forecast.means == pytest.approx([3.25] * 60, abs=1e-5)
        quantiles = np.array([step.quantiles for step in forecast.steps])
        assert (np.diff(quantiles, axis=1) >= 0.0).all()
        assert (quantiles == np.round(quantiles)).all()
    assert [step.time for step in forecast.steps[:2]] == [
        forecast.made_at, forecast.made_at + MINUTE_MS
    ]  # fmt: skip


def test_many_pools_that_hardly_ever_launch_add_up():
    """Each pool's quantiles are 0 up to 99 %; together they launch five times a minute."""
    pools = {f"p{n}": 0.005 for n in range(1000)}
    last = told(tellings(pools, 30), new_fold(pools))[-1]
    assert last.means == pytest.approx([5.0] * 60, rel=1e-3)
    medians = np.array([step.quantiles for step in last.steps])[:, 3]
    assert medians.mean() == pytest.approx(5.0, abs=1.0)


def test_one_pool_alone_is_the_total():
    rng = np.random.default_rng(3)
    own, fold = MinuteForecaster(), new_fold("a")
    for mark in range(START + 5, START + 500, 5):
        cores = rng.gamma(2.0, 3.0, 5).tolist()
        for k, value in enumerate(cores):
            own.observe(round(value * 2**20) / 2**20, mark - 5 + k)
        part = minutes_part("CPU", cores, own.means(60))
        said = minutes_telling("a", mark * MINUTE_MS, [part], is_due=True).record
        (total,) = told([said], fold)
    assert np.array([s.quantiles for s in total.steps]) == pytest.approx(own.forecast(60))


def test_a_mark_waits_for_every_pool_and_idle_ones_tell_too():
    idle = minutes_telling("b", (START + 5) * MINUTE_MS, [], is_due=False).record
    fold = new_fold()
    assert told(tellings({"a": 2.0}, 3), fold) == []
    assert len(told([idle], fold)) == 1
    assert len(told([msgspec.structs.replace(idle, made_at=idle.made_at + 600_000)], fold)) == 1


def test_nothing_is_forecast_where_no_pool_forecasts():
    busy = tellings({"a": 2.0, "b": 1.0}, 3)
    idle = [msgspec.structs.replace(one, is_due=False) for one in busy]
    assert told(idle, new_fold()) == []


def test_a_mark_that_a_pool_left_out_is_not_known_and_no_dip():
    """A sum without one of its pools says nothing of the whole."""
    all_told = tellings({"a": 50.0, "b": 50.0}, 60)
    lost = [one for one in all_told if one.pool == "a" or one.made_at % 900_000]
    forecasts = told(lost, new_fold())
    assert all(forecast.made_at % 900_000 for forecast in forecasts)
    assert len(forecasts) == 40
    low = np.array([step.quantiles for step in forecasts[-1].steps])[:, 0]
    assert low.min() > 60.0  # half of the pools is 50


def test_a_pool_that_is_far_behind_costs_marks_and_no_memory():
    """Half a day waits for it; what it tells of before is not known, and the rest is whole."""
    fold = new_fold()
    ahead, behind = tellings({"a": 50.0}, 3 * MOST_OPEN), tellings({"b": 50.0}, 3 * MOST_OPEN)
    assert told(ahead, fold) == []
    assert len(fold.state.minutes.open) == MOST_OPEN
    assert len(fold.save()) < 500_000
    forecasts = told(behind, fold)
    assert [f.made_at for f in forecasts] == [one.made_at for one in behind[-MOST_OPEN:]]
    assert not fold.state.minutes.open
    low = np.array([step.quantiles for step in forecasts[-1].steps])[:, 0]
    assert low.min() > 60.0  # half of the pools is 50


def test_a_repeat_and_a_restart_do_not_show():
    partials = tellings({"a": 3.0, "b": 1.0}, 40)
    fold, seen = new_fold(), []
    for number, one in enumerate(partials):
        seen += told([one], fold)
        assert told([one], fold) == []
        if number % 7 == 6:
            fold = TotalFold("ab", TotalState.from_bytes(fold.save()), NO_CHUNK)
    assert seen == told(partials, new_fold())


def test_the_state_of_the_version_before_is_read():
    fold = new_fold()
    told(tellings({"a": 3.0, "b": 1.0}, 4), fold)
    _, *fields = msgspec.msgpack.decode(fold.save())
    before = TotalState.from_bytes(msgspec.msgpack.encode([1, *fields[:4]]))
    assert before.minutes.told == {}
    assert len(told(tellings({"a": 3.0, "b": 1.0}, 4), TotalFold("ab", before, NO_CHUNK))) == 4


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"made_at": START * MINUTE_MS + MINUTE_MS}, "no full hour or five minutes"),
        ({"minutes": [1.0] * 6}, "more or fewer steps"),
        ({"hour_means": [1.0] * 59}, "more or fewer steps"),
        ({"hour_means": [float("nan")] * 60}, "not finite"),
        ({"minutes": [float("inf")]}, "not finite"),
    ],
)
def test_tellings_that_no_pool_makes_are_refused(changed, why):
    good = telling("a", START, [1.0], 1.0)
    check(good)
    part = msgspec.structs.replace(
        good.parts[0], **{k: v for k, v in changed.items() if k != "made_at"}
    )
    bad = msgspec.structs.replace(good, parts=[part], made_at=changed.get("made_at", good.made_at))
    with pytest.raises(ValueError, match=why):
        check(bad)


def test_a_resource_twice_is_refused():
    good = telling("a", START, [1.0], 1.0)
    with pytest.raises(ValueError, match="twice"):
        check(msgspec.structs.replace(good, parts=good.parts * 2))


def test_in_the_pipeline_pools_and_total_agree_every_five_minutes():
    run = played(log_of(activities(5, 400, hours=8.0), 2), 2)
    names = {pool.name for pool in POOLS}
    hours = [f for f in run.records(FORECASTS_DEMAND) if f.horizon == "HOUR"]
    totals = {(f.made_at, f.resource): f for f in hours if f.pool == TOTAL}
    said: dict[tuple[int, str], np.ndarray] = {}
    for one in run.records(DEMAND_PARTIALS):
        for part in one.parts if one.by_minute else ():
            key = one.made_at, part.resource
            said[key] = said.get(key, 0.0) + np.array(part.hour_means)
    assert len({made_at for made_at, _ in totals}) >= 80
    for key, total in totals.items():
        assert np.array(total.means) == pytest.approx(said[key], rel=1e-6, abs=1e-5)
    own = {(f.made_at, f.resource): 0.0 for f in hours if f.pool in names}
    assert own.keys() == totals.keys()
    whole = dict.fromkeys(own, 0)
    for forecast in hours:
        if forecast.pool in names:
            own[forecast.made_at, forecast.resource] += np.array(forecast.means)
            whole[forecast.made_at, forecast.resource] += 1
    both = [key for key, count in whole.items() if count == len(names)]
    assert len(both) >= len(totals) // 2
    for key in both:
        assert np.array(totals[key].means) == pytest.approx(own[key], rel=1e-6, abs=1e-5)


def test_days_and_weeks_state_their_means_too():
    run = played(log_of(activities(5, 100, hours=3.0), 1), 1)
    weeks = [f for f in run.records(FORECASTS_DEMAND) if f.horizon != "HOUR"]
    assert {f.pool for f in weeks} == {TOTAL, *(pool.name for pool in POOLS)}
    for forecast in weeks:
        quantiles = np.array([step.quantiles for step in forecast.steps])
        assert forecast.means == pytest.approx(mean_of(quantiles))
