"""Calibrates the probabilities within windows by what became of earlier ones.

Two stages. Over all users, outcomes are summed by bin of the probability and by how much it rested
on, and each bin shifts the log-odds (histogram recalibration, Zadrozny and Elkan 2001): that is
what a new user gets. Then each user's own level and slope of the log-odds follow at once (Platt
1999, learnt online), so that a change of pace is caught up with. What is waiting for its outcome
is a sample that does not depend on the outcome: see `follow`.
"""

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.programs.hashing import mixed
from streams.models.programs.largest import best_of

WINDOWS = 4
LEAST_P = 0.03
FOLLOWED = 5
P_BINS, SUPPORT_BINS = 24, 5
CALIBRATION_BINS = WINDOWS * SUPPORT_BINS * P_BINS
# Bins of the log-odds, of width 1/3 from -4 to 4.
LOWEST, PER_UNIT = -4.0, 3.0
# Weight, in outcomes, of the probability as stated.
PRIOR = 30.0
# One launch is followed in each eighth of a window; more than this many are never open.
PER_WINDOW, OPEN = 8, 10
# Steps of a user's level and slope. Heavier launches (many in one eighth) count as at most 4.
LEVEL_RATE, SLOPE_RATE, MOST_WEIGHT = 0.01, 0.003, 4
MOST_LEVEL, MOST_SLOPE = 3.0, 0.9
HASH_BITS = 16
LOGIT_SCALE, MOST_LOGIT = 16.0, 7.9

# Fields of a followed launch, then of each candidate that was stated for it.
MADE, WEIGHT, SIZE, FIRST = range(4)
PROGRAM_HASH, BIN, LOGIT, HIT, STATED_FIELDS = range(5)
FOLLOWED_FIELDS = FIRST + FOLLOWED * STATED_FIELDS

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@kernel
def short_hash(name_hash: int) -> int:
    """Return 16 bits of a program's hash: two of one user's few programs rarely share them."""
    return name_hash & ((1 << HASH_BITS) - 1)


@kernel
def logit(p: float) -> float:
    """Return the log-odds, bounded."""
    q = min(max(p, 4e-4), 1.0 - 4e-4)
    return float(np.log(q / (1.0 - q)))


@kernel
def bin_of(window: int, occasions: int, log_odds: float) -> int:
    """Return the calibration bin of a probability's log-odds that rest on so many occasions."""
    support = 0
    for least in (1, 4, 12, 40):
        if occasions >= least:
            support += 1
    place = min(P_BINS - 1, max(0, int((log_odds - LOWEST) * PER_UNIT)))
    return (window * SUPPORT_BINS + support) * P_BINS + place


@kernel
def resolve(
    followed: Integers, sizes: Integers, windows_ms: Integers, program: int, time_ms: int,
    own: npt.NDArray[np.float32],
) -> Integers:  # fmt: skip
    """Take out what a launch (16 bits of its hash) settles; return rows of bin, hits and weight.

    own (WINDOWS, 2) is the user's level and slope, moved by what is settled.
    """
    settled = np.zeros((WINDOWS * OPEN * FOLLOWED, 3), np.int64)
    k = 0
    for w in range(WINDOWS):
        kept = 0
        for g in range(sizes[w]):
            age_ms = time_ms - followed[w, g, MADE]
            over = age_ms > windows_ms[w]
            weight = followed[w, g, WEIGHT]
            for m in range(followed[w, g, SIZE]):
                e = FIRST + m * STATED_FIELDS
                if age_ms > 0 and not over and followed[w, g, e + PROGRAM_HASH] == program:
                    followed[w, g, e + HIT] = 1
                if over:
                    hit = followed[w, g, e + HIT]
                    settled[k, 0], settled[k, 1] = followed[w, g, e + BIN], hit * weight
                    settled[k, 2] = weight
                    k += 1
                    adapt(own, w, followed[w, g, e + LOGIT] / LOGIT_SCALE, hit, weight)
            if not over:
                followed[w, kept] = followed[w, g]
                kept += 1
        sizes[w] = kept
    return settled[:k]


@kernel
def adapt(own: npt.NDArray[np.float32], w: int, stated: float, hit: int, weight: int) -> None:
    """Move the user's level and slope by the error of one stated log-odds."""
    error = hit - 1.0 / (1.0 + np.exp(-(float(own[w, 0]) + (1.0 + float(own[w, 1])) * stated)))
    error *= min(weight, MOST_WEIGHT)
    own[w, 0] = min(MOST_LEVEL, max(-MOST_LEVEL, own[w, 0] + LEVEL_RATE * error))
    own[w, 1] = min(MOST_SLOPE, max(-MOST_SLOPE, own[w, 1] + SLOPE_RATE * error * stated))


@kernel
def follow(
    followed: Integers, sizes: Integers, windows_ms: Integers, hashes: Integers, stated: Floats,
    bins: Integers, time_ms: int, launches: int,
) -> None:  # fmt: skip
    """Let the likeliest candidates of a launch wait for what becomes of them.

    stated (candidates, WINDOWS) are log-odds. Of the launches in each eighth of a window one drawn
    by chance is followed and counts for all, whatever comes of it: taking only what finds room, or
    dropping what is settled, would prefer quiet hours or misses.
    """
    order = np.zeros(FOLLOWED, np.int64)
    for w in range(WINDOWS):
        eighth_ms = windows_ms[w] // PER_WINDOW
        g = sizes[w] - 1
        if g >= 0 and followed[w, g, MADE] // eighth_ms == time_ms // eighth_ms:
            followed[w, g, WEIGHT] = min(followed[w, g, WEIGHT] + 1, 60_000)
            if mixed(launches, w) % followed[w, g, WEIGHT] != 0:
                continue
        else:
            g += 1
            if g == OPEN:
                continue  # can't be while time goes on
            sizes[w] += 1
            followed[w, g, WEIGHT] = 1
        followed[w, g, MADE] = time_ms
        size = 0
        for m in order[: best_of(stated[:, w], 0, len(stated), order)]:
            if stated[m, w] >= logit(LEAST_P):
                e = FIRST + size * STATED_FIELDS
                followed[w, g, e + PROGRAM_HASH] = short_hash(hashes[m])
                followed[w, g, e + BIN] = bins[m, w]
                kept = min(MOST_LOGIT, max(-MOST_LOGIT, stated[m, w]))
                followed[w, g, e + LOGIT] = round(kept * LOGIT_SCALE)
                followed[w, g, e + HIT] = 0
                size += 1
        followed[w, g, SIZE] = size


@kernel
def calibrated(stated: Floats, own: npt.NDArray[np.float32]) -> Floats:
    """Return probabilities at the user's level and slope, not falling with the window."""
    out = np.zeros(stated.shape)
    for m in range(stated.shape[0]):
        for w in range(WINDOWS):
            out[m, w] = 1.0 / (
                1.0 + np.exp(-(float(own[w, 0]) + (1.0 + float(own[w, 1])) * stated[m, w]))
            )
            if w > 0 and out[m, w] < out[m, w - 1]:
                out[m, w] = out[m, w - 1]
    return out


def shifts_of(counts: Integers) -> Floats:
    """Return the shift of each bin's log-odds.

    Parameters
    ----------
    counts
        Outcomes and hits, shape (2, CALIBRATION_BINS).
    """
    seen, hits = counts
    middle = LOWEST + (np.arange(CALIBRATION_BINS) % P_BINS + 0.5) / PER_UNIT
    stated = 1 / (1 + np.exp(-middle))
    rate = np.clip((hits + PRIOR * stated) / (seen + PRIOR), 1e-3, 1 - 1e-3)
    return np.asarray(np.where(seen > 0, np.log(rate / (1 - rate)) - middle, 0.0), np.float64)
