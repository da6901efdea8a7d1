"""From the first hour on forecasts are of use, and their intervals are honest about how little
is known."""

import numpy as np
import pytest

from streams.models.demand import HourlyForecaster

HOUR_S = 3600.0
HORIZONS = (1, 24)
WORLDS = 16
HOURS = 72


def worlds() -> list[np.ndarray]:
    """Series that begin anywhere in a day, of all sizes, with and without a cycle."""
    rng = np.random.default_rng(42)
    found = []
    for number in range(WORLDS):
        hour = np.arange(HOURS) + rng.integers(24)
        wave = 1.0 + (0.8 if number % 2 else 0.0) * np.sin(2.0 * np.pi * hour / 24.0)
        found.append(rng.poisson(wave * 10.0 ** rng.uniform(0.5, 3.0)).astype(float))
    return found


@pytest.fixture(scope="module")
def played() -> dict[int, list[np.ndarray]]:
    """By horizon: low, median, high, outcome and last value of every forecast that came due.

    All in units of their series' mean: sizes span two and a half decades, and each is to count.
    """
    rows = {h: [] for h in HORIZONS}
    for values in worlds():
        forecaster = HourlyForecaster(HORIZONS)
        for hour, value in enumerate(values):
            forecaster.observe(float(value), HOUR_S * hour)
            for h, quantiles in zip(HORIZONS, forecaster.forecast(HORIZONS), strict=True):
                if hour + h < HOURS:
                    stated = quantiles[0], quantiles[3], quantiles[6]
                    row = np.array((*stated, values[hour + h], value))
                    rows[h].append(row / values.mean())
    return rows


@pytest.mark.parametrize("horizon", HORIZONS)
def test_the_first_three_days_are_covered(played, horizon):
    low, _, high, came, _ = np.array(played[horizon]).T
    assert 0.85 <= np.mean((low <= came) & (came <= high)) <= 0.995


def test_the_median_is_better_than_the_last_value_from_the_start(played):
    """One hour ahead it is, a day ahead it is the same thing at first and then better."""
    for horizon in HORIZONS:
        _, median, _, came, last = np.array(played[horizon]).T
        assert np.mean(np.abs(median - came)) < np.mean(np.abs(last - came))


def test_a_day_ahead_the_first_intervals_are_wide_but_not_absurd():
    """Twice the half width of the first experts, who believe in a cycle as large as the value."""
    for value in (0.5, 40.0, 3000.0):
        forecaster = HourlyForecaster(HORIZONS)
        forecaster.observe(value, 0.0)
        quantiles = forecaster.forecast([24])[0]
        assert 1.0 <= (quantiles[6] - quantiles[0]) / value <= 5.0


def test_widths_shrink_as_more_is_known():
    values = np.random.default_rng(1).poisson(50.0, 24 * 21).astype(float)
    forecaster, widths = HourlyForecaster(HORIZONS), []
    for hour, value in enumerate(values):
        forecaster.observe(float(value), HOUR_S * hour)
        quantiles = forecaster.forecast([24])[0]
        widths.append(quantiles[6] - quantiles[0])
    assert np.mean(widths[:6]) > 1.5 * np.mean(widths[-24:])
