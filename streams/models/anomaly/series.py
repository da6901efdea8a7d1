"""Scores each point of one series by how unlike its past it is, then learns it."""

import math
import struct
from typing import Self

import numpy as np

from streams.models.anomaly.tail import TAIL_SLOTS, Floats, learn, rarity
from streams.models.compiled import kernel

VERSION = 1
_HEADER = struct.Struct("<BI")

FEATURES = 3
# Slots of the running levels.
N, MEAN, VARIANCE, FAST, SPREAD, HIGH, LOW, LAST_ALARM, ALARMED_AT = range(9)
LEVEL_SLOTS = 9
STATE_SLOTS = LEVEL_SLOTS + FEATURES * TAIL_SLOTS
VALUE_LIMIT = 1e100  # squares of larger values would overflow


@kernel
def _features(levels: Floats, value: float, out: Floats) -> None:
    deviation = math.sqrt(levels[VARIANCE]) + 1e-9
    out[0] = abs(value - levels[FAST]) / (levels[SPREAD] + 1e-3 * deviation)
    out[1] = abs(value - levels[MEAN]) / deviation
    out[2] = max(value - levels[HIGH], levels[LOW] - value, 0.0) / (
        levels[HIGH] - levels[LOW] + 1e-9
    )


@kernel
def _learn_levels(levels: Floats, value: float) -> None:
    n = levels[N] + 1.0
    levels[N] = n
    if n == 1.0:
        levels[MEAN] = levels[FAST] = levels[HIGH] = levels[LOW] = value
        return
    step = value - levels[MEAN]
    gain = max(1.0 / n, 0.001)
    levels[MEAN] += gain * step
    levels[VARIANCE] = (1.0 - gain) * (levels[VARIANCE] + gain * step * step)
    levels[SPREAD] += max(1.0 / n, 0.005) * (abs(value - levels[FAST]) - levels[SPREAD])
    levels[FAST] += 0.25 * (value - levels[FAST])
    levels[HIGH] = max(levels[HIGH], value)
    levels[LOW] = min(levels[LOW], value)


@kernel
def _score(state: Floats, value: float) -> float:
    """Mean rarity of the point's features among the series' past, before it is learned."""
    levels = state[:LEVEL_SLOTS]
    features = np.zeros(FEATURES)
    if levels[N] > 0.0:
        _features(levels, value, features)
    total = 0.0
    for f in range(FEATURES):
        tail = state[LEVEL_SLOTS + f * TAIL_SLOTS : LEVEL_SLOTS + (f + 1) * TAIL_SLOTS]
        total += rarity(tail, features[f])
        learn(tail, features[f])
    _learn_levels(levels, value)
    return total / FEATURES


class SeriesDetector:
    """Streaming anomaly score of one series of numbers.

    Examples
    --------
    >>> detector = SeriesDetector()
    >>> quiet = [detector.score(float(k % 5), 300.0 * k) for k in range(400)]
    >>> detector.score(60.0, 300.0 * 400) > max(quiet[100:])
    True
    """

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state = np.zeros(STATE_SLOTS)

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
        rare = _score(self._state, min(max(value, -VALUE_LIMIT), VALUE_LIMIT))
        return 1.0 - math.exp2(-rare / 3.0)

    def to_bytes(self) -> bytes:
        """State as bytes: a version, the number of slots, then little-endian doubles."""
        return _HEADER.pack(VERSION, STATE_SLOTS) + self._state.astype("<f8").tobytes()

    @classmethod
    def from_bytes(cls, blob: bytes) -> Self:
        """Restore a detector; ValueError if the bytes are none of this version."""
        if len(blob) != _HEADER.size + 8 * STATE_SLOTS:
            raise ValueError(f"a detector's state has {8 * STATE_SLOTS} bytes, not {len(blob)}")
        if _HEADER.unpack_from(blob) != (VERSION, STATE_SLOTS):
            raise ValueError("not a state of this version of the detector")
        state = np.frombuffer(blob, "<f8", offset=_HEADER.size).astype(np.float64)
        if not np.isfinite(state).all():
            raise ValueError("a detector's state holds finite numbers only")
        detector = cls()
        detector._state = state
        return detector
