"""Running mean and spread of a series, and the ratio of a distance to a spread."""

import math

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel

Floats = npt.NDArray[np.float64]

SEEN, MEAN, VARIANCE = 0, 1, 2
SCALE_SLOTS = 3
# The spread of the last 2,000 points or so: long enough that an incident hardly moves it.
SLOWEST_GAIN = 0.0005
LARGEST_RATIO = 2048.0


@kernel
def spread(scale: Floats) -> float:
    """Return the standard deviation; below 1e-9 of the mean it would be rounding noise."""
    return float(math.sqrt(scale[VARIANCE]) + 1e-9 * abs(scale[MEAN]))


@kernel
def learn_scale(scale: Floats, value: float) -> None:
    """Follow the mean and the variance, averaging over all points at first."""
    if scale[SEEN] == 0.0:
        scale[MEAN] = value
    scale[SEEN] += 1.0
    gain = max(1.0 / scale[SEEN], SLOWEST_GAIN)
    step = value - scale[MEAN]
    scale[MEAN] += gain * step
    scale[VARIANCE] = (1.0 - gain) * (scale[VARIANCE] + gain * step * step)


@kernel
def relative(distance: float, size: float) -> float:
    """Return distance / size for non-negative numbers, at most 2048 (also where size is 0)."""
    if distance <= 0.0:
        return 0.0
    if distance >= LARGEST_RATIO * size:
        return LARGEST_RATIO
    return distance / size
