"""The 90 % interval holds at night as well as by day and within each month, not only on average."""

import numpy as np
import pytest

from streams.models.demand import HourlyForecaster
from streams.models.demand.levels import HIGH, LOW

HOUR_S = 3600.0
HORIZONS = (1, 24)
DAYS, FIRST_DAY = 120, 28
MONTH_DAYS = 30


def is_night(hours: np.ndarray) -> np.ndarray:
    return (hours % 24 < 6) | (hours % 24 >= 22)


def quiet_nights(rng: np.random.Generator) -> np.ndarray:
    """By day 100 and restless, at night 5 and a thirtieth as restless."""
    hours = np.arange(24 * DAYS)
    noise = rng.normal(size=len(hours))
    return np.where(is_night(hours), 5.0 + 0.5 * noise, 100.0 + 15.0 * noise)


def busy_and_idle_months(rng: np.random.Generator) -> np.ndarray:
    """Every other month is three times as restless."""
    hours = np.arange(24 * DAYS)
    wave = 100.0 + 20.0 * np.sin(2.0 * np.pi * hours / 24.0)
    return wave + np.where(hours // (24 * MONTH_DAYS) % 2, 15.0, 5.0) * rng.normal(size=len(hours))


def counted_sessions(rng: np.random.Generator) -> np.ndarray:
    """Poisson counts: 40 by day, 4 at night, fewer on weekends."""
    hours = np.arange(24 * DAYS)
    weekend = np.where(hours // 24 % 7 >= 5, 0.5, 1.0)
    return rng.poisson(np.where(is_night(hours), 4.0, 40.0) * weekend).astype(float)


def covered(values: np.ndarray) -> dict[int, np.ndarray]:
    """By horizon: of every hour from FIRST_DAY on, whether it came within the interval."""
    forecaster = HourlyForecaster(HORIZONS)
    inside = {h: np.zeros(len(values) + h, bool) for h in HORIZONS}
    for hour, value in enumerate(values):
        forecaster.observe(float(value), HOUR_S * hour)
        for h, quantiles in zip(HORIZONS, forecaster.forecast(HORIZONS), strict=True):
            if hour + h < len(values):
                inside[h][hour + h] = quantiles[LOW] <= values[hour + h] <= quantiles[HIGH]
    return {h: found[24 * FIRST_DAY : len(values)] for h, found in inside.items()}


@pytest.mark.parametrize("make", [quiet_nights, counted_sessions])
def test_nights_are_covered_like_days(make):
    hours = np.arange(24 * FIRST_DAY, 24 * DAYS)
    most = 0.97 if make is counted_sessions else 0.95  # whole numbers can't be cut at any level
    for h, inside in covered(make(np.random.default_rng(11))).items():
        night, day = inside[is_night(hours)].mean(), inside[~is_night(hours)].mean()
        told = f"{h} h ahead: night {night:.3f}, day {day:.3f}"
        assert 0.85 <= night <= most, told
        assert 0.85 <= day <= 0.95, told


def test_each_month_is_covered_though_restlessness_comes_and_goes():
    values = busy_and_idle_months(np.random.default_rng(12))
    months = np.arange(24 * FIRST_DAY, 24 * DAYS) // (24 * MONTH_DAYS)
    for h, inside in covered(values).items():
        by_month = [inside[months == month].mean() for month in (1, 2, 3)]
        told = f"{h} h ahead: {by_month}"
        assert min(by_month) >= 0.85, told
        assert max(by_month) <= 0.95, told
