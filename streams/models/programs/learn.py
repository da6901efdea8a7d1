"""What one launch teaches: integers for the population, small steps for the user's own weights."""

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.programs.layout import (
    ESCAPE_HITS,
    ESCAPE_SEEN,
    FEATURES,
    GRADIENT,
    HESSIAN,
    HITS,
    SEEN,
    SELECTED_GRADIENT,
    STATE_FEATURES,
    STATES,
)  # fmt: skip

GRADIENT_SCALE = 65536.0
HESSIAN_SCALE = 1024.0
# Strength of the population's weights against the user's own. With 300, 1,000 and a plain rate of
# 1e-4 shells come to 67.6, 67.4 and 66.6 % of top 3, LANL to .883, .873 and .873 nats.
OWN_RIDGE = 1000.0


@kernel
def adapt_own(
    own_weights: npt.NDArray[np.float32],
    gradient: npt.NDArray[np.float64],
    axes: npt.NDArray[np.float64],
    curvature: npt.NDArray[np.float64],
    launches: int,
) -> None:
    """Move the user's own weights by one Newton step at the curvature of so many launches."""
    for k in range(FEATURES):
        along = 0.0
        for f in range(FEATURES):
            along += axes[k, f] * gradient[f]
        along /= OWN_RIDGE + launches * curvature[k]
        for f in range(FEATURES):
            own_weights[f] += axes[k, f] * along


@kernel
def learn(  # noqa: C901, PLR0912 - one pass over the candidates
    y: int,
    states: npt.NDArray[np.int16],
    features: npt.NDArray[np.float64],
    p: npt.NDArray[np.float64],
    sets: npt.NDArray[np.int64],
    own_weights: npt.NDArray[np.float32],
    axes: npt.NDArray[np.float64],
    curvature: npt.NDArray[np.float64],
    launches: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return numbers and values to add to the sums, for the candidate y that came (-1: none).

    axes (FEATURES, FEATURES) and curvature (FEATURES,) are those of an average launch's log loss:
    the user's own weights move as in a regression that the population's are the prior of.
    """
    size = len(p)
    seen = size * STATE_FEATURES
    room = 2 * seen + 2 + 3 * FEATURES + FEATURES * FEATURES
    numbers = np.zeros(room, np.int64)
    values = np.zeros(room, np.int64)
    k = 0
    for m in range(size):
        for f in range(STATE_FEATURES):
            number = f * STATES + states[m, f]
            numbers[k], values[k] = SEEN + number, 1
            k += 1
            if m == y:
                numbers[k], values[k] = HITS + number, 1
                k += 1
    numbers[k], values[k] = ESCAPE_SEEN + sets[2], 1
    k += 1
    if y < 0:
        numbers[k], values[k] = ESCAPE_HITS + sets[2], 1
        return numbers[: k + 1], values[: k + 1]
    mean = np.zeros(FEATURES)
    for m in range(size):
        for f in range(FEATURES):
            mean[f] += p[m] * features[m, f]
    gradient = features[y] - mean
    adapt_own(own_weights, gradient, axes, curvature, launches)
    for f in range(FEATURES):
        g = gradient[f]
        fixed = round(g * GRADIENT_SCALE)
        numbers[k], values[k] = GRADIENT + f, fixed
        numbers[k + 1], values[k + 1] = SELECTED_GRADIENT + sets[0] * FEATURES + f, fixed
        numbers[k + 2], values[k + 2] = SELECTED_GRADIENT + sets[1] * FEATURES + f, fixed
        k += 3
    hessian = np.zeros((FEATURES, FEATURES))
    d = np.zeros(FEATURES)
    for m in range(size):
        if p[m] < 1e-3:
            continue
        for f in range(FEATURES):
            d[f] = features[m, f] - mean[f]
        for f in range(FEATURES):
            s = p[m] * d[f]
            for g_ in range(f + 1):
                hessian[f, g_] += s * d[g_]
    for f in range(FEATURES):
        for g_ in range(f + 1):
            numbers[k], values[k] = (
                HESSIAN + f * FEATURES + g_,
                round(hessian[f, g_] * HESSIAN_SCALE),
            )
            k += 1
    return numbers[:k], values[:k]
