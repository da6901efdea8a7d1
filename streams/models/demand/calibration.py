"""Keeps the promise of an interval: tails tracked online, inner quantiles by the residuals' shape.

The tails follow the online quantile tracking of conformal PID (Angelopoulos, Candes and Tibshirani
2023) with delayed feedback, in units of the forecast's own half widths.
"""

import numpy as np

from streams.models.compiled import kernel
from streams.models.demand.histogram import add, fill_quantiles
from streams.models.demand.levels import HIGH, LEVELS, LOW, MEDIAN
from streams.models.demand.sorted_window import Floats

# Slots of the state: what the half widths lack; how far outcomes fall from the median, in half
# widths as mixed, and of how many that is known.
SHORT_BELOW, SHORT_ABOVE, FAR, SEEN = range(4)
STATES = 4
# Slots of the rhythm: the same by step of the day.
RHYTHM_SLOTS = 2
RHYTHM_FAR, VISITS = range(RHYTHM_SLOTS)
RHYTHM_GAIN, ALL_GAIN = 0.03, 0.001
FEWEST_VISITS = 4.0
VISITS_PRIOR = 40.0
CHANCE = 3.6  # six times the variance of one outcome's distance, in units of its mean
TINY = 1e-12
LEAST_REACH = 12.0  # rows: less is not enough to believe the interval of the next one
FARTHEST = 4.0  # half widths that one outcome counts for at most
# Of the tracker an hour ahead; beyond it shrinks by the cube root of the horizon. By the square
# root, months of unrest were covered .84 a day ahead (tests/unit/test_demand_coverage.py).
STEP = 0.01
LEVELS_TAIL = 0.05
LEVEL_ARRAY = np.array(LEVELS)
SHAPE_KEEP = 1.0 - 1.0 / 1000.0


@kernel
def learn_coverage(state: Floats, horizon: int, low: float, high: float, outcome: float) -> None:
    """Widen the side that missed, narrow a little the one that did not."""
    step = STEP * float(horizon) ** (-1.0 / 3.0)
    state[SHORT_BELOW] += step * ((1.0 if outcome < low else 0.0) - LEVELS_TAIL)
    state[SHORT_ABOVE] += step * ((1.0 if outcome > high else 0.0) - LEVELS_TAIL)
    state[SHORT_BELOW] = min(max(state[SHORT_BELOW], -0.7), 3.0)
    state[SHORT_ABOVE] = min(max(state[SHORT_ABOVE], -0.7), 3.0)


@kernel
def learn_rhythm(state: Floats, rhythm: Floats, error: float, half: float) -> None:
    """Learn how far outcomes fall at one step of the day, and at all.

    Parameters
    ----------
    rhythm
        Of the step of the day, shape (RHYTHM_SLOTS,).
    error, half
        Absolute error of the median, and half the interval's width as mixed.
    """
    if not half > 0.0:
        return
    far = min(error / half, FARTHEST)
    state[SEEN] += 1.0
    state[FAR] += max(1.0 / state[SEEN], ALL_GAIN) * (far - state[FAR])
    rhythm[VISITS] += 1.0
    rhythm[RHYTHM_FAR] += max(1.0 / rhythm[VISITS], RHYTHM_GAIN) * (far - rhythm[RHYTHM_FAR])


@kernel
def restlessness(state: Floats, rhythm: Floats) -> float:
    """By how much a step of the day is more restless than its mixed interval says.

    Shrunk to 1. A quieter step than all is believed where it is far from what chance does, as
    James and Stein (1961) do, positive part; a more restless one may be so by one outlier.
    """
    if not state[FAR] > 0.0:
        return 1.0
    visits = rhythm[VISITS]
    beyond = min(rhythm[RHYTHM_FAR] / state[FAR], FARTHEST) - 1.0
    known = min(visits, 1.0 / RHYTHM_GAIN)
    believed = known / (known + VISITS_PRIOR)
    if beyond < 0.0 and visits >= FEWEST_VISITS:
        chance = CHANCE / min(visits, 2.0 / RHYTHM_GAIN)
        believed = max(believed, 1.0 - chance / (beyond * beyond + TINY))
    return float(1.0 + believed * beyond)


@kernel
def learn_shape(shape: Floats, issued: Floats, outcome: float) -> None:
    """Learn where the outcome fell, in half widths of the calibrated interval."""
    low, middle, high = issued[LOW], issued[MEDIAN], issued[HIGH]
    half = middle - low if outcome < middle else high - middle
    if half > 0.0:
        add(shape, (outcome - middle) / half, SHAPE_KEEP)


@kernel
def widening(horizon: int, rows: int) -> float:
    """Return what half widths of little history are multiplied by, 2 at most.

    Examples
    --------
    >>> round(widening(24, 0), 2), round(widening(24, 24), 2), round(widening(24, 600), 2)
    (2.0, 1.5, 1.04)
    """
    reach = max(horizon, LEAST_REACH)
    return 1.0 + reach / (rows + reach)


@kernel
def fill_calibrated(
    state: Floats, shape: Floats, widened: float, stretch: float, mixed: Floats, out: Floats
) -> None:
    """Fill the eight quantiles from the three that were mixed.

    Parameters
    ----------
    widened
        Half widths, in half widths as mixed, before what was missed is made up for.
    stretch
        The step's restlessness.
    """
    middle = mixed[1]
    below, above = max(middle - mixed[0], 0.0), max(mixed[2] - middle, 0.0)
    floor = 0.05 * (below + above)
    below = max(below, floor) * max(widened + state[SHORT_BELOW], 0.05) * stretch
    above = max(above, floor) * max(widened + state[SHORT_ABOVE], 0.05) * stretch
    fill_quantiles(shape, LEVEL_ARRAY, out)
    for j in range(len(out)):
        out[j] = min(max(out[j], -1.0), 1.0) if j < HIGH else max(out[j], 1.0)
        out[j] = min(out[j], 0.0) if j < MEDIAN else max(out[j], 0.0)
    out[LOW], out[MEDIAN], out[HIGH] = -1.0, 0.0, 1.0
    for j in range(len(out)):
        out[j] = middle + out[j] * (below if j < MEDIAN else above)
