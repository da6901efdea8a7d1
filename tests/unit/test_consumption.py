"""Consumption per program: accuracy, shrinkage, eviction."""

import math
import random

import numpy as np
import pytest
from ddsketch.mapping import LinearlyInterpolatedMapping

from streams.models.consumption import Consumption, ConsumptionCounts
from streams.models.consumption.log_buckets import border, bucket
from streams.models.consumption.quantile_sketch import QuantileSketch
from streams.models.consumption.sketch_rows import MAX_BUCKETS


def _samples(sigma, seed, length=3000):
    return np.random.default_rng(seed).lognormal(0.0, sigma, length)


@pytest.mark.parametrize(
    ("sigma", "median_error", "tail_error"),
    [(0.1, 0.02, 0.06), (0.3, 0.03, 0.08), (1.0, 0.06, 0.2)],
)
def test_quantiles_are_accurate(sigma, median_error, tail_error):
    for seed in range(5):
        sketch, values = QuantileSketch(), _samples(sigma, seed)
        for value in values:
            sketch.add(float(value))
        assert sketch.quantile(0.5) == pytest.approx(np.quantile(values, 0.5), rel=median_error)
        assert sketch.quantile(0.95) == pytest.approx(np.quantile(values, 0.95), rel=tail_error)


def test_buckets_are_those_of_ddsketch():
    """The linearly interpolated mapping at eight buckets an octave, but for values on a border."""
    mapping = LinearlyInterpolatedMapping(math.tanh(math.log(2.0) / 16.0))
    mapping._multiplier = 8.0
    rng = random.Random(3)
    for _ in range(2000):
        value = rng.lognormvariate(0.0, 20.0)
        assert mapping.key(value) == bucket(value) + 1
        assert border(bucket(value), 0) <= value < border(bucket(value) + 1, 0)


def test_an_outlier_costs_no_accuracy_for_long():
    sketch = QuantileSketch()
    sketch.add(1e6)
    for value in _samples(0.3, seed=1):
        sketch.add(float(value))
    assert sketch.quantile(0.5) == pytest.approx(1.0, rel=0.1)
    assert sketch.quantile(0.95) == pytest.approx(1.64, rel=0.15)


def test_a_change_of_behaviour_is_followed():
    sketch = QuantileSketch()
    for value in (*_samples(0.3, seed=1), *(100.0 * _samples(0.3, seed=2, length=3000))):
        sketch.add(float(value))
    assert sketch.quantile(0.5) == pytest.approx(100.0, rel=0.15)


def test_a_rare_program_takes_after_the_population_and_a_frequent_one_after_itself():
    counts, user = ConsumptionCounts(), Consumption()
    for value in _samples(0.3, seed=4):
        Consumption().observe_sample(7, (float(value), None), counts)
    user.observe_sample(7, (8.0, None))
    assert user.quantile(7, "cpu_cores", 0.5, counts) == pytest.approx(1.0, rel=0.2)
    for _ in range(200):
        user.observe_sample(7, (8.0, None))
    assert user.quantile(7, "cpu_cores", 0.5, counts) == pytest.approx(8.0, rel=0.15)
    assert user.quantile(9, "cpu_cores", 0.5, counts) is None
    assert Consumption().quantile(7, "cpu_cores", 0.5, counts) == pytest.approx(1.0, rel=0.1)


def test_idle_measurements_count_as_nothing_used():
    user = Consumption()
    for k in range(100):
        user.observe_sample(1, (0.001 if k < 70 else 2.0, None))
    assert user.quantile(1, "cpu_cores", 0.5) == 0.0
    assert user.quantile(1, "cpu_cores", 0.95) == pytest.approx(2.0, rel=0.15)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0, 1e300])
def test_what_is_no_measurement_is_skipped(value):
    user, counts = Consumption(), ConsumptionCounts()
    user.observe_sample(1, (value, value, value, value, value), counts)
    user.observe_duration(1, value, counts)
    assert user.quantile(1, "cpu_cores", 0.5) is None
    assert counts == ConsumptionCounts()


def test_the_least_used_program_gives_way():
    user = Consumption(max_programs=3)
    for program, times in ((1, 50), (2, 5), (3, 20), (4, 1), (5, 1)):
        for _ in range(times):
            user.observe_duration(program, 60.0)
    assert user.programs() == [1, 3, 5]
    user.forget(1)
    assert user.programs() == [3, 5]


def test_an_unknown_resource_is_an_error():
    with pytest.raises(ValueError, match="'gpu' is not one of"):
        Consumption().quantile(1, "gpu", 0.5)


def test_a_sketch_stays_small():
    sketch = QuantileSketch()
    for value in _samples(6.0, seed=9):
        sketch.add(float(value))
    assert len(sketch.counts) <= MAX_BUCKETS
