"""How far a point is from what the series shows at that time of the day.

Means and variances in 48 bins of the day, of the inverse hyperbolic sine of the value: near zero
that is the value itself, far from it the logarithm, so that spiky metrics (requests, tweets,
bytes) do not hide all but their largest spike, and negative values are allowed.
"""

import math

from streams.models.anomaly.scale import MEAN, SEEN, Floats, relative, spread
from streams.models.compiled import kernel

BINS = 48
DAY_S = 86_400.0
# In slots: means, variances and counts of the bins, then mean and variance over all of them.
MEANS, VARIANCES, COUNTS = 0, BINS, 2 * BINS
ALL_MEAN, ALL_VARIANCE, SMOOTHED = 3 * BINS, 3 * BINS + 1, 3 * BINS + 2
PROFILE_SLOTS = 3 * BINS + 3
LEAST_COUNT = 5.0  # a bin with fewer points is not trusted; the whole day's spread stands in
LEAST_POINTS = 10.0
FLOOR = 0.05  # of the whole day's spread: a bin that was constant so far is not certain
SLOWEST_BIN_GAIN = 0.01  # about 100 visits of a bin
SLOWEST_DAY_GAIN = 0.001
SMOOTHING = 0.3  # the second feature: several points in a row on one side
CLIP = 8.0
LARGEST = 1e150  # a tiny unit must not make infinity of a value


@kernel
def compression(scale: Floats) -> float:
    """Return the size above which values are seen on a logarithmic scale."""
    return 0.1 * (abs(float(scale[MEAN])) + spread(scale))


@kernel
def compressed(scale: Floats, value: float) -> float:
    """Inverse hyperbolic sine of a value in units of the series' size."""
    unit = compression(scale)
    if unit <= 0.0:
        return 0.0
    return math.asinh(min(max(value / unit, -LARGEST), LARGEST))


@kernel
def bin_of(time_s: float) -> int:
    """Bin of the day, 0 to 47."""
    return min(int((time_s % DAY_S) / DAY_S * BINS), BINS - 1)


@kernel
def centre_and_width(profile: Floats, where: int) -> tuple[float, float]:
    """Mean and standard deviation, compressed, that hold in a bin."""
    overall = math.sqrt(profile[ALL_VARIANCE])
    if profile[COUNTS + where] <= LEAST_COUNT:
        return profile[ALL_MEAN], overall
    width = math.sqrt(profile[VARIANCES + where]) + FLOOR * overall
    return profile[MEANS + where], width


@kernel
def measure_profile(
    profile: Floats, scale: Floats, value: float, time_s: float, out: Floats
) -> None:
    """Distance from the profile in standard deviations: of the point, and smoothed."""
    if scale[SEEN] <= LEAST_POINTS:
        return
    centre, width = centre_and_width(profile, bin_of(time_s))
    gap = compressed(scale, value) - centre
    out[0] = relative(abs(gap), width)
    signed = math.copysign(min(out[0], CLIP), gap)
    profile[SMOOTHED] += SMOOTHING * (signed - profile[SMOOTHED])
    out[1] = abs(profile[SMOOTHED])


@kernel
def learn_profile(profile: Floats, scale: Floats, value: float, time_s: float) -> None:
    """Move the bin's and the day's mean and variance towards the point.

    The very first point has no scale yet to be seen on and is left out.
    """
    if scale[SEEN] == 0.0:
        return
    point = compressed(scale, value)
    where = bin_of(time_s)
    profile[COUNTS + where] += 1.0
    gain = max(1.0 / profile[COUNTS + where], SLOWEST_BIN_GAIN)
    _follow(profile, MEANS + where, VARIANCES + where, point, gain)
    gain = max(1.0 / scale[SEEN], SLOWEST_DAY_GAIN)
    _follow(profile, ALL_MEAN, ALL_VARIANCE, point, gain)


@kernel
def _follow(profile: Floats, mean: int, variance: int, point: float, gain: float) -> None:
    step = point - profile[mean]
    profile[mean] += gain * step
    profile[variance] = (1.0 - gain) * (profile[variance] + gain * step * step)
