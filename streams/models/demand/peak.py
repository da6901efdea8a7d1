"""Quantiles of the largest of some steps."""

import math

import numpy as np

from streams.models.compiled import kernel
from streams.models.demand.levels import LEVELS, MEDIAN
from streams.models.demand.sorted_window import Floats

# Steps of a window are far from independent: their maximum is spread like that of this share of as
# many independent ones (the extremal index of Leadbetter 1983).
EXTREMAL_INDEX = 0.3
GRID = 64
_KNOTS = np.array([0.005, *LEVELS, 0.9999])  # probabilities at the ends, one half width beyond
_LEVELS = np.array(LEVELS)


@kernel
def _log_probability(row: Floats, value: float) -> float:
    """Log probability that a step with quantiles `row` stays below a value."""
    last = len(row) - 1
    x, p = 2.0 * row[0] - row[MEDIAN], _KNOTS[0]
    if value <= x:
        return math.log(p)
    for j in range(last + 2):
        upper = row[j] if j <= last else 2.0 * row[last] - row[MEDIAN] + 1e-9
        if value < upper:
            share = (value - x) / (upper - x)
            return math.log(p + share * (_KNOTS[j + 1] - p))
        x, p = upper, _KNOTS[j + 1]
    return math.log(p)


@kernel
def peak(quantiles: Floats) -> Floats:
    """Quantiles of the largest of some steps, shape (8,), from theirs, shape (steps, 8).

    Never below the largest of the steps' own quantiles.

    Examples
    --------
    >>> one = np.array([[1.0, 2, 3, 4, 5, 6, 7, 8]])
    >>> day = peak(np.repeat(one, 24, 0))
    >>> bool((day >= one[0]).all()), bool((np.diff(day) >= 0).all())
    (True, True)
    """
    steps, count = quantiles.shape
    out = np.empty(count)
    for j in range(count):
        out[j] = quantiles[:, j].max()
    low, top = out[0], 2.0 * out[count - 1] - out[MEDIAN]
    power = EXTREMAL_INDEX + (1.0 - EXTREMAL_INDEX) / steps
    j = 0
    for g in range(GRID + 1):
        if j == count:
            break
        value = low + (top - low) * g / GRID
        # Each step only lowers the sum: the first few of a week show that a value is too low. It
        # takes 0.65 of the time of the whole sum, and 0.5 for an hour's steps.
        too_low = math.log(_LEVELS[j]) / power - 1e-9
        below = 0.0
        for k in range(steps):
            below += _log_probability(quantiles[k], value)
            if below < too_low:
                break
        while j < count and math.exp(power * below) >= _LEVELS[j]:
            out[j] = max(out[j], value)
            j += 1
    for k in range(j, count):
        out[k] = max(out[k], top)
    for k in range(1, count):
        out[k] = max(out[k], out[k - 1])
    return out
