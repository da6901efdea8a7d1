"""Experts that know a step of the day by its own past: quantiles tracked per step, workday or not.

What is tracked is the outcome less a level that was known at the origin (none, the last week's, and
so on): where and how far outcomes fall may differ from step to step, and what is skewed stays so.
Each quantile follows the pinball loss by steps that shrink with the visits (Robbins and Monro
1951), in units of the step's own mean absolute residual.
"""

from typing import NamedTuple

import numpy as np

from streams.models.compiled import kernel
from streams.models.demand.levels import MIXED
from streams.models.demand.points import MONTH_MEDIAN, WEEK_LEVEL
from streams.models.demand.sorted_window import Floats, sort

NO_LEVEL = -1
# (level, least gain): a gain of 0.02 remembers fifty visits of a step.
CLIMATES_OF = tuple(
    (level, gain) for level in (NO_LEVEL, WEEK_LEVEL, MONTH_MEDIAN) for gain in (0.02, 0.06)
)
CLIMATES = len(CLIMATES_OF)
LEVEL_POINT = np.array([level for level, _ in CLIMATES_OF], np.int64)
LEAST_GAIN = np.array([gain for _, gain in CLIMATES_OF])
LEVELS_3 = np.array(MIXED)
# A step's own quantiles against those of all steps, until it was visited often.
PRIOR_VISITS = 4.0
STRIDE = 2.5  # mean absolute residuals that a gain of 1 moves a quantile by
ALL_GAIN = 0.002


class Climate(NamedTuple):
    """State of one horizon; the last slot of an axis of slots stands for all of them."""

    quantiles: Floats  # (CLIMATES, slots + 1, 3): of the residuals
    spread: Floats  # (CLIMATES, slots + 1): mean absolute residual
    visits: Floats  # (slots + 1,)


def new_climate(day: int) -> Climate:
    """Return the state of which nothing is known, for `day` steps a day."""
    slots = 2 * day + 1
    return Climate(np.zeros((CLIMATES, slots, 3)), np.zeros((CLIMATES, slots)), np.zeros(slots))


@kernel
def _slot_of(slot: int, day: int) -> int:
    """Return the step of the day, those of weekends apart."""
    return slot % day + (day if slot >= 5 * day else 0)


@kernel
def _level(c: int, forecasts: Floats) -> float:
    point = LEVEL_POINT[c]
    return float(forecasts[point]) if point >= 0 else 0.0


@kernel
def _track(quantiles: Floats, residual: float, step: float) -> None:
    for t in range(3):
        below = 1.0 if residual < quantiles[t] else 0.0
        quantiles[t] += step * (LEVELS_3[t] - below)


@kernel
def learn(climate: Climate, slot: int, day: int, forecasts: Floats, value: float) -> None:
    """Learn an outcome.

    Parameters
    ----------
    slot
        Step of the week that the outcome is of.
    forecasts
        Point forecasts as of the origin, shape (POINTS,).
    """
    at, everywhere = _slot_of(slot, day), 2 * day
    climate.visits[at] += 1.0
    climate.visits[everywhere] += 1.0
    here, anywhere = climate.visits[at], climate.visits[everywhere]
    for c in range(CLIMATES):
        residual = value - _level(c, forecasts)
        spread, quantiles, least = climate.spread[c], climate.quantiles[c], LEAST_GAIN[c]
        spread[everywhere] += max(1.0 / anywhere, 0.003) * (abs(residual) - spread[everywhere])
        spread[at] += max(1.0 / here, least) * (abs(residual) - spread[at])
        if here == 1.0:
            quantiles[at] = quantiles[everywhere]
        unit = STRIDE * 0.5 * (spread[at] + spread[everywhere])
        _track(quantiles[at], residual, max(1.5 / (here + 1.0), least) * unit)
        unit = STRIDE * spread[everywhere]
        _track(quantiles[everywhere], residual, max(1.5 / (anywhere + 1.0), ALL_GAIN) * unit)


@kernel
def state(climate: Climate, slot: int, day: int, forecasts: Floats, out: Floats) -> None:
    """Fill what the climates state of a step.

    Parameters
    ----------
    out
        Shape (3, CLIMATES), rising along the first axis.
    """
    at, everywhere = _slot_of(slot, day), 2 * day
    own = climate.visits[at] / (climate.visits[at] + PRIOR_VISITS)
    three = np.empty(3)
    for c in range(CLIMATES):
        quantiles, level = climate.quantiles[c], _level(c, forecasts)
        for t in range(3):
            three[t] = level + own * quantiles[at, t] + (1.0 - own) * quantiles[everywhere, t]
        sort(three)
        for t in range(3):
            out[t, c] = three[t]
