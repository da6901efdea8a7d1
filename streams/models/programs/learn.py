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
from streams.models.programs.share import BOLD, CAREFUL

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
def learn(  # noqa: C901, PLR0912 - one pass over the candidates
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
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return numbers and values to add to the sums, for the candidate y that came (-1: none).

    The population learns from the mixture's probabilities p, the user's own weights from what the
    learners said, shape (LEARNERS, candidates). axes (FEATURES, FEATURES) and curvature (FEATURES,)
    are those of an average launch's log loss: the user's own weights move as in a regression that
    the population's are the prior of.
    """
    size = len(p)
    seen = size * STATE_FEATURES
    room = 2 * seen + 2 + 3 * FEATURES + FEATURES * FEATURES
    numbers = np.zeros(room, np.int64)
    values = np.zeros(room, np.int64)
    k = 0
    for m in range(size):
        for f in range(STATE_FEATURES):
            number = f * STATES + int(states[m, f])  # 16 bits would not hold it, uncompiled
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
