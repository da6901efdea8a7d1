"""What experts with quantiles of their own promise: climates by step, analogs by likeness."""

import numpy as np

from streams.models.demand import analogs, climate
from streams.models.demand.analogs import ANALOGS, CANDIDATES, compare_days
from streams.models.demand.climate import CLIMATES_OF, NO_LEVEL, new_climate
from streams.models.demand.points import POINTS
from streams.models.demand.view import learn_value, new_view

DAY, WEEK = 24, 168
NOTHING_KNOWN = np.zeros(POINTS)
WITHOUT_LEVEL = [c for c, (level, _) in enumerate(CLIMATES_OF) if level == NO_LEVEL]


def climate_of(values: np.ndarray):
    """A climate that has learnt values from Monday 0 h on."""
    learnt = new_climate(DAY)
    for row, value in enumerate(values):
        climate.learn(learnt, row % WEEK, DAY, NOTHING_KNOWN, float(value))
    return learnt


def stated(learnt, slot: int) -> np.ndarray:
    out = np.empty((3, len(CLIMATES_OF)))
    climate.state(learnt, slot, DAY, NOTHING_KNOWN, out)
    return out[:, WITHOUT_LEVEL[0]]


def test_a_climate_knows_each_step_of_the_day_by_its_own_skew():
    rng = np.random.default_rng(4)
    hours = np.arange(WEEK * 60)
    values = np.where(hours % DAY == 9, rng.exponential(100.0, len(hours)), 50.0)
    learnt = climate_of(values)
    low, middle, high = stated(learnt, 9)
    assert 2.0 < low < 15.0  # of an exponential distribution of mean 100: 5, 69 and 300
    assert 50.0 < middle < 90.0
    assert 210.0 < high < 400.0
    quiet = stated(learnt, 12)
    assert np.abs(quiet - 50.0).max() < 15.0


def test_a_climate_keeps_weekends_apart():
    hours = np.arange(WEEK * 20)
    learnt = climate_of(np.where(hours % WEEK < 5 * DAY, 100.0, 10.0))
    assert abs(stated(learnt, 9)[1] - 100.0) < 10.0
    assert abs(stated(learnt, 5 * DAY + 9)[1] - 10.0) < 10.0


def test_climates_follow_the_level_that_they_are_told():
    learnt, points = new_climate(DAY), np.zeros(POINTS)
    rng = np.random.default_rng(5)
    for row in range(WEEK * 10):
        points[:] = 1000.0 + row
        climate.learn(learnt, row % WEEK, DAY, points, 1000.0 + row + rng.normal())
    points[:] = 5000.0
    out = np.empty((3, len(CLIMATES_OF)))
    climate.state(learnt, 9, DAY, points, out)
    with_level = [c for c in range(len(CLIMATES_OF)) if c not in WITHOUT_LEVEL]
    assert np.abs(out[:, with_level] - 5000.0).max() < 5.0
    assert (np.diff(out, axis=0) >= 0.0).all()


def view_of(values: np.ndarray):
    view = new_view(DAY)
    for row, value in enumerate(values):
        learn_value(view, row, row % WEEK, float(value))
    return view


def median_by_analog(values: np.ndarray, a: int, horizon: int) -> float | None:
    view, likeness, three = view_of(values), np.empty((ANALOGS, CANDIDATES, 2)), np.empty(3)
    compare_days(view, len(values), likeness)
    if not analogs.state(view, len(values), horizon, likeness[a], three):
        return None
    assert three[0] <= three[1] <= three[2]
    return float(three[1])


def test_an_analog_finds_what_followed_days_like_the_last_one():
    """A busy day is followed by a quiet one, a quiet one by a busy or another quiet one."""
    rng = np.random.default_rng(6)
    kinds = [False]
    for _ in range(50):
        kinds.append(not kinds[-1] and bool(rng.random() < 0.6))
    shape = 10.0 * np.sin(2.0 * np.pi * np.arange(DAY) / DAY)
    values = np.concatenate([(100.0 if busy else 20.0) + shape for busy in [*kinds, False, True]])
    for a in range(0, ANALOGS, 2):
        found = median_by_analog(values, a, 12)
        assert found is not None
        assert abs(found - (20.0 + shape[11])) < 1.0


def test_a_shifted_analog_puts_the_levels_difference_back():
    shape = 10.0 * np.sin(2.0 * np.pi * np.arange(DAY) / DAY)
    values = np.concatenate([50.0 * day + shape for day in range(20)])
    plain, shifted = (median_by_analog(values, a, 1) for a in (0, 1))
    assert shifted is not None
    assert plain is not None
    truth = 50.0 * 20 + shape[0]
    assert abs(shifted - truth) < 15.0
    assert plain < truth - 40.0


def test_too_few_days_are_no_analog():
    assert median_by_analog(np.arange(3.0 * DAY), 0, 1) is None
    assert median_by_analog(np.arange(6.0 * DAY), 0, 1) is not None
