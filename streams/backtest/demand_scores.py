"""Scores of quantile forecasts: absolute error, pinball, coverage, width, Winkler."""

from typing import Any

import numpy as np
import numpy.typing as npt

from streams.models.demand import LEVELS

Floats = npt.NDArray[np.float64]
_LOW, _MEDIAN, _HIGH = (LEVELS.index(level) for level in (0.05, 0.5, 0.95))
_PINBALL = (0.5, 0.9, 0.95)


def mae(outcomes: Floats, stated: Floats) -> float:
    """Mean absolute error of the medians; `stated` has shape (rows, 8)."""
    return float(np.abs(outcomes - stated[:, _MEDIAN]).mean())


def pinball(outcomes: Floats, stated: Floats, level: float) -> float:
    """Mean quantile loss at a level (Koenker and Bassett 1978)."""
    error = outcomes - stated[:, LEVELS.index(level)]
    return float(np.maximum(level * error, (level - 1.0) * error).mean())


def coverage90(outcomes: Floats, stated: Floats) -> float:
    """Share of the outcomes within the 90 % interval."""
    return float(((outcomes >= stated[:, _LOW]) & (outcomes <= stated[:, _HIGH])).mean())


def winkler90(outcomes: Floats, stated: Floats) -> float:
    """Mean width plus 2 / 0.1 times the distance outside (Winkler 1972).

    Examples
    --------
    >>> stated = np.array([[0.0, 1, 1, 1, 1, 1, 2, 3]])
    >>> winkler90(np.array([2.5]), stated)
    12.0
    """
    low, high = stated[:, _LOW], stated[:, _HIGH]
    outside = np.maximum(0.0, low - outcomes) + np.maximum(0.0, outcomes - high)
    return float((high - low + 20.0 * outside).mean())


def horizon_scores(outcomes: Floats, stated: Floats, unit: float) -> dict[str, Any]:
    """Return the scores of one horizon, in the series' unit; mae_ratio in multiples of `unit`."""
    width = float((stated[:, _HIGH] - stated[:, _LOW]).mean())
    return {
        "n": len(outcomes),
        "mae_ratio": mae(outcomes, stated) / unit,
        "pinball": {str(level): pinball(outcomes, stated, level) for level in _PINBALL},
        "coverage90": coverage90(outcomes, stated),
        "width90": width,
        "winkler90": winkler90(outcomes, stated),
        "reliability": {
            str(level): float((outcomes <= stated[:, k]).mean()) for k, level in enumerate(LEVELS)
        },
    }
