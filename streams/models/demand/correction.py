"""Corrects the mixture by what its own errors and its rules' differences tell: a last regression.

A good mixture still errs the same way twice: in an hour as in the one before, and as a day ago. The
correction is a recursive quantile regression like the experts', and counts less the further ahead.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.demand import regression
from streams.models.demand.sorted_window import Floats

# Median forecasts of these rules, less the mixture's, are features.
RULES_COMPARED = np.array([0, 1, 3, 5])
LAGS = 5
FEATURES = 1 + LAGS + len(RULES_COMPARED) + 3
FORGETTING, RIDGE = 0.9995, 100.0
# Of the interval's half width: so far a quantile is moved at most. More gains nothing, and a night
# whose errors are a thirtieth of the day's would get the day's noise.
MOST = 0.1
SHARES = np.array([0.5, 1.0, 0.5])  # of the correction at each level, an hour ahead


class Correction(NamedTuple):
    """State of one horizon of h steps."""

    features: npt.NDArray[np.float32]  # (h, FEATURES): of what is pending
    past: Floats  # (week + 2 day,): error of row r, in spreads, at r modulo the length
    errors: Floats  # (3,)
    beta: Floats  # (3, FEATURES)
    inverse: Floats  # (3, FEATURES, FEATURES)


def new_correction(horizon: int, day: int) -> Correction:
    """Return a correction that corrects nothing yet."""
    return Correction(
        np.zeros((horizon, FEATURES), np.float32),
        np.zeros(9 * day + horizon),
        np.ones(3),
        np.zeros((3, FEATURES)),
        np.tile(np.eye(FEATURES) / RIDGE, (3, 1, 1)),
    )


@kernel
def _clipped(value: float) -> float:
    return min(max(value, -4.0), 4.0)


@kernel
def fill_features(
    correction: Correction, horizon: int, day: int, target: int, slot: int, place: float,
    differences: Floats,
) -> None:  # fmt: skip
    """Keep the features of a forecast that is pending.

    Parameters
    ----------
    target, slot
        Row that is forecast, and its hour of the week.
    place
        Where the mixture's median lies around the series' mean, in spreads.
    differences
        The rules' medians less the mixture's, in spreads, shape (rules,).
    """
    past, z = correction.past, correction.features[target % horizon]
    week = 7 * day
    days = (horizon + day - 1) // day * day
    weeks = (horizon + week - 1) // week * week
    z[0] = 1.0
    lags = (horizon, horizon + 1, days, days + day, weeks)
    for j in range(LAGS):
        row = target - lags[j]
        z[1 + j] = past[row % len(past)] if row >= 0 else 0.0
    for j in range(len(RULES_COMPARED)):
        z[1 + LAGS + j] = _clipped(differences[RULES_COMPARED[j]])
    phase = 2.0 * math.pi * (slot % day) / day
    z[FEATURES - 3] = _clipped(place)
    z[FEATURES - 2] = 0.5 * math.sin(phase)
    z[FEATURES - 1] = 0.5 * math.cos(phase)
    past[(target - horizon + 1) % len(past)] = 0.0  # the row to come, until its outcome is known


@kernel
def learn(correction: Correction, horizon: int, row: int, lacking: Floats) -> None:
    """Learn what the mixture lacked.

    Parameters
    ----------
    lacking
        Outcome of the row less the mixture, at each level, in spreads, shape (3,).
    """
    z = correction.features[row % horizon].astype(np.float64)
    for t in range(3):
        regression.learn_level(
            t, lacking[t], z, FEATURES, FORGETTING, RIDGE, correction.errors, correction.beta,
            correction.inverse,
        )  # fmt: skip


@kernel
def remember(correction: Correction, row: int, lacking: float) -> None:
    """Keep the error of the mixture's median at a row, in spreads, as a later feature."""
    correction.past[row % len(correction.past)] = _clipped(lacking)


@kernel
def shift(correction: Correction, horizon: int, target: int, t: int, half: float) -> float:
    """By how many spreads a level of what is pending is to be moved.

    Parameters
    ----------
    half
        Half the width of the mixture's interval, in spreads.
    """
    z = correction.features[target % horizon].astype(np.float64)
    fitted = regression.predict(z, FEATURES, correction.beta, t)
    share = SHARES[t] / math.sqrt(horizon)
    return float(min(max(share * fitted, -MOST * half), MOST * half))
