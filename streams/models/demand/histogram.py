"""Histograms of standardised residuals that forget: quantiles in fixed space."""

import math

import numpy as np

from streams.models.compiled import kernel
from streams.models.demand.sorted_window import Floats

# Bins are even in asinh(residual / CORE): fine in the middle, 19 % wide in the tails, to +-270
# scales.
BINS = 72
CORE = 0.05
REACH = 7.0
EDGES = CORE * np.sinh(np.linspace(-REACH, REACH, BINS + 1))
MASS = 2.0  # of the prior, in residuals


def prior(scale_of_normal: float) -> Floats:
    """Return a histogram that holds MASS residuals of a normal distribution."""
    below = np.array([math.erf(edge / scale_of_normal / math.sqrt(2.0)) for edge in EDGES])
    share: Floats = np.diff(below)
    scaled: Floats = MASS * share / share.sum()
    return scaled


@kernel
def bin_of(residual: float) -> int:
    """Bin of a standardised residual; what lies beyond the reach (or is NaN) is in an end bin."""
    place = (math.asinh(residual / CORE) + REACH) * (BINS / (2.0 * REACH))
    if not place > 0.0:
        return 0
    return int(min(place, BINS - 1.0))


@kernel
def add(histogram: Floats, residual: float, keep: float) -> None:
    """Age all residuals by the factor `keep` and add one."""
    for k in range(BINS):
        histogram[k] *= keep
    histogram[bin_of(residual)] += 1.0


@kernel
def fill_quantiles(histogram: Floats, levels: Floats, out: Floats) -> None:
    """Quantiles at rising `levels`, interpolated within their bins, at rank level (n + 1)."""
    total = 0.0
    for k in range(BINS):
        total += histogram[k]
    k, below = 0, 0.0
    for j in range(len(levels)):
        rank = min(max(levels[j] * (total + 1.0) - 0.5, 0.02 * total), total - 0.01)
        while k < BINS - 1 and below + histogram[k] < rank:
            below += histogram[k]
            k += 1
        share = (rank - below) / histogram[k] if histogram[k] > 0.0 else 0.0
        share = min(max(share, 0.0), 1.0)
        out[j] = EDGES[k] + share * (EDGES[k + 1] - EDGES[k])
