"""What holds of demand forecasts whatever the series."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.models.demand import HourlyForecaster, MinuteForecaster

ANCHORS = (1, 24)
VALUES = st.lists(
    st.one_of(st.just(0.0), st.just(float("nan")), st.floats(-1e12, 1e12), st.floats(0.0, 100.0)),
    min_size=1,
    max_size=80,
)


def fed(values) -> HourlyForecaster:
    forecaster = HourlyForecaster(ANCHORS)
    for hour, value in enumerate(values):
        forecaster.observe(float(value), 3600.0 * hour)
    return forecaster


@settings(max_examples=40)
@given(VALUES)
def test_quantiles_are_finite_and_do_not_cross(values):
    forecaster = fed(values)
    if not forecaster.rows:
        return
    quantiles = forecaster.forecast([1, 2, 12, 24, 30])
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=1) >= 0.0).all()
    if np.nanmin(values) >= 0.0:
        assert (quantiles >= 0.0).all()


@settings(max_examples=15)
@given(VALUES, st.integers(1, 40))
def test_a_restored_state_goes_on_to_the_bit(values, more):
    forecaster = fed(values)
    restored = HourlyForecaster.from_bytes(forecaster.to_bytes())
    for hour in range(more):
        for one in (forecaster, restored):
            one.observe(float(hour % 7), 3600.0 * (len(values) + hour))
    assert forecaster.to_bytes() == restored.to_bytes()


@pytest.mark.parametrize("power", [1, 3])
def test_forecasts_scale_with_the_series(power):
    """By powers of eight, whose cube root is exact too; up to single precision."""
    values = np.random.default_rng(0).lognormal(size=80) + 1.0
    plain = fed(values).forecast([1, 24])
    scaled = fed(values * 8.0**power).forecast([1, 24])
    np.testing.assert_allclose(scaled / 8.0**power, plain, rtol=0.02, atol=0.02)


def test_a_dead_sensor_is_believed_and_its_recovery_survived():
    values = [50.0 + hour % 24 for hour in range(400)] + [0.0] * 400
    forecaster = fed(values)
    dead = forecaster.forecast([1])[0]
    assert dead[3] < 1.0
    for hour in range(800, 1200):
        forecaster.observe(50.0 + hour % 24, 3600.0 * hour)
    recovered = forecaster.forecast([1])[0]
    assert recovered[0] <= 50.0 <= recovered[6]
    assert abs(recovered[3] - 50.0) < 15.0  # half the rules never forget how the dead hours went


def test_a_level_shift_is_followed():
    values = [10.0 + hour % 24 for hour in range(400)]
    values += [10.0 * (10.0 + hour % 24) for hour in range(400, 800)]
    quantiles = fed(values).forecast([1, 24])
    assert (
        np.abs(quantiles[:, 3] - [100.0 + 10.0 * (800 % 24), 100.0 + 10.0 * (823 % 24)]) < 40
    ).all()


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.integers(1, 5000)), min_size=1, max_size=30))
def test_minutes_are_finite_and_do_not_cross(stretches):
    forecaster, minute = MinuteForecaster(), 0
    for value, count in stretches:
        forecaster.observe(value, minute, count)
        minute += count
    quantiles = forecaster.forecast(60)
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=1) >= 0.0).all()
    assert np.isfinite(forecaster.peak(60)).all()
