"""States of candidates: what is known of each in every context, quantised.

Each state has a learnt hit rate, whose log-odds is the feature (the adaptive state maps of PAQ,
Mahoney 2005): that is what calibrates counts of contexts of any age and size alike.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.programs.history import GAP, HOUR, TURNS, log2_bin
from streams.models.programs.layout import (
    AFTER_GAP_RECENCY,
    ALL2,
    ALL_CONTEXTS,
    COMMONNESS,
    FAST_HOUR,
    FIRST_ALL,
    HOUR_OF_DAY,
    HOUR_REPEAT,
    MATCH,
    ONE_RECENCY,
    ONE_SKIP,
    ONE_TWO,
    ORDER0,
    ORDER1,
    ORDER2,
    OWN_CONTEXTS,
    RATIOS,
    RECENCY,
    SINCE,
    SKIP2,
    TWO_ALL,
    ZERO_RECENCY,
)  # fmt: skip
from streams.models.programs.vocabulary import LAST_LAUNCH, LAST_MS

ABSENT = 7 * RATIOS * 4


@kernel
def visits_bin(visits: float) -> int:
    """Return the bin of a context's visits: 0, 1, 2, 3, 5, 9, 21 and more."""
    if visits < 3:
        return int(visits)
    if visits < 5:
        return 3
    if visits < 9:
        return 4
    return 5 if visits < 21 else 6


@kernel
def ratio_bin(ratio: float) -> int:
    """Return the bin of a success ratio, finer towards 0 and 1."""
    edges = (0.02, 0.05, 0.1, 0.18, 0.28, 0.4, 0.52, 0.65, 0.8, 0.9, 0.97)
    for k in range(11):
        if ratio <= edges[k]:
            return k
    return 11


@kernel
def novelty_bin(visits: float, distinct: float) -> int:
    """Return how varied a context is: distinct followers per visit, 0 where never visited."""
    if visits == 0:
        return 0
    ratio = distinct / visits
    if ratio < 0.15:
        return 1
    if ratio < 0.4:
        return 2
    return 3 if ratio < 0.8 else 4


@kernel
def own_states(
    m: int,
    k: int,
    slow: npt.NDArray[np.float64],
    fast: npt.NDArray[np.float64],
    first: npt.NDArray[np.int32],
    totals: npt.NDArray[np.float64],
    states: npt.NDArray[np.int16],
) -> None:
    """Write the states of candidate m (column k of the statistics) in the own contexts."""
    for c in range(OWN_CONTEXTS):
        visits = totals[c, 2]
        bin_ = visits_bin(visits)
        novelty = novelty_bin(visits, totals[c, 3])
        if k < 0 or first[c, k] < 0:
            states[m, 2 * c] = ABSENT + bin_ * 5 + novelty
            states[m, 2 * c + 1] = ABSENT + bin_ * 5 + novelty
            continue
        ago = first[c, k]
        recent = ago if ago < 2 else (2 if ago < 4 else 3)
        slow_bin = ratio_bin(slow[c, k] / totals[c, 0])
        fast_bin = ratio_bin(fast[c, k] / totals[c, 1])
        states[m, 2 * c] = (bin_ * RATIOS + slow_bin) * 4 + novelty - 1
        states[m, 2 * c + 1] = (bin_ * RATIOS + fast_bin) * 4 + recent


@kernel
def all_states(
    m: int,
    counts: npt.NDArray[Any],
    all_totals: npt.NDArray[np.float64],
    states: npt.NDArray[np.int16],
) -> None:
    """Write the states of candidate m in the population's contexts."""
    for c in range(ALL_CONTEXTS):
        visits, count = all_totals[c, 0], counts[m, c]
        if count == 0:
            novelty = novelty_bin(visits, all_totals[c, 1])
            states[m, FIRST_ALL + c] = ABSENT + visits_bin(visits) * 5 + novelty
        else:
            size = 0 if count < 2 else (1 if count < 4 else (2 if count < 12 else 3))
            ratio = ratio_bin(count / visits)
            states[m, FIRST_ALL + c] = (visits_bin(visits) * RATIOS + ratio) * 4 + size


@kernel
def ratio_of(states: npt.NDArray[np.int16], m: int, feature: int) -> int:
    """Return the ratio's bin of a rate feature, 0 where the candidate is absent."""
    state = states[m, feature]
    return 0 if state >= ABSENT else 1 + (state // 4) % RATIOS


@kernel
def single_states(
    m: int,
    x: int,
    here: int,
    followed: bool,
    longest: int,
    launches: int,
    used: bool,
    all_count: float,
    fields: npt.NDArray[np.int32],
    i: int,
    use: npt.NDArray[np.int64],
    states: npt.NDArray[np.int16],
) -> None:
    """Write the states that are not those of one context."""
    turns = min(fields[TURNS, i], 4)
    young = visits_bin(launches // 4)
    states[m, MATCH] = 2 * min(longest, 15) + (1 if followed else 0) if longest >= 3 else 39
    ago = 12
    if used:
        ago_launches = launches - use[x, LAST_LAUNCH]
        ago = min(ago_launches, 12)
        recency = ago_launches
        if ago_launches >= 12:
            recency = 12 + log2_bin(ago_launches / 12.0, 1.5, 12)
        states[m, RECENCY] = recency + 25 * turns
        since_s = (use[here, LAST_MS] - use[x, LAST_MS]) / 1000.0 if here > 0 else 0.0
        phase = (since_s % 86400.0) / 86400.0
        phase = min(phase, 1 - phase)
        day = 0
        if since_s >= 43200:
            day = 1 if phase < 0.02 else (2 if phase < 0.06 else 3)
        states[m, SINCE] = log2_bin(since_s, 1.0, 19) * 4 + day
    else:
        states[m, RECENCY] = 130 + young
        states[m, SINCE] = 90 + young
    owner = 0 if used else (1 if launches < 20 else 2)
    states[m, COMMONNESS] = log2_bin(all_count + 1.0, 2.0, 39) + 40 * owner
    states[m, AFTER_GAP_RECENCY] = fields[GAP, i] * 13 + ago
    repeat = 1 if x == here and x > 0 else 0
    states[m, HOUR_REPEAT] = fields[HOUR, i] + 16 * repeat + 32 * min(launches, 10)
    one = ratio_of(states, m, 2 * ORDER1)
    two = ratio_of(states, m, 2 * ORDER2)
    states[m, ONE_TWO] = one * 13 + two
    states[m, ONE_RECENCY] = one * 13 + ago
    states[m, TWO_ALL] = two * 13 + ratio_of(states, m, FIRST_ALL + ALL2)
    states[m, ONE_SKIP] = one * 13 + ratio_of(states, m, 2 * SKIP2)
    unused = 0 if used else 169 + young
    states[m, ZERO_RECENCY] = ratio_of(states, m, 2 * ORDER0) * 13 + ago + unused
    fast_one = ratio_of(states, m, 2 * ORDER1 + 1)
    states[m, FAST_HOUR] = fast_one * 13 + ratio_of(states, m, 2 * HOUR_OF_DAY)


@kernel
def prior_rate(state: int) -> float:
    """Return the hit rate that a rate state has before anything was learnt."""
    if state >= ABSENT:
        return 0.01
    ratios = (0.01, 0.035, 0.075, 0.14, 0.23, 0.34, 0.46, 0.58, 0.72, 0.85, 0.93, 0.98)
    visits = state // (4 * RATIOS)
    return min(0.95, max(0.005, ratios[(state // 4) % RATIOS] * visits / (visits + 1.0)))
