"""Sequences of a group: told only while they hold, and only from a number of users on."""

from dataclasses import dataclass
from math import sqrt

from streams.models.groups.group_counts import UNIT, Follow, GroupCounts, Start
from streams.models.programs.rules import (
    DEVIATIONS,
    LEAST_PROBABILITY,
    LEAST_SUPPORT,
    WIDEST,
    WINDOW_S,
    wilson,
)

# k-anonymity: nobody is told a program or a sequence that fewer users share.
FLOOR = 5
# The latest launches may be below all of them by chance, and by this much for good.
MOST_DROP = 0.05


@dataclass(frozen=True, slots=True)
class GroupRule:
    """After `first`, users of a group launch `then` within `window_s` with this probability.

    Parameters
    ----------
    first, then
        Programs.
    window_s
        Seconds.
    probability, low, high
        Frequency over all users' launches, and its 90 % interval, in which users differ.
    support
        Launches of `first`, at most a hundred of each user.
    users
        Users of whom it was seen.
    """

    first: str
    then: str
    window_s: float
    probability: float
    low: float
    high: float
    support: int
    users: int


def group_rules(counts: GroupCounts, floor: int = FLOOR) -> list[GroupRule]:
    """Return the sequences that hold in a group, what explains most first.

    Parameters
    ----------
    counts
        Of the users active of late.
    floor
        Users that both the program and the sequence need before they are named.

    Examples
    --------
    >>> from streams.models.programs import UserPrograms
    >>> counts = GroupCounts()
    >>> for _ in range(5):
    ...     user = UserPrograms()
    ...     for k in range(40):
    ...         user.record("make" if k % 2 else "vim", 30.0 * k + 900.0 * (k // 2))
    ...     counts.add(user)
    >>> [(r.first, r.then, r.users, r.support) for r in group_rules(counts)]
    [('vim', 'make', 5, 95)]
    >>> group_rules(counts, floor=6)
    []
    """
    rules = []
    for (first, then), follow in counts.follows.items():
        start = counts.starts[first]
        if min(start.users, follow.users) >= floor and _holds(start, follow):
            p = follow.hits / start.occasions
            low, high = _interval(start, follow)
            rules.append(
                GroupRule(first, then, WINDOW_S, p, low, high, start.occasions, follow.users)
            )
    return sorted(rules, key=lambda r: (-r.probability * r.support, r.first, r.then))


def _holds(start: Start, follow: Follow) -> bool:
    """Tell whether a sequence is likely, well known, and not refuted by the latest launches."""
    p = follow.hits / start.occasions
    low, high = _interval(start, follow)
    strong = p >= LEAST_PROBABILITY and start.occasions >= LEAST_SUPPORT and high - low <= WIDEST
    return strong and wilson(follow.latest / start.latest, start.latest)[1] >= p - MOST_DROP


def _interval(start: Start, follow: Follow) -> tuple[float, float]:
    """Return the interval of the frequency: users differ, and each is seen some times only."""
    m, p = start.users, follow.hits / start.occasions
    mean = follow.shares / UNIT / m
    spread = max(0.0, follow.squares / UNIT**2 / m - mean * mean)
    half = DEVIATIONS * sqrt(spread / m + p * (1.0 - p) / start.occasions)
    return max(0.0, p - half), min(1.0, p + half)
