"""Point forecasts of one view at one horizon: last values, seasonal profiles, levels, medians."""

import numpy as np

from streams.models.compiled import kernel
from streams.models.demand.sorted_window import Floats, sort, sorted_quantile
from streams.models.demand.view import (
    DEVIATION,
    FAST,
    MIDDLE,
    SHIFT,
    SLOW,
    THREE_WEEK_SUM,
    WEEK_SUM,
    View,
    profile,
)

POINTS = 24
(LAST, DAY_BEFORE, WEEK_BEFORE, MEAN_OF_WEEKS, MEAN_OF_DAYS, PROFILE, PROFILE_SLOW, DAY_PROFILE,
 PROFILE_SHIFTED, PROFILE_DECAYING, EWMA_FAST, EWMA_MIDDLE, WEEK_LEVEL, EWMA_SLOW, WEEK_MEDIAN,
 MONTH_MEDIAN, DAY_WEEK_MEDIAN, MEDIAN_OF_3_WEEKS, MEDIAN_OF_6_WEEKS, WEEKS_AND_LEVEL,
 WEEKS_AND_MEDIAN, EWMA_OF_WEEKS, EWMA_OF_WEEKS_TREND, BLEND) = range(24)  # fmt: skip


@kernel
def _mean_at_lags(view: View, rows: int, target: int, first: int, step: int, count: int) -> float:
    """Mean of the rows `first`, `first + step`, ... before the target; NaN where there is none."""
    size = len(view.ring)
    total, seen = 0.0, 0
    for k in range(count):
        row = target - first - k * step
        if row >= 0 and row > rows - size:
            total += view.ring[row % size]
            seen += 1
    return total / seen if seen > 0 else np.nan


@kernel
def _median_of_weeks(view: View, target: int, first: int, count: int) -> float:
    size, week = len(view.ring), len(view.week_profile)
    same = np.empty(count)
    seen = 0
    for k in range(count):
        row = target - first - k * week
        if row >= 0:
            same[seen] = view.ring[row % size]
            seen += 1
    if seen == 0:
        return np.nan
    ordered = same[:seen]
    sort(ordered)
    return float(0.5 * (ordered[(seen - 1) // 2] + ordered[seen // 2]))


@kernel
def _ewma_of_weeks(view: View, target: int, first: int, keep: float) -> float:
    size, week = len(view.ring), len(view.week_profile)
    total, mass, weight = 0.0, 0.0, 1.0
    for k in range(7):
        row = target - first - k * week
        if row >= 0:
            total += weight * view.ring[row % size]
            mass += weight
            weight *= keep
    return total / mass if mass > 0.0 else np.nan


@kernel
def _median_of_last_day(view: View, rows: int) -> float:
    day, size = len(view.day_profile), len(view.ring)
    count = min(day, rows)
    values = np.empty(count)
    for k in range(count):
        values[k] = view.ring[(rows - 1 - k) % size]
    sort(values)
    return sorted_quantile(values, count, 0.5)


@kernel
def _or(value: float, otherwise: float) -> float:
    return otherwise if np.isnan(value) else value


@kernel
def fill_levels(view: View, rows: int, out: Floats) -> None:
    """Fill the forecasts that are the same for every target; see `point_forecasts`."""
    levels, week = view.levels, len(view.week_profile)
    out[LAST] = view.ring[(rows - 1) % len(view.ring)]
    out[EWMA_FAST] = levels[FAST]
    out[EWMA_MIDDLE] = levels[MIDDLE]
    out[EWMA_SLOW] = levels[SLOW]
    out[WEEK_LEVEL] = levels[WEEK_SUM] / min(rows, week)
    out[WEEK_MEDIAN] = sorted_quantile(view.last_week, min(rows, week), 0.5)
    out[MONTH_MEDIAN] = sorted_quantile(view.last_month, min(rows, 4 * week), 0.5)
    out[DAY_WEEK_MEDIAN] = 0.5 * (_median_of_last_day(view, rows) + out[WEEK_MEDIAN])


@kernel
def _fill_seasons(view: View, rows: int, target: int, horizon: int, out: Floats) -> None:
    day, week = len(view.day_profile), len(view.week_profile)
    days = (horizon + day - 1) // day * day  # the nearest whole days that are already known
    weeks = (horizon + week - 1) // week * week
    out[DAY_BEFORE] = _or(_mean_at_lags(view, rows, target, days, day, 1), out[LAST])
    out[MEAN_OF_DAYS] = _or(_mean_at_lags(view, rows, target, days, day, 7), out[LAST])
    out[WEEK_BEFORE] = _or(_mean_at_lags(view, rows, target, weeks, week, 1), out[DAY_BEFORE])
    out[MEAN_OF_WEEKS] = _or(_mean_at_lags(view, rows, target, weeks, week, 3), out[DAY_BEFORE])
    out[MEDIAN_OF_3_WEEKS] = _or(_median_of_weeks(view, target, weeks, 3), out[MEAN_OF_DAYS])
    out[MEDIAN_OF_6_WEEKS] = _or(_median_of_weeks(view, target, weeks, 6), out[MEAN_OF_DAYS])
    out[EWMA_OF_WEEKS] = _or(_ewma_of_weeks(view, target, weeks, 0.6), out[MEAN_OF_DAYS])


@kernel
def _fill_profiles(view: View, rows: int, slot: int, horizon: int, out: Floats) -> None:
    levels, week = view.levels, len(view.week_profile)
    level = out[WEEK_LEVEL]
    slow_level = levels[THREE_WEEK_SUM] / min(rows, 3 * week)
    offset = profile(view, slot)
    out[PROFILE] = level + offset
    out[PROFILE_SLOW] = slow_level + offset
    out[DAY_PROFILE] = level + view.day_profile[slot % len(view.day_profile)]
    out[PROFILE_SHIFTED] = level + offset + levels[SHIFT]
    out[PROFILE_DECAYING] = level + offset + levels[DEVIATION] * 0.9**horizon
    out[WEEKS_AND_LEVEL] = 0.5 * (out[MEAN_OF_WEEKS] + level)
    out[WEEKS_AND_MEDIAN] = 0.5 * (out[MEDIAN_OF_6_WEEKS] + out[MONTH_MEDIAN])
    out[EWMA_OF_WEEKS_TREND] = out[EWMA_OF_WEEKS] + 0.5 * (level - slow_level)
    out[BLEND] = 0.5 * out[EWMA_OF_WEEKS] + 0.25 * out[MEAN_OF_DAYS] + 0.25 * out[EWMA_MIDDLE]


@kernel
def fill_of_target(view: View, rows: int, slot: int, horizon: int, out: Floats) -> None:
    """Fill the forecasts that differ by target, the others being there; see `point_forecasts`."""
    _fill_seasons(view, rows, rows - 1 + horizon, horizon, out)
    _fill_profiles(view, rows, slot, horizon, out)


@kernel
def point_forecasts(view: View, rows: int, slot: int, horizon: int, out: Floats) -> None:
    """Forecast the row `horizon` steps after the last one seen.

    Parameters
    ----------
    view
        A view that has learnt `rows` rows, one at least.
    slot
        Hour of the week of the target.
    out
        Shape (POINTS,), filled; every forecast is finite from the first row on.
    """
    fill_levels(view, rows, out)
    fill_of_target(view, rows, slot, horizon, out)
