"""How rare a value is among all that a series has shown before: -log10 of its rank p-value.

Ranks over the whole past beat ranks over a window by 1 to 5 points of the Numenta benchmark, but
keeping the past costs memory without bound. A histogram with four bins an octave keeps it in 1 KB
with a relative error below 10 % of the value, which moves -log10 p by less than 0.05.

What is counted are the largest values of blocks of 12 points, not the points: an incident that
lasts is one event, not a hundred, and does not make the next one look common (+2 points).

References
----------
Shafer, G. and Vovk, V. (2008). A tutorial on conformal prediction. JMLR 9.
Masson, C., Rim, J. and Lee, H. (2019). DDSketch. VLDB 12(12): bins of constant relative width.
Coles, S. (2001). An introduction to statistical modeling of extreme values: block maxima.
"""

import math

from streams.models.anomaly.scale import Floats
from streams.models.compiled import kernel

BINS_PER_OCTAVE = 4
LOWEST = 2.0**-12
BINS = 24 * BINS_PER_OCTAVE
BLOCK = 12.0
COUNT, LARGEST, OPEN, OPENED = BINS, BINS + 1, BINS + 2, BINS + 3
TAIL_SLOTS = BINS + 4
# A record says more than "rarer than all n before": how far it beats the last record counts too,
# by two decades of rarity for each decade of size (a Pareto tail of index 2), at most two.
RECORD_SLOPE = 2.0
RECORD_LIMIT = 2.0


@kernel
def bin_position(value: float) -> float:
    """Position of a non-negative value on the bins, fractional, within [0, BINS)."""
    if value <= LOWEST:
        return 0.0
    position = 1.0 + BINS_PER_OCTAVE * math.log2(value / LOWEST)
    return min(position, BINS - 1.0)


@kernel
def rarity(tail: Floats, value: float) -> float:
    """Return -log10 of the share of past blocks that reached `value` (0 for a value of 0)."""
    count = tail[COUNT]
    if count <= 0.0 or value <= 0.0:
        return 0.0
    position = bin_position(value)
    own = int(position)
    above = tail[own] * (1.0 - (position - own))
    for later in range(own + 1, BINS):
        above += tail[later]
    rare = math.log10((count + 1.0) / (above + 1.0))
    largest = tail[LARGEST]
    if value > largest > 0.0:
        rare += min(RECORD_LIMIT, RECORD_SLOPE * math.log10(value / largest))
    return rare


@kernel
def learn_tail(tail: Floats, value: float) -> None:
    """Take a non-negative value into the open block; a full block is counted by its largest."""
    tail[OPEN] = max(tail[OPEN], value)
    tail[OPENED] += 1.0
    if tail[OPENED] < BLOCK:
        return
    tail[int(bin_position(tail[OPEN]))] += 1.0
    tail[COUNT] += 1.0
    tail[LARGEST] = max(tail[LARGEST], tail[OPEN])
    tail[OPEN] = 0.0
    tail[OPENED] = 0.0
