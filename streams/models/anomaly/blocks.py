"""A coarser copy of a series: blocks of seven points, each by its spike or its flat middle.

A block is represented by its highest or lowest point, whichever is farther from the level of the
blocks before. In the second copy, points close to the running median are first replaced by it, so
that only excursions are left to compare.

References
----------
Hampton, M. (2021). ARTime: adaptive resonance theory for anomaly detection (the idea of coarse,
flattened contexts; the implementation here is our own).
"""

from streams.models.anomaly.scale import Floats
from streams.models.compiled import kernel

BLOCK = 7
FLAT = 0.075  # of the range so far: closer to the median counts as the median
MEDIAN_STEP = 0.1
# In slots: points in the open block; highest, lowest, sum and level of each copy; median, range.
FILLED, TOP, BOTTOM, TOTAL, LEVEL = 0, 1, 3, 5, 7
MEDIAN, RANGE_HIGH, RANGE_LOW, POINTS = 9, 10, 11, 12
BLOCKS_SLOTS = 13


@kernel
def flattened(blocks: Floats, value: float) -> float:
    """Distance of a point from the running median, 0 where it is close; moves the median."""
    points = blocks[POINTS]
    if points == 0.0:
        blocks[MEDIAN] = blocks[RANGE_HIGH] = blocks[RANGE_LOW] = value
    blocks[POINTS] = points + 1.0
    blocks[RANGE_HIGH] = max(blocks[RANGE_HIGH], value)
    blocks[RANGE_LOW] = min(blocks[RANGE_LOW], value)
    reach = blocks[RANGE_HIGH] - blocks[RANGE_LOW]
    step = MEDIAN_STEP * reach / max(20.0, (points + 1.0) ** 0.5)
    if value > blocks[MEDIAN]:
        blocks[MEDIAN] += step
    elif value < blocks[MEDIAN]:
        blocks[MEDIAN] -= step
    gap = value - blocks[MEDIAN]
    return 0.0 if abs(gap) < FLAT * reach else gap


@kernel
def take(blocks: Floats, copy: int, value: float) -> None:
    """Take a point into the open block of a copy (0 plain, 1 flattened)."""
    if blocks[FILLED] == 0.0:
        blocks[TOP + copy] = blocks[BOTTOM + copy] = value
        blocks[TOTAL + copy] = 0.0
    blocks[TOP + copy] = max(blocks[TOP + copy], value)
    blocks[BOTTOM + copy] = min(blocks[BOTTOM + copy], value)
    blocks[TOTAL + copy] += value


@kernel
def close(blocks: Floats, copy: int, first: bool) -> float:
    """Return what stands for a full block of a copy, and move the level towards its mean."""
    mean = blocks[TOTAL + copy] / BLOCK
    level = mean if first else 0.5 * (blocks[LEVEL + copy] + mean)
    blocks[LEVEL + copy] = level
    top, bottom = float(blocks[TOP + copy]), float(blocks[BOTTOM + copy])
    return bottom if abs(top - level) < abs(bottom - level) else top
