"""Recursive quantile regression on what the point forecasts say.

Each residual is weighted by level / |residual|, which turns the pinball loss into a square around
the present fit (Hunter and Lange 2000, "Quantile regression via an MM algorithm"); the weighted
least squares are then updated recursively with forgetting.
"""

import math

import numpy as np

from streams.models.compiled import kernel
from streams.models.demand.experts import (
    FEATURES,
    REGRESSION_BASE,
    REGRESSION_COUNT,
    REGRESSION_FOURIER,
    REGRESSION_KEEP,
    REGRESSION_POINTS,
    REGRESSION_RIDGE,
    REGRESSION_VIEW,
)
from streams.models.demand.levels import MIXED
from streams.models.demand.points import EWMA_MIDDLE, LAST, POINTS
from streams.models.demand.sorted_window import Floats
from streams.models.demand.view import DEVIATION, DEVIATION_BEFORE, MEAN, NOISE, SPREAD, View

LEVELS_3 = np.array(MIXED)
# Circumstances of an origin in one view, beside its point forecasts.
C_DEVIATION, C_DEVIATION_BEFORE, C_CHANGE, C_NOISE, C_SPREAD, C_MEAN = range(6)
CIRCUMSTANCES = 6


def new_precision() -> Floats:
    """Return the inverse Hessians, shape (REGRESSIONS, 3, FEATURES, FEATURES), of no data."""
    eye = np.eye(FEATURES)
    return np.array([[eye / ridge] * 3 for ridge in REGRESSION_RIDGE])


@kernel
def fill_circumstances(view: View, rows: int, out: Floats) -> None:
    levels, size = view.levels, len(view.ring)
    out[C_DEVIATION] = levels[DEVIATION]
    out[C_DEVIATION_BEFORE] = levels[DEVIATION_BEFORE]
    out[C_CHANGE] = view.ring[(rows - 1) % size] - view.ring[(rows - 2) % size]
    out[C_NOISE] = levels[NOISE]
    out[C_SPREAD] = levels[SPREAD]
    out[C_MEAN] = levels[MEAN]


@kernel
def base_of(r: int, horizon: int, forecasts: Floats) -> float:
    """What regression `r` corrects."""
    point = REGRESSION_BASE[r]
    if point == LAST and horizon > 1:
        point = EWMA_MIDDLE
    return float(forecasts[REGRESSION_VIEW[r] * POINTS + point])


@kernel
def fill_features(
    r: int, horizon: int, slot: int, day: int, forecasts: Floats, around: Floats, z: Floats
) -> int:
    """Fill the features of regression `r`, in units of the spread; return their number."""
    first = REGRESSION_VIEW[r] * POINTS
    base, spread = base_of(r, horizon, forecasts), around[C_SPREAD]
    count = int(REGRESSION_COUNT[r])
    for c in range(count):
        z[c] = (forecasts[first + REGRESSION_POINTS[r, c]] - base) / spread
    z[count] = 1.0
    z[count + 1] = around[C_DEVIATION] / spread
    z[count + 2] = around[C_DEVIATION_BEFORE] / spread
    z[count + 3] = around[C_CHANGE] / spread
    z[count + 4] = around[C_NOISE] / spread
    z[count + 5] = abs(around[C_DEVIATION]) / spread
    z[count + 6] = (base - around[C_MEAN]) / spread
    z[count + 7] = 1.0 if slot >= 5 * day else 0.0
    used = count + 8
    if REGRESSION_FOURIER[r]:
        phase = 2.0 * math.pi * (slot % day) / day
        z[used] = 0.5 * math.sin(phase)
        z[used + 1] = 0.5 * math.cos(phase)
        z[used + 2] = 0.5 * math.sin(2.0 * phase)
        z[used + 3] = 0.5 * math.cos(2.0 * phase)
        used += 4
    for j in range(used):
        z[j] = min(max(z[j], -6.0), 6.0)
    return used


@kernel
def _weight(error: float, level: float, scale: float) -> float:
    side = level if error > 0.0 else 1.0 - level
    return min(side / max(abs(error), 0.1 * scale + 1e-6) * scale, 5.0)


@kernel
def learn_level(
    t: int, target: float, z: Floats, used: int, forgetting: float, ridge: float, errors: Floats,
    beta: Floats, inverse: Floats,
) -> None:  # fmt: skip
    """One step of one level.

    Parameters
    ----------
    target
        What the features are to explain, in units of the spread.
    forgetting, ridge
        Factor by which older outcomes count less at each step, and of the penalty at the start.
    errors, beta, inverse
        Mean absolute errors (3,), coefficients (3, features) and inverse Hessians
        (3, features, features).
    """
    error = target
    for j in range(used):
        error -= z[j] * beta[t, j]
    errors[t] += 0.02 * (min(abs(error), 10.0 * errors[t]) - errors[t])
    weight = _weight(error, LEVELS_3[t], errors[t])
    gain = np.zeros(used)
    total, trace = forgetting / weight, 0.0
    for j in range(used):
        for k in range(used):
            gain[j] += inverse[t, j, k] * z[k]
        total += z[j] * gain[j]
        trace += inverse[t, j, j]
    # No forgetting of directions that were never seen: the inverse would blow up.
    keep = forgetting if trace < used * 20.0 / ridge else 1.0
    for j in range(used):
        beta[t, j] += gain[j] / total * error
        for k in range(used):
            inverse[t, j, k] = (inverse[t, j, k] - gain[j] * gain[k] / total) / keep


@kernel
def learn(
    r: int, target: float, z: Floats, used: int, errors: Floats, beta: Floats, inverse: Floats
) -> None:
    """One step of all three levels of regression `r`; `target` is the outcome less the base."""
    for t in range(3):
        learn_level(
            t, target, z, used, REGRESSION_KEEP[r], REGRESSION_RIDGE[r], errors, beta, inverse
        )


@kernel
def predict(z: Floats, used: int, beta: Floats, level: int) -> float:
    """Return the fitted quantile, in units of the spread over the base."""
    fitted = 0.0
    for j in range(used):
        fitted += z[j] * beta[level, j]
    return fitted
