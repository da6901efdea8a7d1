"""What must hold of the folds whatever the log: partitions, restarts and order do not show."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import ActivityBatch
from schemas.topics import DEMAND_OBSERVED, FORECASTS_DEMAND, POPULATION_PRIOR, PREDICTIONS_PROGRAMS
from tests.testkit.office import activities, log_of, played

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=8)


def by_moment(predictions: list) -> dict:
    return {
        (p.user, p.made_at, p.after_program): [(c.program, c.p_next, c.p_5m) for c in p.candidates]
        for p in predictions
    }


def by_id(forecasts: list) -> dict:
    return {f.forecast_id: ([s.quantiles for s in f.steps], f.peak, f.means) for f in forecasts}


@FEW
@given(seed=SEEDS, count=st.integers(20, 150))
def test_partitions_do_not_show(seed: int, count: int) -> None:
    rows = activities(seed, count)
    one, four = played(log_of(rows, 1), 1), played(log_of(rows, 4), 4)
    assert one.records(POPULATION_PRIOR) == four.records(POPULATION_PRIOR)
    one_told, four_told = (by_moment(f.records(PREDICTIONS_PROGRAMS)) for f in (one, four))
    assert one_told == four_told
    assert by_id(one.records(FORECASTS_DEMAND)) == by_id(four.records(FORECASTS_DEMAND))


@FEW
@given(seed=SEEDS, count=st.integers(20, 150))
def test_reading_the_state_back_does_not_show(seed: int, count: int) -> None:
    messages = log_of(activities(seed, count), 2)
    live, reloaded = played(messages, 2), played(messages, 2, reloaded=True)
    assert live.outputs == reloaded.outputs
    assert [u.saved for u in live.users] == [u.saved for u in reloaded.users]


@FEW
@given(seed=SEEDS, count=st.integers(20, 120))
def test_a_redelivered_stretch_does_not_show(seed: int, count: int) -> None:
    messages = log_of(activities(seed, count), 1)
    chance = random.Random(seed)
    cut = chance.randrange(1, len(messages))
    back = chance.randrange(cut)
    again = [*messages[:cut], *messages[back:cut], *messages[cut:]]
    once, twice = played(messages, 1), played(again, 1)
    assert [u.saved for u in once.users] == [u.saved for u in twice.users]
    assert by_id(once.records(FORECASTS_DEMAND)) == by_id(twice.records(FORECASTS_DEMAND))


@FEW
@given(seed=SEEDS)
def test_order_within_the_lateness_does_not_change_demand(seed: int) -> None:
    rows = [r for r in activities(seed, 120) if r[1].kind == "LAUNCH"]
    chance = random.Random(seed)
    shuffled = sorted(rows, key=lambda row: row[1].time + chance.random() * 55_000)
    seen: dict[str, int] = {}
    renumbered = [
        (user, type(event)(**{**_fields(event), "seq": seen.setdefault("n", -1) + 1 + i}))
        for i, (user, event) in enumerate(shuffled)
    ]
    sorted_run, shuffled_run = played(log_of(rows, 1), 1), played(_sorted_ticks(renumbered), 1)
    assert _launches(sorted_run) == _launches(shuffled_run)


def _fields(event: object) -> dict:
    return {name: getattr(event, name) for name in event.__struct_fields__}


def _sorted_ticks(rows: list) -> list:
    return [m for m in log_of(rows, 1) if isinstance(m.value, ActivityBatch)] + log_of(rows, 1)[-1:]


def _launches(run: object) -> dict[tuple[str, int], int]:
    return {
        (d.pool, m.time): m.launches
        for d in run.records(DEMAND_OBSERVED)
        for m in d.minutes
        if m.launches
    }
