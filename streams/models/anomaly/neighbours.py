"""How unlike its nearest neighbours in the past the latest stretch of a series is.

The distance of the last w values (`stride` apart) to the k-th nearest earlier stretch in a memory
of bounded length. Summing stops as soon as a candidate is farther than the k-th best so far (early
abandon), which reads 2 to 3 values of a candidate instead of 8.

References
----------
Burnaev, E. and Ishimtsev, V. (2016). Conformalized density- and distance-based anomaly detection
in time-series data. arXiv:1608.04585.
Yeh, C.-C. M. et al. (2016). Matrix profile I. ICDM 2016: discords as distant nearest neighbours.
"""

import math

import numpy as np

from streams.models.anomaly.scale import Floats, relative
from streams.models.compiled import kernel

MOST_NEIGHBOURS = 3
LARGEST_KEPT = 3e38  # in four bytes


@kernel
def _distance(memory: Floats, end: int, other: int, width: int, stride: int, limit: float) -> float:
    """Squared distance of the stretches ending at two places, cut short above `limit`."""
    total = 0.0
    for k in range(0, width * stride, stride):
        gap = float(memory[end - k] - memory[other - k])
        total += gap * gap
        if total > limit:
            return total
    return total


@kernel
def _insert(best: Floats, neighbours: int, distance: float) -> None:
    place = neighbours - 1
    while place > 0 and best[place - 1] > distance:
        best[place] = best[place - 1]
        place -= 1
    best[place] = distance


@kernel
def remember(memory: Floats, seen: int, value: float) -> int:
    """Put value number `seen` (from 0) into a memory and return how many it now holds.

    A full memory forgets its oldest quarter at once: values stay in one piece, which is twice as
    fast to search as a ring. Values are kept to the 24 bits that the saved state has of them.
    """
    value = float(np.float32(min(max(value, -LARGEST_KEPT), LARGEST_KEPT)))
    size = len(memory)
    if seen < size:
        memory[seen] = value
        return seen + 1
    quarter = size // 4
    place = size - quarter + (seen - size) % quarter
    if place == size - quarter:
        for k in range(place):
            memory[k] = memory[k + quarter]
    memory[place] = value
    return place + 1


@kernel
def isolation(
    memory: Floats, held: int, width: int, stride: int, neighbours: int, size: float
) -> float:
    """Root mean square distance of the newest stretch to its k-th nearest, in units of `size`.

    Parameters
    ----------
    memory, held
        The last values, oldest first, and how many there are.
    width, stride
        Values of a stretch and their spacing. Stretches overlapping the newest do not count.
    neighbours
        Which nearest neighbour, 1 to 3.
    size
        The unit of the distance.
    """
    length = (width - 1) * stride + 1
    if held <= 3 * length:
        return 0.0
    best = np.full(MOST_NEIGHBOURS, math.inf)
    limit = math.inf
    for other in range(held - 1 - length, length - 2, -1):
        distance = _distance(memory, held - 1, other, width, stride, limit)
        if distance < limit:
            _insert(best, neighbours, distance)
            limit = best[neighbours - 1]
    if limit == math.inf:
        return 0.0
    return relative(math.sqrt(limit / width), size)
