"""Experts that look for days like the last ones, and at what followed them.

Nearest neighbours in the series' own past (Lora et al. 2007; Lorenz 1969 calls them analogues): the
same step of each earlier day is compared by its last hours with the last hours now. What followed
the likest, weighted by likeness, is taken as the distribution of what follows.
"""

import math

import numpy as np

from streams.models.compiled import kernel
from streams.models.demand.levels import MIXED
from streams.models.demand.sorted_window import Floats
from streams.models.demand.view import View

# (days compared, whether the two levels are taken off before and their difference put back).
ANALOGS_OF = ((1, False), (1, True), (3, False), (3, True))
ANALOGS = len(ANALOGS_OF)
DAYS_COMPARED = np.array([days for days, _ in ANALOGS_OF], np.int64)
IS_SHIFTED = np.array([is_shifted for _, is_shifted in ANALOGS_OF])
CANDIDATES = 53  # days back: the history of eight weeks less the three days compared
FEWEST = 3
NEAR = 10  # the tenth in likeness is the unit of distance
OTHER_WEEKDAY = 1.15  # times as far
SHARPNESS = 1.5
LEVELS_3 = np.array(MIXED)
MOST_COMPARED = 48  # steps of a day: of more, every second or n-th
# Slots of a candidate's likeness.
DISTANCE, SHIFT = 0, 1


@kernel
def _last_values(view: View, rows: int, out: Floats) -> int:
    """Copy the newest of the history, oldest first; return how many there are."""
    size = len(view.ring)
    count = min(rows, size, len(out))
    for k in range(count):
        out[k] = view.ring[(rows - count + k) % size]
    return count


@kernel
def _compare(now: Floats, then: Floats, is_shifted: bool, likeness: Floats) -> None:
    """Fill mean absolute distance and difference of the levels of two equally long stretches."""
    shift, far = 0.0, 0.0
    if is_shifted:
        shift = now.mean() - then.mean()
    for k in range(len(now)):
        far += abs(now[k] - then[k] - shift)
    likeness[DISTANCE], likeness[SHIFT] = far / len(now), shift


@kernel
def compare_days(view: View, rows: int, out: Floats) -> None:
    """Compare the present with the same step of earlier days, once for all horizons.

    Parameters
    ----------
    out
        Shape (ANALOGS, CANDIDATES, 2), filled; the distance is infinite where there was no day.
    """
    day = len(view.day_profile)
    values = np.empty((CANDIDATES + 4) * day)
    count = _last_values(view, rows, values)
    out[:, :, DISTANCE] = np.inf
    every = max(day // MOST_COMPARED, 1)
    for a in range(ANALOGS):
        length = DAYS_COMPARED[a] * day
        for k in range(CANDIDATES):
            end = count - (k + 1) * day
            if end < length:
                break
            now, then = values[count - length : count : every], values[end - length : end : every]
            _compare(now, then, IS_SHIFTED[a], out[a, k])
            if (k + 1) % 7 != 0:
                out[a, k, DISTANCE] *= OTHER_WEEKDAY


@kernel
def _quantiles(followed: Floats, weights: Floats, out: Floats) -> None:
    """Fill the quantiles at MIXED of weighted values."""
    order = np.argsort(followed)
    total, passed, t = weights.sum(), 0.0, 0
    for k in order:
        passed += weights[k]
        while t < 3 and passed >= LEVELS_3[t] * total:
            out[t] = followed[k]
            t += 1
    while t < 3:
        out[t] = followed[order[-1]]
        t += 1


@kernel
def state(view: View, rows: int, horizon: int, likeness: Floats, out: Floats) -> bool:
    """Fill the three quantiles that one analog states; False where too few days are known.

    Parameters
    ----------
    likeness
        Of its candidates, shape (CANDIDATES, 2).
    """
    day, size = len(view.day_profile), len(view.ring)
    followed, far, count = np.empty(CANDIDATES), np.empty(CANDIDATES), 0
    for k in range(CANDIDATES):
        ahead = rows - 1 - (k + 1) * day + horizon
        if ahead >= rows or ahead < 0 or math.isinf(likeness[k, DISTANCE]):
            continue
        followed[count] = view.ring[ahead % size] + likeness[k, SHIFT]
        far[count] = likeness[k, DISTANCE]
        count += 1
    if count < FEWEST:
        return False
    unit = np.sort(far[:count])[min(NEAR, count) - 1] + 1e-12
    weights = np.exp(-SHARPNESS * (far[:count] / unit) ** 2)
    _quantiles(followed[:count], weights, out)
    return True
