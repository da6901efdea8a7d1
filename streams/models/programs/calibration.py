"""Calibrates the probabilities within windows by what became of earlier ones, over all users.

Stated probabilities wait in the user's state until the program came or the window closed. Their
outcomes are summed by bin of the stated probability and by how much it rested on; each bin then
shifts the log-odds (a histogram of recalibration, Zadrozny and Elkan 2001).
"""

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel

WINDOWS = 4
# Probabilities that wait, per window; a prediction that finds no room is not followed up.
WAITING = 48
LEAST_P = 0.03
FOLLOWED = 5
P_BINS, SUPPORT_BINS = 16, 5
CALIBRATION_BINS = WINDOWS * SUPPORT_BINS * P_BINS
# Weight, in outcomes, of the probability as stated.
PRIOR = 30.0
P_SCALE = 65536

# Rows of `Waiting.entries`: when it was stated (ms), of which program (hash), bin, and p scaled.
MADE, PROGRAM_HASH, BIN, STATED, ROWS = range(5)


@kernel
def bin_of(window: int, occasions: int, p: float) -> int:
    """Return the calibration bin of a probability that rests on a number of occasions."""
    support = 0
    for least in (1, 4, 12, 40):
        if occasions >= least:
            support += 1
    log_odds = np.log(max(p, 1e-4) / max(1.0 - p, 1e-4))
    place = min(P_BINS - 1, max(0, int((log_odds + 4.0) * 2.0)))
    return (window * SUPPORT_BINS + support) * P_BINS + place


@kernel
def resolve(
    entries: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], windows_ms: npt.NDArray[np.int64],
    program_hash: int, time_ms: int,
) -> npt.NDArray[np.int64]:  # fmt: skip
    """Take out what a launch settles; return rows of bin, hit and stated probability."""
    settled = np.zeros((sizes.sum(), 3), np.int64)
    k = 0
    for w in range(WINDOWS):
        kept = 0
        for e in range(sizes[w]):
            age_ms = time_ms - entries[w, MADE, e]
            hit = entries[w, PROGRAM_HASH, e] == program_hash and 0 < age_ms <= windows_ms[w]
            if hit or age_ms > windows_ms[w]:
                settled[k, 0] = entries[w, BIN, e]
                settled[k, 1] = 1 if hit else 0
                settled[k, 2] = entries[w, STATED, e]
                k += 1
            else:
                entries[w, :, kept] = entries[w, :, e]
                kept += 1
        sizes[w] = kept
    return settled[:k]


@kernel
def follow(
    entries: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], hashes: npt.NDArray[np.int64],
    p: npt.NDArray[np.float64], bins: npt.NDArray[np.int64], time_ms: int,
) -> None:  # fmt: skip
    """Let the first stated probabilities wait for their outcome, where there is room."""
    for w in range(WINDOWS):
        if sizes[w] + FOLLOWED > WAITING:
            continue
        for m in range(min(FOLLOWED, len(hashes))):
            if p[m, w] >= LEAST_P:
                e = sizes[w]
                entries[w, MADE, e], entries[w, PROGRAM_HASH, e] = time_ms, hashes[m]
                entries[w, BIN, e], entries[w, STATED, e] = bins[m, w], round(p[m, w] * P_SCALE)
                sizes[w] += 1


@kernel
def calibrated(
    p: npt.NDArray[np.float64], bins: npt.NDArray[np.int64], shifts: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:  # fmt: skip
    """Return the probabilities with their log-odds shifted, not falling with the window."""
    out = np.zeros(p.shape)
    for m in range(p.shape[0]):
        for w in range(WINDOWS):
            q = min(max(p[m, w], 1e-6), 1.0 - 1e-6)
            out[m, w] = 1.0 / (1.0 + np.exp(-(np.log(q / (1.0 - q)) + shifts[bins[m, w]])))
            if w > 0 and out[m, w] < out[m, w - 1]:
                out[m, w] = out[m, w - 1]
    return out


def shifts_of(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the shift of each bin's log-odds.

    Parameters
    ----------
    counts
        Outcomes, hits and the sum of stated probabilities (scaled), shape (3, CALIBRATION_BINS).
    """
    seen, hits = counts[0], counts[1]
    mean = np.clip(counts[2] / P_SCALE / np.maximum(seen, 1), 1e-3, 1 - 1e-3)
    rate = np.clip((hits + PRIOR * mean) / (seen + PRIOR), 1e-3, 1 - 1e-3)
    shift = np.log(rate / (1 - rate)) - np.log(mean / (1 - mean))
    return np.asarray(np.where(seen > 0, shift, 0.0), np.float64)
