"""What the minute demand forecaster promises."""

import numpy as np
import pytest

from streams.models.demand import LEVELS, MinuteForecaster


def fed(values, start=0) -> MinuteForecaster:
    forecaster = MinuteForecaster()
    for minute, value in enumerate(values):
        forecaster.observe(float(value), start + minute)
    return forecaster


def counts(minutes: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).poisson(4.0, minutes).astype(float)


def test_counts_are_covered_and_forecast_as_whole_numbers():
    values, forecaster, inside = counts(4000), MinuteForecaster(), []
    for minute, value in enumerate(values):
        if minute >= 2000:
            quantiles = forecaster.forecast(1)[0]
            inside.append(quantiles[0] <= value <= quantiles[6])
            assert (quantiles == np.rint(quantiles)).all()
        forecaster.observe(value, minute)
    assert 0.86 < np.mean(inside) < 0.98


def test_shape_order_and_sign():
    quantiles = fed(counts(300)).forecast(60)
    assert quantiles.shape == (60, len(LEVELS))
    assert (np.diff(quantiles, axis=1) >= 0.0).all()
    assert (quantiles >= 0.0).all()


def test_a_quiet_night_costs_nothing_and_is_believed():
    forecaster = fed(counts(600))
    forecaster.observe(0.0, 600, count=10_000_000)
    assert forecaster.forecast(60)[:, :4].max() == 0.0


def test_a_stretch_of_an_hour_is_its_minutes_to_the_bit():
    singly, together = fed(counts(100)), fed(counts(100))
    for minute in range(100, 160):
        singly.observe(2.0, minute)
    together.observe(2.0, 100, count=60)
    assert singly.to_bytes() == together.to_bytes()


def test_a_snapshot_gives_the_same_forecasts_to_the_bit():
    forecaster = fed(counts(500))
    restored = MinuteForecaster.from_bytes(forecaster.to_bytes())
    for minute, value in enumerate(counts(100, seed=2)):
        for one in (forecaster, restored):
            one.observe(value, 500 + minute)
        assert np.array_equal(forecaster.forecast(60), restored.forecast(60))


def test_a_snapshot_is_small():
    assert len(fed(counts(10)).to_bytes()) < 6000


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x02" + bytes(4816), b"\x01" + b"\xff" * 4816])
def test_bytes_that_are_no_state_are_refused(data):
    with pytest.raises(ValueError, match="state"):
        MinuteForecaster.from_bytes(data)


def test_the_peak_of_an_hour_is_above_each_minute():
    forecaster = fed(counts(600))
    assert (forecaster.peak(60) >= forecaster.forecast(60).max(axis=0)).all()
