"""Naive forecasts to beat: the last value, the day or week before, the mean of the last weeks.

Their 90 % intervals are the 5 and 95 % quantiles of their residuals over the last four weeks that
are known at the origin.
"""

import bisect
from typing import NamedTuple

import numpy as np

from streams.backtest.demand_scores import Floats

RESIDUAL_DAYS = 28
FEWEST_RESIDUALS = 48
LONG_SERIES_STEPS = 1400  # from here on the mean of weeks takes three, else two


class Naive(NamedTuple):
    """Scores of a naive forecast; no Winkler score where intervals were known too late."""

    mae: float
    winkler: float | None


def lag_sets(horizon: int, day: int, count: int) -> list[tuple[int, ...]]:
    """Lags, in steps, whose values each naive forecast averages.

    Examples
    --------
    >>> lag_sets(24, 24, 1000)
    [(24,), (24,), (168,), (168, 336)]
    """
    week = 7 * day
    weeks = (week, 2 * week, 3 * week) if count > LONG_SERIES_STEPS else (week, 2 * week)
    days = max(day, -(-horizon // day) * day)
    sets = [(horizon,), (days,), (week,), weeks]
    return [lags for lags in sets if min(lags) >= horizon]


def best_naive(values: Floats, horizon: int, day: int, first: int) -> Naive:
    """Return the least absolute error and the least Winkler score among the naive forecasts.

    Parameters
    ----------
    values
        The series, shape (steps,); NaN where not known.
    horizon, day
        Steps ahead and steps in a day.
    first
        First step that is scored.
    """
    scored = [
        _score(values, _forecasts(values, lags), horizon, RESIDUAL_DAYS * day, first)
        for lags in lag_sets(horizon, day, len(values))
    ]
    winklers = [naive.winkler for naive in scored if naive.winkler is not None]
    return Naive(min(naive.mae for naive in scored), min(winklers, default=None))


def _forecasts(values: Floats, lags: tuple[int, ...]) -> Floats:
    out = np.full(len(values), np.nan)
    if max(lags) < len(values):
        shifted = [values[max(lags) - lag : len(values) - lag] for lag in lags]
        out[max(lags) :] = np.mean(shifted, axis=0)
    return out


def _score(values: Floats, forecasts: Floats, horizon: int, window: int, first: int) -> Naive:
    residuals = values - forecasts
    known: list[float] = []
    losses: list[float] = []
    for step in range(len(values)):
        _slide(known, residuals, step - horizon, window)
        if step >= first and np.isfinite(residuals[step]) and len(known) >= FEWEST_RESIDUALS:
            low = known[int(0.05 * (len(known) - 1))]
            high = known[int(0.95 * (len(known) - 1))]
            beyond = max(0.0, low - residuals[step]) + max(0.0, residuals[step] - high)
            losses.append(high - low + 20.0 * beyond)
    errors = np.abs(residuals[first:])
    errors = errors[np.isfinite(errors)]
    if not len(errors):
        return Naive(np.inf, None)
    winkler = float(np.mean(losses)) if len(losses) > 0.8 * len(errors) else None
    return Naive(float(errors.mean()), winkler)


def _slide(known: list[float], residuals: Floats, newest: int, window: int) -> None:
    if newest >= 0 and np.isfinite(residuals[newest]):
        bisect.insort(known, float(residuals[newest]))
    oldest = newest - window
    if oldest >= 0 and np.isfinite(residuals[oldest]):
        del known[bisect.bisect_left(known, float(residuals[oldest]))]
