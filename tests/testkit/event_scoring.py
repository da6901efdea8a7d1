"""Event-level F1: an alarm anywhere in a labelled event finds it; alarms in a row are one.

Outside the events an alarm counts once for each hour or so that it lasts, or else an alarm that is
always on would be perfect.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.testkit.nab_scoring import Floats, Span

Flags = npt.NDArray[np.bool_]
# Alarms at most this many rows apart are one, labels may be off by as much, and a false alarm
# counts again after as much.
SLACK_ROWS = 12


@dataclass(frozen=True, slots=True)
class EventCounts:
    """Labelled events found and missed, and alarms (runs of rows) outside any."""

    found: int = 0
    missed: int = 0
    false_alarms: int = 0

    def __add__(self, other: "EventCounts") -> "EventCounts":
        return EventCounts(
            self.found + other.found,
            self.missed + other.missed,
            self.false_alarms + other.false_alarms,
        )

    @property
    def f1(self) -> float:
        denominator = 2 * self.found + self.missed + self.false_alarms
        return 2 * self.found / denominator if denominator else 0.0


def spans(flags: Flags, gap: int = 0) -> list[Span]:
    """First and last row of each run of flags, runs at most `gap` rows apart joined."""
    found: list[Span] = []
    for row in np.flatnonzero(flags).tolist():
        if found and row - found[-1][1] <= gap + 1:
            found[-1] = (found[-1][0], row)
        else:
            found.append((row, row))
    return found


def count_events(alarms: Flags, labels: Flags) -> EventCounts:
    """Compare the alarms of one series with its labels, rows of both aligned."""
    near = [(max(first - SLACK_ROWS, 0), last + SLACK_ROWS + 1) for first, last in spans(labels)]
    outside = alarms.copy()
    for start, end in near:
        outside[start:end] = False
    found = sum(bool(alarms[start:end].any()) for start, end in near)
    lengths = [last - first + 1 for first, last in spans(outside, SLACK_ROWS)]
    return EventCounts(
        found, len(near) - found, sum(-(-length // SLACK_ROWS) for length in lengths)
    )


def best_f1(corpus: Sequence[tuple[Floats, Flags]]) -> tuple[float, float]:
    """Highest F1 at one threshold for all series, and that threshold."""
    pooled = np.concatenate([scores for scores, _ in corpus])
    grid = np.unique(np.quantile(pooled, 1.0 - np.geomspace(2e-4, 0.2, 60)))
    grid = grid[grid > 0.0]
    rated = [(_f1_at(corpus, threshold), float(threshold)) for threshold in grid]
    return max(rated)


def _f1_at(corpus: Sequence[tuple[Floats, Flags]], threshold: float) -> float:
    counts = [count_events(scores >= threshold, labels) for scores, labels in corpus]
    return sum(counts, EventCounts()).f1
