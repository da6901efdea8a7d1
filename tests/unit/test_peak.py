"""The largest of some steps: what the kernel leaves out of the sum does not show."""

import math

import numpy as np
import pytest

from streams.models.demand.levels import LEVELS, MEDIAN
from streams.models.demand.peak import EXTREMAL_INDEX, GRID, peak

ENDS = (0.005, 0.9999)


def plain(quantiles: np.ndarray) -> np.ndarray:
    """The same without a shortcut: the whole sum at every value of the grid."""
    steps, count = quantiles.shape
    middle, last = quantiles[:, MEDIAN], quantiles[:, -1]
    knots = np.column_stack(
        [2.0 * quantiles[:, 0] - middle, quantiles, 2.0 * last - middle + 1e-9]
    )  # fmt: skip
    levels = [ENDS[0], *LEVELS, ENDS[1]]
    low, top = quantiles[:, 0].max(), 2.0 * last.max() - middle.max()
    power = EXTREMAL_INDEX + (1.0 - EXTREMAL_INDEX) / steps
    out = quantiles.max(axis=0)
    reached = 0
    for value in low + (top - low) * np.arange(GRID + 1) / GRID:
        below = sum(math.log(_share(row, levels, value)) for row in knots)
        while reached < count and math.exp(power * below) >= LEVELS[reached]:
            out[reached] = max(out[reached], value)
            reached += 1
    out[reached:] = np.maximum(out[reached:], top)
    return np.maximum.accumulate(out)


def _share(row: np.ndarray, levels: list[float], value: float) -> float:
    if value >= row[-1]:
        return levels[-1]
    right = int(np.searchsorted(row, value, side="right"))
    if right == 0:
        return levels[0]
    share = (value - row[right - 1]) / (row[right] - row[right - 1])
    return levels[right - 1] + share * (levels[right] - levels[right - 1])


@pytest.mark.parametrize("steps", [1, 24, 60, 168])
@pytest.mark.parametrize("seed", range(8))
def test_the_peak_is_what_the_plain_sum_gives(steps: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    quantiles = np.sort(rng.gamma(1.5, 10.0 ** (seed - 3), (steps, len(LEVELS))), axis=1)
    assert peak(quantiles) == pytest.approx(plain(quantiles), rel=1e-9)
