"""How far a series goes beyond all it has reached before, point by point and smoothed.

The range of the points catches spikes; the ranges of averages over 6, 24 and 96 points catch a
level held longer than ever, which no single point of it shows.
"""

from streams.models.anomaly.scale import SEEN, Floats, relative
from streams.models.compiled import kernel

SPANS = (6.0, 24.0, 96.0)
AVERAGES = 3
LEAST_POINTS = 5.0
# In slots: highest and lowest point; then average, highest and lowest average of each span.
HIGH, LOW, AVERAGE, HIGHEST, LOWEST = 0, 1, 2, 2 + AVERAGES, 2 + 2 * AVERAGES
NOVELTY_SLOTS = 2 + 3 * AVERAGES
NOVELTIES = 2 + AVERAGES


@kernel
def measure_novelty(novelty: Floats, scale: Floats, value: float, out: Floats) -> None:
    """Excess over the range so far, in units of that range: above, below, of each average."""
    seen = scale[SEEN]
    if seen > LEAST_POINTS:
        reach = novelty[HIGH] - novelty[LOW]
        out[0] = relative(value - novelty[HIGH], reach)
        out[1] = relative(novelty[LOW] - value, reach)
    for k in range(AVERAGES):
        if seen > 2.0 * SPANS[k]:
            average = _next_average(novelty, k, value)
            reach = novelty[HIGHEST + k] - novelty[LOWEST + k]
            beyond = max(average - novelty[HIGHEST + k], novelty[LOWEST + k] - average)
            out[2 + k] = relative(beyond, reach)


@kernel
def _next_average(novelty: Floats, k: int, value: float) -> float:
    gain = 2.0 / (SPANS[k] + 1.0)
    return float(novelty[AVERAGE + k] + gain * (value - novelty[AVERAGE + k]))


@kernel
def learn_novelty(novelty: Floats, scale: Floats, value: float) -> None:
    """Widen the ranges to the point and to the averages with it."""
    seen = scale[SEEN]
    if seen == 0.0:
        novelty[:] = value
    novelty[HIGH] = max(novelty[HIGH], value)
    novelty[LOW] = min(novelty[LOW], value)
    for k in range(AVERAGES):
        average = _next_average(novelty, k, value)
        novelty[AVERAGE + k] = average
        settling = seen <= 2.0 * SPANS[k]  # until then the average still forgets its start
        novelty[HIGHEST + k] = average if settling else max(novelty[HIGHEST + k], average)
        novelty[LOWEST + k] = average if settling else min(novelty[LOWEST + k], average)
