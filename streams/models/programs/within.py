"""Probabilities that a program is launched within a window: what followed earlier launches."""

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.programs.calibration import WINDOWS, bin_of, calibrated, follow, logit
from streams.models.programs.history import PROGRAM

# Earlier launches of the same program that are looked at, and launches after each of them.
OCCASIONS = 64
AHEAD = 128
# Weight, in occasions, of what the next program's probability says where there were few of them.
PRIOR_OCCASIONS = 3.0
RECENT_GAPS = 64
NEVER_MS = np.int64(1) << 62


@kernel
def delays(
    fields: npt.NDArray[np.int32],
    clock: npt.NDArray[np.int64],
    n: int,
    slot: npt.NDArray[np.int32],
    size: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return how long after each occasion every candidate came, and how old the occasions are.

    slot (known + 1,): index of each program among the candidates, or -1. Shapes
    (occasions, size) and (occasions,), in ms; `NEVER_MS` where it did not come.
    """
    here = fields[PROGRAM, n - 1]
    found = np.full((OCCASIONS, size), NEVER_MS)
    ages = np.zeros(OCCASIONS, np.int64)
    k = 0
    for j in range(n - 2, -1, -1):
        if fields[PROGRAM, j] != here:
            continue
        ages[k] = clock[n - 1] - clock[j]
        for q in range(j + 1, min(n, j + 1 + AHEAD)):
            delay = clock[q] - clock[j]
            if delay > 3_600_000:
                break
            m = slot[fields[PROGRAM, q]]
            if m >= 0 and delay < found[k, m]:
                found[k, m] = delay
        k += 1
        if k == OCCASIONS:
            break
    return found[:k], ages[:k]


@kernel
def within(
    fields: npt.NDArray[np.int32],
    clock: npt.NDArray[np.int64],
    n: int,
    slot: npt.NDArray[np.int32],
    p_next: npt.NDArray[np.float64],
    windows_ms: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return log-odds (candidates, windows), median delays in ms or -1, and bins."""
    size, spans = len(p_next), len(windows_ms)
    found, ages = delays(fields, clock, n, slot, size)
    log_odds = np.zeros((size, spans))
    bins = np.zeros((size, spans), np.int64)
    medians = np.full(size, -1.0)
    recent = min(n - 1, RECENT_GAPS)
    for w in range(spans):
        short = 1.0
        for j in range(n - recent, n):
            if clock[j] - clock[j - 1] <= windows_ms[w]:
                short += 1.0
        quick = short / (recent + 2.0)
        for m in range(size):
            hits, occasions = PRIOR_OCCASIONS * p_next[m] * quick, PRIOR_OCCASIONS
            for k in range(len(ages)):
                if ages[k] >= windows_ms[w]:
                    occasions += 1.0
                    if found[k, m] <= windows_ms[w]:
                        hits += 1.0
            p = hits / occasions
            log_odds[m, w] = logit(p)
            bins[m, w] = bin_of(w, int(occasions - PRIOR_OCCASIONS), log_odds[m, w])
            if w == spans - 1 and p >= 0.5 and len(ages):
                middle = np.sort(found[:, m])[(len(ages) - 1) // 2]
                if middle < NEVER_MS:
                    medians[m] = middle
    return log_odds, medians, bins


@kernel
def stated_within(
    fields: npt.NDArray[np.int32],
    clock: npt.NDArray[np.int64],
    n: int,
    known: int,
    programs: npt.NDArray[np.int32],
    hashes: npt.NDArray[np.int64],
    losses: npt.NDArray[np.float64],
    best: npt.NDArray[np.int64],
    ranked: npt.NDArray[np.int64],
    windows_ms: npt.NDArray[np.int64],
    shifts: npt.NDArray[np.float64],
    followed: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
    last_ms: int,
    launches: int,
    own: npt.NDArray[np.float32],
) -> npt.NDArray[np.float64]:
    """Return p_next, calibrated probabilities and median delays in s or -1, one row a candidate.

    programs and hashes are of all that was mixed, `best` and losses of the likeliest (see
    `likeliest`), ranked which of these are candidates; known is how many programs the user has. The
    candidates then wait in `followed` for what becomes of them.
    """
    size = len(ranked)
    slot = np.full(known + 1, -1, np.int32)
    p_next = np.zeros(size)
    stated_hashes = np.zeros(size, np.int64)
    for m in range(size):
        place = best[ranked[m]]
        p_next[m], stated_hashes[m] = -losses[ranked[m]], hashes[place]
        if programs[place]:
            slot[programs[place]] = m
    stated, medians, bins = within(fields, clock, n, slot, p_next, windows_ms)
    for m in range(size):
        for w in range(WINDOWS):
            stated[m, w] += shifts[bins[m, w]]
    follow(followed, sizes, windows_ms, stated_hashes, stated, bins, last_ms, launches)
    out = np.zeros((size, WINDOWS + 2))
    out[:, 0] = p_next
    out[:, 1 : WINDOWS + 1] = calibrated(stated, own)
    for m in range(size):
        out[m, WINDOWS + 1] = medians[m] / 1000 if medians[m] >= 0 else -1.0
    return out


@kernel
def pair_counts(
    fields: npt.NDArray[np.int32],
    clock: npt.NDArray[np.int64],
    n: int,
    known: int,
    window_ms: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Count launches of A that are old enough, and those with B within the window after.

    Return occasions (known + 1,) and hits (known + 1, known + 1), by the programs' numbers.
    """
    occasions = np.zeros(known + 1, np.int64)
    hits = np.zeros((known + 1, known + 1), np.int64)
    marked = np.full(known + 1, -1, np.int64)
    for j in range(n - 1, -1, -1):
        if clock[n - 1] - clock[j] < window_ms:
            continue
        a = fields[PROGRAM, j]
        occasions[a] += 1
        for q in range(j + 1, n):
            if clock[q] - clock[j] > window_ms:
                break
            b = fields[PROGRAM, q]
            if marked[b] != j and clock[q] > clock[j]:
                marked[b] = j
                hits[a, b] += 1
    return occasions, hits


@kernel
def outcomes(
    fields: npt.NDArray[np.int32],
    clock: npt.NDArray[np.int64],
    n: int,
    first: int,
    then: int,
    window_ms: int,
) -> npt.NDArray[np.bool_]:
    """Tell for each old enough launch of `first`, oldest first, whether `then` came in time."""
    came = np.zeros(n, np.bool_)
    k = 0
    for j in range(n):
        if fields[PROGRAM, j] != first or clock[n - 1] - clock[j] < window_ms:
            continue
        for q in range(j + 1, n):
            if clock[q] - clock[j] > window_ms:
                break
            if fields[PROGRAM, q] == then and clock[q] > clock[j]:
                came[k] = True
                break
        k += 1
    return came[:k]
