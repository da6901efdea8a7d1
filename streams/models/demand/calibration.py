"""Keeps the promise of an interval: tails tracked online, inner quantiles by the residuals' shape.

The tails follow the online quantile tracking of conformal PID (Angelopoulos, Candes and Tibshirani
2023) with delayed feedback, in units of the forecast's own half widths.
"""

import math

import numpy as np

from streams.models.compiled import kernel
from streams.models.demand.histogram import add, fill_quantiles
from streams.models.demand.levels import HIGH, LEVELS, LOW, MEDIAN
from streams.models.demand.sorted_window import Floats

SHORT_BELOW, SHORT_ABOVE = 0, 1  # slots of the state: what the half widths lack
STATES = 2
STEP = 0.01
LEVELS_TAIL = 0.05
LEVEL_ARRAY = np.array(LEVELS)
SHAPE_KEEP = 1.0 - 1.0 / 1000.0


@kernel
def learn_coverage(state: Floats, horizon: int, low: float, high: float, outcome: float) -> None:
    """Widen the side that missed, narrow a little the one that did not."""
    step = STEP / math.sqrt(horizon)
    state[SHORT_BELOW] += step * ((1.0 if outcome < low else 0.0) - LEVELS_TAIL)
    state[SHORT_ABOVE] += step * ((1.0 if outcome > high else 0.0) - LEVELS_TAIL)
    state[SHORT_BELOW] = min(max(state[SHORT_BELOW], -0.7), 3.0)
    state[SHORT_ABOVE] = min(max(state[SHORT_ABOVE], -0.7), 3.0)


@kernel
def learn_shape(shape: Floats, issued: Floats, outcome: float) -> None:
    """Learn where the outcome fell, in half widths of the calibrated interval."""
    low, middle, high = issued[LOW], issued[MEDIAN], issued[HIGH]
    half = middle - low if outcome < middle else high - middle
    if half > 0.0:
        add(shape, (outcome - middle) / half, SHAPE_KEEP)


@kernel
def fill_calibrated(
    state: Floats, shape: Floats, horizon: int, rows: int, mixed: Floats, out: Floats
) -> None:
    """Fill the eight quantiles from the three that were mixed.

    A forecast far ahead of little history is widened by 1 + horizon / rows.
    """
    middle = mixed[1]
    below, above = max(middle - mixed[0], 0.0), max(mixed[2] - middle, 0.0)
    floor = 0.05 * (below + above)
    widened = 1.0 + (horizon / (rows + 1.0) if horizon > 1 else 0.0)
    below = max(below, floor) * max(widened + state[SHORT_BELOW], 0.05)
    above = max(above, floor) * max(widened + state[SHORT_ABOVE], 0.05)
    fill_quantiles(shape, LEVEL_ARRAY, out)
    for j in range(len(out)):
        out[j] = min(max(out[j], -1.0), 1.0) if j < HIGH else max(out[j], 1.0)
        out[j] = min(out[j], 0.0) if j < MEDIAN else max(out[j], 0.0)
    out[LOW], out[MEDIAN], out[HIGH] = -1.0, 0.0, 1.0
    for j in range(len(out)):
        out[j] = middle + out[j] * (below if j < MEDIAN else above)
