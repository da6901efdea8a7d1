"""Scores detections the way the Numenta Anomaly Benchmark does, standard profile.

Own implementation of the published method: each labelled window is worth up to +1 for its earliest
detection (a sigmoid of where in the window that is) and -1 when missed; each detection outside a
window costs up to 0.11, less shortly after a window. The sum is scaled so that a detector that
never alarms gets 0 and a perfect one 100. The first 15 % of a series (at most 750 rows) are not
scored.

References
----------
Lavin, A. and Ahmad, S. (2015). Evaluating real-time anomaly detection algorithms: the Numenta
Anomaly Benchmark. ICMLA 2015.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FALSE_POSITIVE_WEIGHT = 0.11
PROBATION_FRACTION = 0.15
PROBATION_MAX_ROWS = 750

Floats = npt.NDArray[np.float64]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class LabelledScores:
    """Anomaly scores of one series, shape (rows,), and its windows as first and last row."""

    scores: Floats
    windows: Sequence[Span]


@dataclass(frozen=True, slots=True)
class BestThreshold:
    """The threshold with the highest score, and that score (0 to 100)."""

    threshold: float
    score: float


def scaled_sigmoid(position: float) -> float:
    """Worth of a detection at a position relative to a window: -1 its start, 0 its end."""
    if position >= 3.0:
        return -1.0
    return 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def probation_rows(rows: int) -> int:
    return min(math.floor(PROBATION_FRACTION * rows), PROBATION_MAX_ROWS)


def row_weights(rows: int, windows: Sequence[Span]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """What a detection in each row is worth, and the row's window (-1 outside, -2 not scored)."""
    worth = np.full(rows, -FALSE_POSITIVE_WEIGHT)
    window_of = np.full(rows, -1, np.int64)
    for number, (first, last) in enumerate(sorted(windows)):
        width = last - first + 1
        for row in range(first, last + 1):
            worth[row] = scaled_sigmoid((row - last - 1) / width) / scaled_sigmoid(-1.0)
            window_of[row] = number
        for row in range(last + 1, rows):
            past = (row - last) / max(width - 1, 1)
            worth[row] = FALSE_POSITIVE_WEIGHT * scaled_sigmoid(past)
    window_of[: probation_rows(rows)] = -2
    return worth, window_of


def raw_score(series: LabelledScores, threshold: float) -> tuple[float, int]:
    """Unscaled score of one series at a threshold, and how many windows it has to find."""
    worth, window_of = row_weights(len(series.scores), series.windows)
    alarm = series.scores >= threshold
    total = float(worth[alarm & (window_of == -1)].sum())
    numbers = set(window_of[window_of >= 0].tolist())
    for number in numbers:
        hits = worth[alarm & (window_of == number)]
        total += float(hits.max()) if len(hits) else -1.0
    return total, len(numbers)


def nab_score(corpus: Mapping[str, LabelledScores], threshold: float) -> float:
    """Score of a corpus at one threshold for all series, 0 (no alarms) to 100 (perfect)."""
    parts = [raw_score(series, threshold) for series in corpus.values()]
    windows = sum(count for _, count in parts)
    return 100.0 * (sum(total for total, _ in parts) + windows) / (2.0 * windows)


def best_threshold(corpus: Mapping[str, LabelledScores]) -> BestThreshold:
    """The one threshold for all series with the highest score, as the benchmark picks it."""
    worth, owner, scores, windows = _stacked(corpus)
    order = np.argsort(-scores, kind="stable")
    best = BestThreshold(math.inf, 0.0)
    found = np.full(windows, -1.0)
    total = -float(windows)
    for place, row in enumerate(order):
        number = owner[row]
        if number < 0:
            total += worth[row]
        elif worth[row] > found[number]:
            total += worth[row] - found[number]
            found[number] = worth[row]
        last_of_its_score = place + 1 == len(order) or scores[order[place + 1]] < scores[row]
        score = 100.0 * (total + windows) / (2.0 * windows)
        if last_of_its_score and score > best.score:
            best = BestThreshold(float(scores[row]), score)
    return best


def _stacked(
    corpus: Mapping[str, LabelledScores],
) -> tuple[Floats, npt.NDArray[np.int64], Floats, int]:
    """All scored rows of a corpus, their windows numbered across it."""
    worths, owners, scores = [], [], []
    windows = 0
    for series in corpus.values():
        worth, window_of = row_weights(len(series.scores), series.windows)
        kept = window_of != -2
        numbers = np.unique(window_of[window_of >= 0])
        owner = np.full(len(worth), -1, np.int64)
        inside = window_of >= 0
        owner[inside] = windows + np.searchsorted(numbers, window_of[inside])
        windows += len(numbers)
        worths.append(worth[kept])
        owners.append(owner[kept])
        scores.append(series.scores[kept])
    return np.concatenate(worths), np.concatenate(owners), np.concatenate(scores), windows
