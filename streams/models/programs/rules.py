"""Sequences that people can read: after A, B within a window, with an interval that holds."""

import math
from dataclasses import dataclass

import numpy as np

from streams.models.programs.user import UserPrograms
from streams.models.programs.within import pair_counts

WINDOW_S = 300.0
LEAST_SUPPORT = 20
LEAST_PROBABILITY = 0.8
WIDEST = 0.25
# Of the Wilson intervals at this many deviations only 60 to 78 % held in the second half of the
# recordings: habits drift. So the interval goes down as far as its widest allows.
DEVIATIONS = 2.3
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
        Frequency and the interval in which it is expected to stay.
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
    occasions, hits, of_latest = pair_counts(
        h.fields, h.clock, h.length, len(user.vocabulary), round(window_s * 1000), LATEST
    )
    rules = []
    for a, b in np.argwhere(hits >= LEAST_PROBABILITY * LEAST_SUPPORT).tolist():
        n, p = int(occasions[a]), float(hits[a, b] / occasions[a])
        low, high = wilson(p, n)
        strong = n >= LEAST_SUPPORT and p >= LEAST_PROBABILITY and high - low <= WIDEST
        still = wilson(float(of_latest[a, b] / min(n, LATEST)), min(n, LATEST))[1] >= p
        if a and b and strong and still:
            rules.append(Rule(names[a], names[b], window_s, p, high - WIDEST, high, n))
    return sorted(rules, key=lambda r: (-r.probability * r.support, r.first, r.then))


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
