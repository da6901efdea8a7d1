"""Steps between the anchors, from what the anchors state."""

import math

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.demand.levels import MEDIAN
from streams.models.demand.points import POINTS, fill_levels, fill_of_target
from streams.models.demand.sorted_window import Floats, sort
from streams.models.demand.view import View

Steps = npt.NDArray[np.int64]
TINY = 1e-9
# A point forecast that errs twice as much as the best counts 2^-8 of it in the path.
SHARPNESS = 8.0


@kernel
def _right_anchor(horizons: Steps, step: int) -> int:
    """Return the first anchor not before the step, else the last."""
    for a in range(len(horizons)):
        if horizons[a] >= step:
            return a
    return len(horizons) - 1


@kernel
def _fill_weights(steady: Floats, out: Floats) -> None:
    """Weigh the point forecasts by their mean absolute errors over the anchors, (A, POINTS).

    Over all of them: at whole days the last value is as good as the day before, and a bad path.
    """
    out[:] = 0.0
    for a in range(len(steady)):
        out += (steady[a] + TINY) / (steady[a].mean() + TINY)
    out[:] = (out.min() / out) ** SHARPNESS
    out /= out.sum()


@kernel
def _add_share(out: Floats, issued: Floats, offset: float, stretch: float, weight: float) -> None:
    """Add `weight` of an anchor's quantiles, moved by `offset` and stretched around the median."""
    for j in range(len(out)):
        out[j] += weight * (issued[MEDIAN] + offset + (issued[j] - issued[MEDIAN]) * stretch)


@kernel
def fill_steps(
    horizons: Steps, issued: Floats, errors: Floats, steady: Floats, view: View, rows: int,
    slot: int, steps: Steps, out: Floats,
) -> None:  # fmt: skip
    """Fill the quantiles of any steps.

    An anchor's own horizon is what it issued, to the bit. Between two, their offsets from a path
    are interpolated over the logarithm of the horizon, their spreads in units of each hour's usual
    error; beyond the last one its offsets stay. The path is the mean of the point forecasts, those
    that err little counting most.

    Parameters
    ----------
    horizons, issued, errors, steady
        Anchors by rising horizon: shapes (A,), (A, 8), (A, day), the mean absolute error of the
        profile by hour of day, and (A, POINTS), that of each point forecast.
    view
        The values, `rows` of them.
    slot
        Hour of the week of the last row seen.
    steps, out
        Steps ahead, shape (n,), and their quantiles, shape (n, 8).
    """
    week, day = len(view.week_profile), len(view.day_profile)
    weights, points, path = np.empty(POINTS), np.empty(POINTS), np.empty(len(horizons))
    _fill_weights(steady, weights)
    fill_levels(view, rows, points)
    for a in range(len(horizons)):
        fill_of_target(view, rows, (slot + horizons[a]) % week, horizons[a], points)
        path[a] = np.dot(weights, points)
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
        fill_of_target(view, rows, target, step, points)
        here = np.dot(weights, points)
        out[k] = 0.0
        for side in range(2):
            a, weight = (left, 1.0 - share) if side == 0 else (right, share)
            source = (slot + horizons[a]) % week
            usual = (errors[a, target % day] + TINY) / (errors[a, source % day] + TINY)
            stretch = min(max(usual, 0.2), 5.0)
            _add_share(out[k], issued[a], here - path[a], stretch, weight)
        sort(out[k])
