"""What one launch teaches: integers for the population, small steps for the user's own weights."""

from typing import Any

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.programs.layout import (
    ESCAPE_HITS,
    ESCAPE_SEEN,
    FEATURES,
    HITS,
    SEEN,
    SELECTED_GRADIENT,
    STATE_FEATURES,
    STATES,
)  # fmt: skip
from streams.models.programs.share import BOLD, CAREFUL
from streams.models.programs.sums_table import BLOCK, OF_HESSIAN, Table, add_few, with_room

GRADIENT_SCALE = 65536.0
HESSIAN_SCALE = 1024.0
# Strength of the population's weights against the user's own, of the careful and the bold learner.
# Alone, 300, 1,000 and a plain rate of 1e-4 came to 67.6, 67.4 and 66.6 % of top 3 on shells, LANL
# to .883, .873 and .873 nats.
CAREFUL_RIDGE, BOLD_RIDGE = 1000.0, 100.0


@kernel
def adapt_own(
    own_weights: npt.NDArray[np.float32],
    gradient: npt.NDArray[np.float64],
    axes: npt.NDArray[np.float64],
    curvature: npt.NDArray[np.float64],
    launches: int,
) -> None:
    """Move the user's own weights by one Newton step at the curvature of so many launches.

    own_weights and gradient are the careful and the bold learner's, shape (2, FEATURES).
    """
    for k in range(FEATURES):
        careful, bold = 0.0, 0.0
        for f in range(FEATURES):
            careful += axes[k, f] * gradient[CAREFUL, f]
            bold += axes[k, f] * gradient[BOLD, f]
        careful /= CAREFUL_RIDGE + launches * curvature[k]
        bold /= BOLD_RIDGE + launches * curvature[k]
        for f in range(FEATURES):
            own_weights[CAREFUL, f] += axes[k, f] * careful
            own_weights[BOLD, f] += axes[k, f] * bold


@kernel
def learn(
    y: int,
    states: npt.NDArray[np.int16],
    features: npt.NDArray[np.float64],
    p: npt.NDArray[np.float64],
    said: npt.NDArray[np.float64],
    sets: npt.NDArray[np.int64],
    own_weights: npt.NDArray[np.float32],
    axes: npt.NDArray[np.float64],
    curvature: npt.NDArray[np.float64],
    launches: int,
    table: Table,
) -> Any:
    """Return the table of sums with what the candidate y that came (-1: none) teaches added.

    The population learns from the mixture's probabilities p, the user's own weights from what the
    learners said, shape (LEARNERS, candidates). axes (FEATURES, FEATURES) and curvature (FEATURES,)
    are those of an average launch's log loss: the user's own weights move as in a regression that
    the population's are the prior of.
    """
    keys, sums, block, used = table
    size = len(p)
    for m in range(size):
        keys, sums = with_room(keys, sums, used, STATE_FEATURES)
        used = add_states(keys, sums, used, SEEN, states[m])
    keys, sums = with_room(keys, sums, used, STATE_FEATURES + 2 * FEATURES + 2)
    escape = np.array([ESCAPE_SEEN + sets[2], ESCAPE_HITS + sets[2]])
    used = add_few(keys, sums, used, escape[: 1 if y >= 0 else 2], np.ones(2, np.int64))
    if y < 0:
        return keys, sums, block, used
    used = add_states(keys, sums, used, HITS, states[y])
    mean = np.zeros(FEATURES)
    own_gradient = np.zeros((2, FEATURES))
    for m in range(size):
        careful, bold = said[CAREFUL, m], said[BOLD, m]
        for f in range(FEATURES):
            x = features[m, f]
            mean[f] += p[m] * x
            own_gradient[CAREFUL, f] -= careful * x
            own_gradient[BOLD, f] -= bold * x
    gradient = features[y] - mean
    own_gradient += features[y]
    adapt_own(own_weights, own_gradient, axes, curvature, launches)
    if len(block) == 0:
        block = np.zeros(BLOCK, np.int64)
    fixed = np.zeros(FEATURES, np.int64)
    for f in range(FEATURES):
        fixed[f] = round(gradient[f] * GRADIENT_SCALE)
        block[f] += fixed[f]
    for k in range(2):
        first = SELECTED_GRADIENT + sets[k] * FEATURES
        used = add_few(keys, sums, used, np.arange(first, first + FEATURES), fixed)
    add_curvature(features, p, mean, block[OF_HESSIAN:])
    return keys, sums, block, used


@kernel
def add_states(
    keys: npt.NDArray[np.int64],
    sums: npt.NDArray[np.int64],
    used: int,
    start: int,
    states: npt.NDArray[np.int16],
) -> int:
    """Count the states of a candidate, one of each feature; return how many keys there are then."""
    numbers = np.zeros(STATE_FEATURES, np.int64)
    for f in range(STATE_FEATURES):
        numbers[f] = start + f * STATES + int(states[f])  # 16 bits would not hold it, uncompiled
    return add_few(keys, sums, used, numbers, np.ones(STATE_FEATURES, np.int64))


@kernel
def add_curvature(
    features: npt.NDArray[np.float64],
    p: npt.NDArray[np.float64],
    mean: npt.NDArray[np.float64],
    sums: npt.NDArray[np.int64],
) -> None:
    """Add the curvature of a launch's log loss, row after row up to its diagonal."""
    hessian = np.zeros(len(sums))
    d = np.zeros(FEATURES)
    for m in range(len(p)):
        if p[m] < 1e-3:
            continue
        for f in range(FEATURES):
            d[f] = features[m, f] - mean[f]
        k = 0
        for f in range(FEATURES):
            s = p[m] * d[f]
            for g in range(f + 1):
                hessian[k + g] += s * d[g]
            k += f + 1
    for k in range(len(sums)):
        sums[k] += round(hessian[k] * HESSIAN_SCALE)
