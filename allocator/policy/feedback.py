"""Keeps the promised hit rate: steers what the price is asked for by what was hit.

Two corrections, both bounded by the promised share of misses: requests owed so far are made up
over the coming third of the history, and the recent gap between the asked and the seen hit rate is
taken off. In the spirit of conformal control (Gibbs & Candes 2021; Angelopoulos et al. 2023).
"""

import numpy as np
import numpy.typing as npt

from allocator.policy import layout as at
from allocator.policy.compiled import kernel

Floats = npt.NDArray[np.float64]

WARM_UP_S = 86_400.0  # nothing is promised on the first day
_PROMISE_MEMORY = 1.0 - 1.0 / 200_000.0  # requests
_RECENT_MEMORY = 1.0 - 1.0 / 3_000.0
_PATIENCE = 1_500.0  # requests over which a debt is paid at the earliest
_SHRINK = 500.0


@kernel
def report(clock: Floats, hit: bool) -> None:
    """Count a served request towards the promise."""
    if clock[at.NOW] - clock[at.STARTED] < WARM_UP_S:
        return
    served = 1.0 if hit else 0.0
    clock[at.PROMISED] = clock[at.PROMISED] * _PROMISE_MEMORY + 1.0
    clock[at.PROMISED_HITS] = clock[at.PROMISED_HITS] * _PROMISE_MEMORY + served
    clock[at.LAUNCHED] *= _PROMISE_MEMORY
    clock[at.RECENT] = clock[at.RECENT] * _RECENT_MEMORY + 1.0
    clock[at.RECENT_HITS] = clock[at.RECENT_HITS] * _RECENT_MEMORY + served
    clock[at.RECENT_EXPECTED] = clock[at.RECENT_EXPECTED] * _RECENT_MEMORY + clock[at.EXPECTED]


@kernel
def asked_hit_rate(clock: Floats, target: float) -> float:
    """The hit rate to ask of the price now, so that `target` holds over all.

    Examples
    --------
    >>> clock = np.zeros(at.CLOCK)
    >>> clock[[at.PROMISED, at.PROMISED_HITS]] = 1000, 930
    >>> float(asked_hit_rate(clock, 0.95)) > 0.95
    True
    """
    misses = 1.0 - target
    owed = target * clock[at.PROMISED] - clock[at.PROMISED_HITS]
    asked = target + owed / max(0.3 * clock[at.PROMISED], _PATIENCE)
    asked = min(max(asked, 1.0 - 3.0 * misses), 1.0 - 0.3 * misses)
    short = (clock[at.RECENT_EXPECTED] - clock[at.RECENT_HITS]) / (clock[at.RECENT] + _SHRINK)
    asked += min(max(short, -4.0 * misses), 0.8 * misses)
    return float(min(asked, 1.0 - 0.1 * misses))


@kernel
def terminate_below(clock: Floats, most_launches: float, share: float) -> float:
    """At which share of the price a unit is given up, less readily when launches run high.

    Every unit given up too early is launched again: `most_launches` per request are allowed.
    """
    ratio = clock[at.LAUNCHED] / (clock[at.PROMISED] + 200.0)
    return float(share * min(max((most_launches - ratio) / 0.25, 0.02), 1.0))
