"""Scores each point of one series by how unlike its past it is, then learns it.

Three families of features, each member turned into its rarity among the series' own past (so no
feature needs a scale or a weight of its own): distance from the profile of the day, isolation from
the nearest stretches of the past, and novelty of range. Their mean, less an allowance that grows
with the number of points tried and less for each earlier alarm like it, is the strength; one that
repeats a recent alarm scores 0.
"""

import math
import struct
from typing import Self

import numpy as np

from streams.models.anomaly import blocks as b
from streams.models.anomaly.neighbours import isolation, remember
from streams.models.anomaly.novelty import (
    NOVELTIES,
    NOVELTY_SLOTS,
    learn_novelty,
    measure_novelty,
)
from streams.models.anomaly.profile import (
    ALL_MEAN,
    ALL_VARIANCE,
    PROFILE_SLOTS,
    VARIANCES,
    bin_of,
    centre_and_width,
    compression,
    learn_profile,
    measure_profile,
)
from streams.models.anomaly.scale import (
    SCALE_SLOTS,
    SEEN,
    VARIANCE,
    Floats,
    learn_scale,
    spread,
)
from streams.models.anomaly.suppression import (
    COUNT,
    POINTS,
    SUPPRESSION_SLOTS,
    recurrence,
    repeats,
)
from streams.models.anomaly.tail import TAIL_SLOTS, learn_tail, rarity
from streams.models.compiled import kernel

VERSION = 3
_HEADER = struct.Struct("<BI")

PROFILE_FEATURES, FINE_FEATURES, COARSE_FEATURES = 2, 2, 3
NEIGHBOUR_FEATURES = FINE_FEATURES + COARSE_FEATURES
FIRST_NEIGHBOUR = PROFILE_FEATURES
FIRST_COARSE = FIRST_NEIGHBOUR + FINE_FEATURES
FIRST_NOVELTY = FIRST_NEIGHBOUR + NEIGHBOUR_FEATURES
FEATURES = FIRST_NOVELTY + NOVELTIES
PROFILE_WEIGHT, NEIGHBOUR_WEIGHT, NOVELTY_WEIGHT = 0.25, 0.5, 0.25

# Slots of the state, one part after the other.
SCALE = 0
COPIES = SCALE + SCALE_SLOTS  # scale of the plain and of the flattened copy
PROFILE = COPIES + 2 * SCALE_SLOTS
NOVELTY = PROFILE + PROFILE_SLOTS
BLOCKS = NOVELTY + NOVELTY_SLOTS
HELD = BLOCKS + b.BLOCKS_SLOTS  # the coarse features hold until the next block
SUPPRESSION = HELD + COARSE_FEATURES
STRENGTH = SUPPRESSION + SUPPRESSION_SLOTS
ORIGIN = STRENGTH + 1  # the first value
TAILS = ORIGIN + 1
MEMORIES = TAILS + FEATURES * TAIL_SLOTS

DEFAULT_MEMORY = 8192
LEAST_MEMORY, MOST_MEMORY = 128, 1 << 16
VALUE_LIMIT = 1e100  # squares of larger values would overflow
ALLOWANCE = 0.3
ALLOWED_FREE = 100.0
SILENT = -1.0  # the strength from which scores begin
HALFWAY = 0.7  # above that: score 0.5


@kernel
def _measure_fine(state: Floats, memory: Floats, value: float, features: Floats) -> None:
    """Isolation of the stretches that end with the point.

    Values are remembered from the first one on, so that a small range far from zero keeps its bits.
    """
    if state[SCALE + SEEN] == 0.0:
        state[ORIGIN] = value
    held = remember(memory, int(state[SCALE + SEEN]), value - state[ORIGIN])
    size = spread(state[SCALE : SCALE + SCALE_SLOTS])
    features[FIRST_NEIGHBOUR] = isolation(memory, held, 8, 3, 3, size)
    features[FIRST_NEIGHBOUR + 1] = isolation(memory, held, 3, 1, 1, size)


@kernel
def _measure_coarse(state: Floats, memories: Floats, value: float) -> None:
    """Take a point into the blocks; at a block's end, compare it with the blocks before."""
    blocks = state[BLOCKS:HELD]
    b.take(blocks, 1, b.flattened(blocks, value))
    b.take(blocks, 0, value - state[ORIGIN])
    blocks[b.FILLED] += 1.0
    if blocks[b.FILLED] < b.BLOCK:
        return
    blocks[b.FILLED] = 0.0
    features = state[HELD:SUPPRESSION]
    count = int(state[COPIES + SEEN])
    half = len(memories) // 2
    for copy in range(2):
        scale = state[COPIES + copy * SCALE_SLOTS : COPIES + (copy + 1) * SCALE_SLOTS]
        memory = memories[copy * half : (copy + 1) * half]
        point = b.close(blocks, copy, count == 0)
        held = remember(memory, count, point)
        learn_scale(scale, point)
        if copy == 0:
            features[0] = isolation(memory, held, 8, 1, 3, spread(scale))
        else:
            features[1] = isolation(memory, held, 8, 1, 1, spread(scale))
            features[2] = isolation(memory, held, 12, 1, 1, spread(scale))


@kernel
def _strength(state: Floats, features: Floats, seen: float) -> float:
    """Mean rarity of the families, less the allowance; learns the features' tails."""
    total = 0.0
    for f in range(FEATURES):
        tail = state[TAILS + f * TAIL_SLOTS : TAILS + (f + 1) * TAIL_SLOTS]
        if f < FIRST_NEIGHBOUR:
            weight = PROFILE_WEIGHT / PROFILE_FEATURES
        elif f < FIRST_NOVELTY:
            weight = NEIGHBOUR_WEIGHT / NEIGHBOUR_FEATURES
        else:
            weight = NOVELTY_WEIGHT / NOVELTIES
        total += weight * rarity(tail, features[f])
        learn_tail(tail, features[f])
    return total - ALLOWANCE * math.log10(max(seen, ALLOWED_FREE) / ALLOWED_FREE)


@kernel
def _step(state: Floats, memory: int, value: float, time_s: float) -> float:
    """Strength of a point, SILENT where it repeats an alarm; then learn the point."""
    scale = state[SCALE : SCALE + SCALE_SLOTS]
    profile = state[PROFILE:NOVELTY]
    novelty = state[NOVELTY:BLOCKS]
    features = np.zeros(FEATURES)
    measure_profile(profile, scale, value, time_s, features[:PROFILE_FEATURES])
    measure_novelty(novelty, scale, value, features[FIRST_NOVELTY:])
    _measure_fine(state, state[MEMORIES : MEMORIES + memory], value, features)
    _measure_coarse(state, state[MEMORIES + memory :], value)
    features[FIRST_COARSE:FIRST_NOVELTY] = state[HELD:SUPPRESSION]
    learn_profile(profile, scale, value, time_s)
    learn_novelty(novelty, scale, value)
    learn_scale(scale, value)
    strength = _strength(state, features, scale[SEEN])
    suppression = state[SUPPRESSION:STRENGTH]
    loss = recurrence(suppression, strength)
    repeated = repeats(suppression, strength)
    state[STRENGTH] = strength - loss if strength > 0.0 else SILENT
    return SILENT if repeated else state[STRENGTH]


def state_slots(memory: int) -> int:
    """Numbers in the state of a detector that remembers `memory` points."""
    return MEMORIES + memory + 2 * (memory // 4)


class SeriesDetector:
    """Streaming anomaly score of one series of numbers.

    Parameters
    ----------
    memory
        Points that stretches are compared with, 128 to 65,536. The saved state takes 6 bytes a
        point and 12 KB besides: 60 KB for 8,192 (55 to 130 us a point), 18 KB for 1,024 (30 us).

    Examples
    --------
    >>> detector = SeriesDetector()
    >>> quiet = [detector.score(float(k % 5), 300.0 * k) for k in range(400)]
    >>> detector.score(60.0, 300.0 * 400) > max(quiet[100:])
    True
    >>> low, high = detector.expected(300.0 * 401)
    >>> low < 2.0 < high
    True
    """

    __slots__ = ("_memory", "_state")

    def __init__(self, memory: int = DEFAULT_MEMORY) -> None:
        if not LEAST_MEMORY <= memory <= MOST_MEMORY:
            raise ValueError(f"memory must be {LEAST_MEMORY} to {MOST_MEMORY} points")
        self._memory = memory
        self._state = np.zeros(state_slots(memory))

    def score(self, value: float, time_s: float) -> float:
        """Score a point from what came before it, then learn it.

        Parameters
        ----------
        value
            The point; NaN or infinite means missing: score 0, nothing learned.
        time_s
            Its unix time in seconds.

        Returns
        -------
        float
            In [0, 1]; 0.5 is the shipped alert threshold.
        """
        if not (math.isfinite(value) and math.isfinite(time_s)):
            return 0.0
        bounded = min(max(value, -VALUE_LIMIT), VALUE_LIMIT)
        return score_of(_step(self._state, self._memory, bounded, time_s))

    @property
    def unsuppressed(self) -> float:
        """Score of the last point as if no alarm had come before it: is the incident still on?"""
        return score_of(float(self._state[STRENGTH])) if self._state[SCALE + SEEN] else 0.0

    def expected(self, time_s: float, widths: float = 3.0) -> tuple[float, float]:
        """Lowest and highest value that the profile of the day expects at a time.

        Parameters
        ----------
        time_s
            Unix time in seconds.
        widths
            Half the width of the range in standard deviations (of compressed values).
        """
        unit = float(compression(self._state[SCALE : SCALE + SCALE_SLOTS]))
        centre, width = centre_and_width(self._state[PROFILE:NOVELTY], bin_of(time_s))
        low, high = centre - widths * width, centre + widths * width
        return unit * math.sinh(max(low, -700.0)), unit * math.sinh(min(high, 700.0))

    def to_bytes(self) -> bytes:
        """State as bytes: a version, the memory, then little-endian numbers."""
        head, kept = self._state[:MEMORIES], self._state[MEMORIES:]
        header = _HEADER.pack(VERSION, self._memory)
        return header + head.astype("<f8").tobytes() + kept.astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, blob: bytes) -> Self:
        """Restore a detector; ValueError if the bytes are none of this version."""
        if len(blob) < _HEADER.size:
            raise ValueError("a detector's state is longer than that")
        version, memory = _HEADER.unpack_from(blob)
        if version != VERSION:
            raise ValueError(f"a detector's state of version {version}, this is {VERSION}")
        detector = cls(memory)
        state = detector._state
        if len(blob) != _HEADER.size + 8 * MEMORIES + 4 * (len(state) - MEMORIES):
            raise ValueError(f"a detector's state of {memory} points has another length")
        state[:MEMORIES] = np.frombuffer(blob, "<f8", MEMORIES, _HEADER.size)
        state[MEMORIES:] = np.frombuffer(blob, "<f4", -1, _HEADER.size + 8 * MEMORIES)
        _check(state)
        return detector


def _check(state: Floats) -> None:
    """Raise where a kernel would be led out of its arrays or into NaN."""
    if not np.isfinite(state).all():
        raise ValueError("a detector's state holds finite numbers only")
    whole = (SCALE, COPIES, COPIES + SCALE_SLOTS)
    counts = state[[*(at + SEEN for at in whole), SUPPRESSION + POINTS, SUPPRESSION + COUNT]]
    if (counts < 0).any() or (counts > 2.0**53).any() or (counts != np.floor(counts)).any():
        raise ValueError("a detector's state counts points in whole numbers")
    variances = state[[*(at + VARIANCE for at in whole), PROFILE + ALL_VARIANCE]]
    bins = state[PROFILE + VARIANCES : PROFILE + ALL_MEAN]
    if min(variances.min(), bins.min(), state[TAILS:MEMORIES].min()) < 0.0:
        raise ValueError("a detector's state has variances and counts below zero")


def score_of(strength: float) -> float:
    """Score in [0, 1] of a strength; each 0.7 above -1 halves what is missing to 1."""
    return 1.0 - math.exp2(-max(strength - SILENT, 0.0) / HALFWAY)
