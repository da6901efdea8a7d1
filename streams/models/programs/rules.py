"""Sequences that people can read: after A, B within a window, with an interval that holds."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streams.models.programs.user import UserPrograms
from streams.models.programs.within import outcomes, pair_counts

WINDOW_S = 300.0
LEAST_SUPPORT = 20
LEAST_PROBABILITY = 0.8
WIDEST = 0.25
# Of the Wilson intervals at 1.6 to 2.6 deviations 60 to 76 % held in the second half of six
# recordings: habits drift, and what was picked for its high frequency falls more often than it
# rises. So the statement is a predictive one: the frequency may fall by as much as is said at all.
DEVIATIONS = 1.645
# What drifted before, drifts again: no quarter of the occasions may be so far below all of them.
QUARTERS, MOST_DRIFT = 4, 0.15
# A rule is dropped when so many latest launches of its first program speak against it.
LATEST = 20


@dataclass(frozen=True, slots=True)
class Rule:
    """After `first`, the user launches `then` within `window_s` with this probability.

    Parameters
    ----------
    first, then
        Programs.
    window_s
        Seconds.
    probability, low, high
        Frequency so far, what it is not expected to fall below, and the frequency again: habits
        fade, so nothing is promised above it.
    support
        Launches of `first` that it rests on.
    """

    first: str
    then: str
    window_s: float
    probability: float
    low: float
    high: float
    support: int


def sequences(user: UserPrograms, window_s: float = WINDOW_S) -> list[Rule]:
    """Return what holds in the user's kept history and still does, what explains most first.

    Parameters
    ----------
    user
        The state.
    window_s
        Within how many seconds the second program has to follow.

    Examples
    --------
    >>> user = UserPrograms()
    >>> for k in range(120):
    ...     user.record("make" if k % 2 else "vim", 30.0 * k + 900.0 * (k // 2))
    >>> [(rule.first, rule.then, rule.support) for rule in sequences(user)]
    [('vim', 'make', 59)]
    """
    names = user.vocabulary.names
    h = user.history
    occasions, hits = pair_counts(
        h.fields, h.clock, h.length, len(user.vocabulary), round(window_s * 1000)
    )
    rules = []
    for a, b in np.argwhere(hits >= LEAST_PROBABILITY * LEAST_SUPPORT).tolist():
        n, p = int(occasions[a]), float(hits[a, b] / occasions[a])
        if a and b and n >= LEAST_SUPPORT and p >= LEAST_PROBABILITY:
            came = outcomes(h.fields, h.clock, h.length, a, b, round(window_s * 1000))
            if _holds(came, p):
                rules.append(Rule(names[a], names[b], window_s, p, p - WIDEST, p, n))
    return sorted(rules, key=lambda r: (-r.probability * r.support, r.first, r.then))


def _holds(came: npt.NDArray[np.bool_], p: float) -> bool:
    """Tell whether a frequency is known well enough, and neither drifted nor ended.

    came (occasions,): whether the second program followed, oldest first.
    """
    low, high = wilson(p, len(came))
    edges = np.arange(QUARTERS + 1) * len(came) // QUARTERS
    drifted = any(came[a:b].mean() < p - MOST_DRIFT for a, b in itertools.pairwise(edges))
    newest = came[-LATEST:]
    still = wilson(float(newest.mean()), len(newest))[1] >= p - WIDEST
    return high - low <= WIDEST and not drifted and still


def wilson(p: float, n: int, deviations: float = DEVIATIONS) -> tuple[float, float]:
    """Return the interval of a frequency (Wilson 1927).

    Examples
    --------
    >>> [round(x, 3) for x in wilson(0.9, 100, 1.96)]
    [0.826, 0.945]
    """
    z2 = deviations * deviations
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = deviations / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)
