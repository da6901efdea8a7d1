"""Steps between the anchors, and the peak of a window, from what the anchors state."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from streams.models.demand.anchor import TINY, Anchor
from streams.models.demand.levels import LEVELS
from streams.models.demand.points import PROFILE
from streams.models.demand.sorted_window import Floats
from streams.models.demand.view import View, profile

# Steps of a window are far from independent: its maximum is spread like that of this share of as
# many independent steps (an extremal index).
EXTREMAL_INDEX = 0.3
_GRID = 65


def _offsets(anchor: Anchor, issued: Floats, view: View, slot: int) -> tuple[Floats, float]:
    """What an anchor states over the seasonal profile, and the usual error at that hour."""
    scale = float(anchor.hourly[PROFILE, slot % len(view.day_profile)]) + TINY
    return issued - profile(view, slot), scale


def between(
    anchors: Sequence[tuple[int, Anchor, Floats]], view: View, slot: int, step: int
) -> npt.NDArray[np.float64]:
    """Quantiles of a step that has no anchor.

    The neighbouring anchors' offsets from the seasonal profile are interpolated over the logarithm
    of the horizon, in units of each hour's usual error.

    Parameters
    ----------
    anchors
        (horizon, state, quantiles issued), by rising horizon.
    slot
        Hour of the week of the last row seen.
    step
        At least the first anchor's horizon; beyond the last one its offsets stay.
    """
    week = len(view.week_profile)
    right = next((k for k, (h, _, _) in enumerate(anchors) if h >= step), len(anchors) - 1)
    left = max(right - 1, 0) if anchors[right][0] > step else right
    low, high = anchors[left], anchors[right]
    share = 0.0
    if left != right:
        share = math.log(step / low[0]) / math.log(high[0] / low[0])
    target = (slot + step) % week
    mixed = np.zeros(len(LEVELS))
    centre = 0.0
    for weight, (horizon, anchor, issued) in ((1.0 - share, low), (share, high)):
        offsets, scale = _offsets(anchor, issued, view, (slot + horizon) % week)
        here = float(anchor.hourly[PROFILE, target % len(view.day_profile)]) + TINY
        median = float(offsets[3])
        centre += weight * median
        mixed += weight * (offsets - median) * min(max(here / scale, 0.2), 5.0)
    return np.sort(profile(view, target) + centre + mixed)


def peak(quantiles: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Quantiles of the largest of some steps, shape (8,), from theirs, shape (steps, 8).

    Examples
    --------
    >>> one = np.array([[1.0, 2, 3, 4, 5, 6, 7, 8]])
    >>> bool((peak(np.repeat(one, 24, 0)) >= one[0]).all())
    True
    """
    levels = np.array(LEVELS)
    low, high = quantiles[:, 0].max(), quantiles[:, -1].max()
    top = high + (high - quantiles[:, 3].max())
    grid = np.linspace(low, top, _GRID)
    knots = np.concatenate([[0.005], levels, [0.9999]])
    log_below = np.zeros(_GRID)
    for row in quantiles:
        first = row[0] - (row[3] - row[0])
        points = np.concatenate([[first], row, [row[-1] + max(row[-1] - row[3], TINY)]])
        log_below += np.log(np.interp(grid, points, knots))
    share = EXTREMAL_INDEX + (1.0 - EXTREMAL_INDEX) / len(quantiles)
    spread = np.interp(levels, np.exp(share * log_below), grid)
    return np.maximum.accumulate(np.maximum(spread, quantiles.max(axis=0)))
