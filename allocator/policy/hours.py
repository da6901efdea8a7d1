"""Hours of the day with so few requests that one crowd could break their promise.

A crowd that comes from nothing finds what is held and no more: where the largest so far is a sixth
or more of all that an hour of the day is asked for in a quarter of a year, no price of a state
keeps the hour. A standing floor does: the conformal quantile of the crowds met in this hour, shrunk
to those of all hours. It is taken 2 points below the promise: an hour may be 5 below, and at the
promise itself floors cost 1.5 % more at 99 % (NASA iPSC 3.7 %).
"""

import numpy as np
import numpy.typing as npt

from allocator.policy import layout as at
from allocator.policy.compiled import kernel
from allocator.policy.levels import LAST, LEVELS
from allocator.policy.memory import Memory

Floats = npt.NDArray[np.float64]

_DAY_S = 86_400.0
_QUARTER_DAYS = 90.0
_FLOORED_FROM = 1.0 / 6.0
_BELOW = 0.02
_SHRINK_DAYS = 0.25  # of the mean hour's requests, until the hour's own days say more
_SHRINK = 40.0  # requests
_MOST_COUNTED = 200_000.0


@kernel
def note_crowd(crowds: Floats, hour: int, level: int) -> None:
    """Note the level of the crowd that a request of an hour of the day met."""
    crowds[0, level] += 1.0
    crowds[1 + hour, level] += 1.0
    if crowds[0, level] > _MOST_COUNTED / LEVELS and crowds[0].sum() > _MOST_COUNTED:
        crowds *= 0.5


@kernel
def crowd_share(memory: Memory, hour: int) -> float:
    """The largest crowd so far over the requests of an hour of the day in a quarter of a year."""
    clock = memory.clock
    days = max((clock[at.NOW] - clock[at.STARTED]) / _DAY_S, 1.0)
    of_mean_hour = memory.hours[0].sum() / at.HOURS_OF_DAY / days
    per_day = (memory.hours[0, hour] + _SHRINK_DAYS * of_mean_hour) / (days + _SHRINK_DAYS)
    return float(clock[at.LARGEST_CROWD] / max(per_day * max(days, _QUARTER_DAYS), 1.0))


@kernel
def hour_floor(memory: Memory, hour: int, target: float) -> int:
    """Instances to hold throughout an hour of the day, whatever its state; 0 where none."""
    if crowd_share(memory, hour) < _FLOORED_FROM:
        return 0
    own, everybody = memory.crowds[1 + hour], memory.crowds[0]
    weight = _SHRINK / max(everybody.sum(), 1.0)
    wanted = (target - _BELOW) * (own.sum() + weight * everybody.sum())
    served = 0.0
    for level in range(LEVELS):
        served += own[level] + weight * everybody[level]
        if served >= wanted:
            return int(LAST[level])
    return int(LAST[LEVELS - 1])
