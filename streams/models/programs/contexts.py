"""Statistics of the user's own contexts, read off the history in one walk to the past."""

from typing import Any

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.programs.history import (
    DISTINCT,
    DISTINCT2,
    GAP,
    HOUR,
    PROGRAM,
    RUN,
    RUN_BEFORE,
    SET3,
)  # fmt: skip
from streams.models.programs.layout import (
    AFTER_GAP,
    DAY_AND_GAP,
    DISTINCT1,
    DISTINCT12,
    FIRST_THIRD,
    HOUR_OF_DAY,
    IN_HOUR,
    ORDER0,
    ORDER1,
    ORDER2,
    ORDER3,
    ORDER4,
    ORDER6,
    OWN_CONTEXTS,
    SAME_RUN,
    SAME_RUNS,
    SAME_THREE,
    SKIP2,
    SKIP23,
)  # fmt: skip

SLOW, FAST = 0.985, 0.8
VISITS = 255
UNION = 256
MATCH_LONGEST = 32


@kernel
def same_before(fields: npt.NDArray[np.int32], i: int, j: int, most: int) -> int:
    """Return how many launches before i and j, themselves included, are the same."""
    length = 0
    while (
        length < most
        and j - length >= 0
        and fields[PROGRAM, i - length] == fields[PROGRAM, j - length]
    ):
        length += 1
    return length


@kernel
def contexts_at(fields: npt.NDArray[np.int32], i: int, j: int, found: npt.NDArray[np.int64]) -> int:
    """Write the contexts of launch i that launch j shares into `found`; return how many."""
    k = 0
    found[k] = ORDER0
    k += 1
    if fields[HOUR, j] == fields[HOUR, i]:
        found[k] = HOUR_OF_DAY
        k += 1
        if fields[GAP, j] == fields[GAP, i]:
            found[k] = DAY_AND_GAP
            k += 1
    if i >= 2 and fields[SET3, j] == fields[SET3, i]:
        found[k] = SAME_THREE
        k += 1
    second = i >= 1 and j >= 1 and fields[PROGRAM, j - 1] == fields[PROGRAM, i - 1]
    if second:
        found[k] = SKIP2
        k += 1
        if j >= 2 and fields[PROGRAM, j - 2] == fields[PROGRAM, i - 2]:
            found[k] = SKIP23
            k += 1
    return k


@kernel
def contexts_after_same(  # noqa: C901 - a kernel of independent tests
    fields: npt.NDArray[np.int32], i: int, j: int, length: int, found: npt.NDArray[np.int64], k: int
) -> int:
    """Go on with the contexts of launch i that launch j of the same program shares."""
    found[k] = ORDER1
    k += 1
    if length >= 2:
        found[k] = ORDER2
        k += 1
    if length >= 3:
        found[k] = ORDER3
        k += 1
    if length >= 4:
        found[k] = ORDER4
        k += 1
    if length >= 6:
        found[k] = ORDER6
        k += 1
    if i >= 2 and j >= 2 and fields[PROGRAM, j - 2] == fields[PROGRAM, i - 2]:
        found[k] = FIRST_THIRD
        k += 1
    if fields[GAP, j] == fields[GAP, i]:
        found[k] = AFTER_GAP
        k += 1
    if fields[HOUR, j] == fields[HOUR, i]:
        found[k] = IN_HOUR
        k += 1
    if fields[RUN, j] == fields[RUN, i]:
        found[k] = SAME_RUN
        k += 1
    if fields[DISTINCT, j] == fields[DISTINCT, i]:
        found[k] = DISTINCT1
        k += 1
        if fields[RUN, j] == fields[RUN, i] and fields[RUN_BEFORE, j] == fields[RUN_BEFORE, i]:
            found[k] = SAME_RUNS
            k += 1
        if fields[DISTINCT2, j] == fields[DISTINCT2, i]:
            found[k] = DISTINCT12
            k += 1
    return k


@kernel
def walk(
    fields: npt.NDArray[np.int32],
    n: int,
    slot: npt.NDArray[np.int32],
    barred: int,
    programs: npt.NDArray[Any],
    slow: npt.NDArray[np.float64],
    fast: npt.NDArray[np.float64],
    first: npt.NDArray[np.int32],
    totals: npt.NDArray[np.float64],
) -> tuple[int, int, int]:
    """Add up the followers of all contexts of the last launch.

    slot (known + 1,) -> index of a program among `programs` or -1; programs (UNION,);
    slow, fast (OWN_CONTEXTS, UNION) decayed visits followed by it; first: visits since it last
    followed, or -1; totals (OWN_CONTEXTS, 4): slow, fast, visits, distinct.
    Return number of programs, the longest match and what followed it.
    """
    i = n - 1
    found = np.empty(OWN_CONTEXTS, np.int64)
    weight_slow = np.ones(OWN_CONTEXTS)
    weight_fast = np.ones(OWN_CONTEXTS)
    count = 0
    longest = 0
    follower = -1
    here = fields[PROGRAM, i]
    for j in range(n - 2, -1, -1):
        k = contexts_at(fields, i, j, found)
        x = fields[PROGRAM, j + 1]
        if fields[PROGRAM, j] == here:
            length = same_before(fields, i, j, MATCH_LONGEST)
            if length > longest:
                longest = length
                follower = x
            k = contexts_after_same(fields, i, j, length, found, k)
        m = -1
        if x > 0 and x != barred:
            m = slot[x]
            if m < 0 and count < UNION:
                m = count
                slot[x] = m
                programs[m] = x
                count += 1
        for q in range(k):
            c = found[q]
            visits = totals[c, 2]
            if visits >= VISITS:
                continue
            totals[c, 0] += weight_slow[c]
            totals[c, 1] += weight_fast[c]
            totals[c, 2] = visits + 1.0
            if m >= 0:
                slow[c, m] += weight_slow[c]
                fast[c, m] += weight_fast[c]
                if first[c, m] < 0:
                    first[c, m] = int(visits)
                    totals[c, 3] += 1.0
            weight_slow[c] *= SLOW
            weight_fast[c] *= FAST
    return count, longest, follower
