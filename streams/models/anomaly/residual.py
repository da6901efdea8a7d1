"""How unlike its forecast a value is: its place in the predictive distribution.

The quantiles give the chance of a value as extreme on its side; beyond the outermost quantiles the
tails are exponential, as steep as between the last two. Forecasts are not perfectly calibrated, so
that chance is ranked among the series' own earlier ones.

References
----------
Dawid, A. P. (1984). Present position and potential developments: the prequential approach. JRSS A
147: the probability integral transform.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Self

from streams.models.anomaly.running_tail import Judgement, RunningTail, judge


@dataclass(slots=True)
class ResidualDetector:
    """Judges the values of one forecast series; 1 to 65 bytes, about 5 us a value.

    Parameters
    ----------
    unit
        The smallest difference that matters (one instance), in the series' unit: a forecast that
        is certain to the last digit does not make a difference below it an anomaly.

    Examples
    --------
    >>> detector = ResidualDetector()
    >>> levels, quantiles = (0.05, 0.5, 0.95), (10.0, 12.0, 14.0)
    >>> for k in range(300):
    ...     usual = detector.score(10.0 + k % 5, levels, quantiles)
    >>> usual < 0.4, detector.score(40.0, levels, quantiles) > 0.5
    (True, True)
    """

    unit: float = 1.0
    tail: RunningTail = field(default_factory=RunningTail)

    def judge(self, value: float, levels: Sequence[float], quantiles: Sequence[float]) -> Judgement:
        """Judge a value before it is learned.

        Parameters
        ----------
        value
            What was observed.
        levels, quantiles
            Of its forecast, each ascending, at least two; levels within (0, 1).
        """
        return judge(self.tail.p_value(self._bits(value, levels, quantiles)))

    def learn(self, value: float, levels: Sequence[float], quantiles: Sequence[float]) -> None:
        """Count a value."""
        self.tail.learn(self._bits(value, levels, quantiles))

    def score(self, value: float, levels: Sequence[float], quantiles: Sequence[float]) -> float:
        """Judge a value, then learn it; return the score in [0, 1]."""
        bits = self._bits(value, levels, quantiles)
        score = judge(self.tail.p_value(bits)).score
        self.tail.learn(bits)
        return score

    def _bits(self, value: float, levels: Sequence[float], quantiles: Sequence[float]) -> float:
        below = chance_below(value, levels, quantiles, self.unit)
        above = chance_below(
            -value,
            [1.0 - level for level in reversed(levels)],
            [-quantile for quantile in reversed(quantiles)],
            self.unit,
        )
        return -math.log2(max(min(1.0, 2.0 * min(below, above)), 1e-300))

    def to_bytes(self) -> bytes:
        """State as bytes; the unit is configuration and not among them."""
        return self.tail.to_bytes()

    @classmethod
    def from_bytes(cls, blob: bytes, unit: float = 1.0) -> Self:
        """Restore; ValueError if the bytes are none of this version."""
        return cls(unit, RunningTail.from_bytes(blob))


def chance_below(
    value: float, levels: Sequence[float], quantiles: Sequence[float], unit: float
) -> float:
    """Return the forecast's chance of a value as low or lower.

    Examples
    --------
    >>> chance_below(15.0, (0.1, 0.5, 0.9), (0.0, 10.0, 20.0), 1.0)
    0.7
    >>> round(chance_below(-10.0, (0.1, 0.5, 0.9), (0.0, 10.0, 20.0), 1.0), 12)
    0.02
    """
    _check_forecast(value, levels, quantiles)
    if value < quantiles[0]:
        width = max(quantiles[1] - quantiles[0], unit)
        decay = math.log(levels[1] / levels[0]) / width
        return levels[0] * math.exp(-decay * (quantiles[0] - value))
    if value >= quantiles[-1]:
        mirrored = [-quantiles[-1], -quantiles[-2]]
        if value == quantiles[-1]:
            return levels[-1]
        tails = [1.0 - levels[-1], 1.0 - levels[-2]]
        return 1.0 - chance_below(-value, tails, mirrored, unit)
    upper = bisect_right(quantiles, value)
    share = (value - quantiles[upper - 1]) / (quantiles[upper] - quantiles[upper - 1])
    return levels[upper - 1] + share * (levels[upper] - levels[upper - 1])


def _check_forecast(value: float, levels: Sequence[float], quantiles: Sequence[float]) -> None:
    if len(levels) != len(quantiles) or len(levels) < 2:
        raise ValueError(f"{len(levels)} levels and {len(quantiles)} quantiles")
    if not math.isfinite(value) or not all(map(math.isfinite, quantiles)):
        raise ValueError("a value and its forecast must be finite")
    rising = all(a < b for a, b in pairwise(levels))
    sorted_ = all(a <= b for a, b in pairwise(quantiles))
    if not (rising and sorted_ and levels[0] > 0.0 and levels[-1] < 1.0):
        raise ValueError("levels must rise within (0, 1) and quantiles must not fall")
