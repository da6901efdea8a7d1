"""One alarm for one incident, and ever less for what keeps coming back.

After an alarm, the next counts only when clearly stronger: the bar stands at 1.5 times the last
alarm for 60 points, then falls to nothing over 60 more. Without it an incident is reported a
hundred times; it is worth 8 to 13 points of the Numenta benchmark.

An alarm that passes loses strength for each earlier alarm of about its size, the older the less:
the nightly backup that spikes each night is news three times, not every night (3 to 4 points).
"""

import math

from streams.models.anomaly.scale import Floats
from streams.models.compiled import kernel

HOLD = 120.0
RATIO = 1.5
RENEWS = 0.7  # a passing score of at least this share of the last alarm renews the bar
ALARMS = 64
ALIKE = 0.8  # an earlier alarm of at least this share of the strength counts
LOSS = 0.7  # per decade of earlier alarms; score 0.5 is at a strength of about -0.1
FORGOTTEN = 8000.0
# In slots: last alarm's height and age; points seen; alarms so far; then height and time of each.
HEIGHT, AGE, POINTS, COUNT, HEIGHTS, TIMES = 0, 1, 2, 3, 4, 4 + ALARMS
SUPPRESSION_SLOTS = 4 + 2 * ALARMS


@kernel
def recurrence(suppression: Floats, strength: float) -> float:
    """Return what a strength loses to the earlier alarms like it."""
    alike = 0.0
    for k in range(ALARMS):
        if suppression[HEIGHTS + k] >= ALIKE * strength:
            age = suppression[POINTS] - suppression[TIMES + k]
            alike += max(0.0, 1.0 - age / FORGOTTEN)
    return LOSS * math.log10(1.0 + alike)


@kernel
def repeats(suppression: Floats, strength: float) -> bool:
    """Tell whether a strength repeats the last alarm; if not, remember it as an alarm."""
    suppression[POINTS] += 1.0
    suppression[AGE] = min(suppression[AGE] + 1.0, HOLD)
    left = 1.0 - suppression[AGE] / HOLD
    bar = RATIO * suppression[HEIGHT] * min(1.0, 2.0 * left)
    if strength <= bar or strength <= 0.0:
        return True
    if left <= 0.0 or strength >= RENEWS * suppression[HEIGHT]:
        suppression[HEIGHT] = strength
        suppression[AGE] = 0.0
        place = int(suppression[COUNT]) % ALARMS
        suppression[HEIGHTS + place] = strength
        suppression[TIMES + place] = suppression[POINTS]
        suppression[COUNT] += 1.0
    return False
