"""Steps between the anchors, from what the anchors state."""

import math

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.demand.levels import MEDIAN
from streams.models.demand.sorted_window import Floats, sort
from streams.models.demand.view import View, profile

Steps = npt.NDArray[np.int64]
TINY = 1e-9


@kernel
def _right_anchor(horizons: Steps, step: int) -> int:
    """Return the first anchor not before the step, else the last."""
    for a in range(len(horizons)):
        if horizons[a] >= step:
            return a
    return len(horizons) - 1


@kernel
def _add_share(out: Floats, issued: Floats, offset: float, stretch: float, weight: float) -> None:
    """Add `weight` of an anchor's quantiles, moved by `offset` and stretched around the median."""
    for j in range(len(out)):
        out[j] += weight * (issued[MEDIAN] + offset + (issued[j] - issued[MEDIAN]) * stretch)


@kernel
def fill_steps(
    horizons: Steps, issued: Floats, errors: Floats, view: View, slot: int, steps: Steps,
    out: Floats,
) -> None:  # fmt: skip
    """Fill the quantiles of any steps.

    An anchor's own horizon is what it issued, to the bit. Between two, their offsets from the
    seasonal profile are interpolated over the logarithm of the horizon, their spreads in units of
    each hour's usual error; beyond the last one its offsets stay.

    Parameters
    ----------
    horizons, issued, errors
        Anchors by rising horizon: shapes (A,), (A, 8) and (A, day), the last the mean absolute
        error of the profile by hour of day.
    slot
        Hour of the week of the last row seen.
    steps, out
        Steps ahead, shape (n,), and their quantiles, shape (n, 8).
    """
    week, day = len(view.week_profile), len(view.day_profile)
    for k in range(len(steps)):
        step = steps[k]
        right = _right_anchor(horizons, step)
        if horizons[right] == step:
            out[k] = issued[right]
            continue
        left = right - 1 if horizons[right] > step else right
        share = 0.0
        if left != right:
            share = math.log(step / horizons[left]) / math.log(horizons[right] / horizons[left])
        target = (slot + step) % week
        out[k] = 0.0
        for side in range(2):
            a, weight = (left, 1.0 - share) if side == 0 else (right, share)
            source = (slot + horizons[a]) % week
            usual = (errors[a, target % day] + TINY) / (errors[a, source % day] + TINY)
            offset = profile(view, target) - profile(view, source)
            _add_share(out[k], issued[a], offset, min(max(usual, 0.2), 5.0), weight)
        sort(out[k])
