"""A small network that learns the rate of requests on each level from the state, online.

Rates are exp(linear + one hidden layer) at the knots of `levels` and log-linear between them. It
learns by the likelihood of a Poisson process (rate x time - log rate at each request) with Adam
(Kingma & Ba 2015), eight intervals a step: one interval a step lost 15 % at 99 % on NASA iPSC.
"""

import numpy as np
import numpy.typing as npt

from allocator.policy.compiled import kernel
from allocator.policy.layout import FEATURES
from allocator.policy.levels import KNOT, KNOTS, SHARE, WIDTH

Floats = npt.NDArray[np.float64]

HIDDEN = 16
_IN_BIAS = FEATURES * HIDDEN
_OUT = _IN_BIAS + HIDDEN
_SKIP = _OUT + HIDDEN * KNOTS
_OUT_BIAS = _SKIP + FEATURES * KNOTS
WEIGHTS = _OUT_BIAS + KNOTS

_INTERVALS_PER_STEP = 8
_LEARNING_RATE = 2e-3
_SLOWED_AFTER = 30_000.0  # intervals, about three weeks of minutes
_LEAST_SHARE_OF_RATE = 0.15  # keeps it learning for ever
_MOMENTUM = 0.9
_SCALE_MEMORY = 0.999
_LOG_RATE_MIN = -18.0
_LOG_RATE_MAX = 6.0
_CLIP = 5.0


def first_weights(seed: int) -> Floats:
    """Weights before anything was learned: rare requests, rarer on higher levels."""
    weights = np.zeros(WEIGHTS)
    spread = np.sqrt(3.0 / FEATURES)  # uniform of variance 1 / FEATURES
    draws = np.random.Generator(np.random.PCG64(seed)).random(_IN_BIAS)
    weights[:_IN_BIAS] = spread * (2.0 * draws - 1.0)
    weights[_OUT_BIAS:] = -7.0 - np.arange(KNOTS)
    return weights


@kernel
def forward(weights: Floats, x: Floats, hidden: Floats, knots: Floats) -> None:
    """Fill the hidden layer and the log rates at the knots for one standardised state.

    The innermost loops run over units and knots, not over sums: those are vectorised without
    reordering any addition.
    """
    hidden[:] = weights[_IN_BIAS:_OUT]
    knots[:] = weights[_OUT_BIAS:]
    for k in range(FEATURES):
        value = x[k]
        to_hidden = weights[k * HIDDEN : (k + 1) * HIDDEN]
        for unit in range(HIDDEN):
            hidden[unit] += value * to_hidden[unit]
        to_knots = weights[_SKIP + k * KNOTS : _SKIP + (k + 1) * KNOTS]
        for knot in range(KNOTS):
            knots[knot] += value * to_knots[knot]
    for unit in range(HIDDEN):
        hidden[unit] = np.tanh(hidden[unit])
        to_knots = weights[_OUT + unit * KNOTS : _OUT + (unit + 1) * KNOTS]
        for knot in range(KNOTS):
            knots[knot] += hidden[unit] * to_knots[knot]
    for knot in range(KNOTS):
        knots[knot] = min(max(knots[knot], _LOG_RATE_MIN), _LOG_RATE_MAX)


@kernel
def level_rates(knots: Floats, top: int, rates: Floats) -> None:
    """Requests per second on each level, interpolated between the knots."""
    for level in range(top):
        k, share = KNOT[level], SHARE[level]
        rates[level] = WIDTH[level] * np.exp((1.0 - share) * knots[k] + share * knots[k + 1])


@kernel
def knot_errors(
    rates: Floats, seen: Floats, dt_s: float, top: int, errors: Floats
) -> None:  # pragma: no cover - compiled
    """Gradient of the loss of one interval in the log rates at the knots."""
    errors[:] = 0.0
    for level in range(top):
        error = min(max(rates[level] * dt_s - seen[level], -_CLIP), _CLIP)
        errors[KNOT[level]] += (1.0 - SHARE[level]) * error
        errors[KNOT[level] + 1] += SHARE[level] * error


@kernel
def backward(
    weights: Floats, x: Floats, hidden: Floats, errors: Floats, gradient: Floats
) -> None:  # pragma: no cover - compiled
    """Add one interval's gradient to `gradient`, of shape (WEIGHTS,)."""
    back = np.zeros(HIDDEN)
    for unit in range(HIDDEN):
        start = _OUT + unit * KNOTS
        total = 0.0
        for knot in range(KNOTS):
            total += errors[knot] * weights[start + knot]
            gradient[start + knot] += errors[knot] * hidden[unit]
        back[unit] = total * (1.0 - hidden[unit] * hidden[unit])
    for k in range(FEATURES):
        value = x[k]
        to_hidden = gradient[k * HIDDEN : (k + 1) * HIDDEN]
        for unit in range(HIDDEN):
            to_hidden[unit] += value * back[unit]
        to_knots = gradient[_SKIP + k * KNOTS : _SKIP + (k + 1) * KNOTS]
        for knot in range(KNOTS):
            to_knots[knot] += value * errors[knot]
    gradient[_IN_BIAS:_OUT] += back
    gradient[_OUT_BIAS:] += errors


@kernel
def maybe_step(weights: Floats, moments: Floats, learned: float) -> None:
    """Adam's step with the gradients summed in `moments[0]`, every eighth interval.

    Parameters
    ----------
    moments
        Summed gradient, first and second moment, of shape (3, WEIGHTS).
    learned
        Number of intervals learned so far.
    """
    if learned % _INTERVALS_PER_STEP != 0:
        return
    step = learned / _INTERVALS_PER_STEP
    unbias = np.sqrt(1.0 - _SCALE_MEMORY ** min(step, 20_000.0))
    unbias /= 1.0 - _MOMENTUM ** min(step, 1_000.0)
    slowed = max(_LEAST_SHARE_OF_RATE, 1.0 / np.sqrt(1.0 + learned / _SLOWED_AFTER))
    rate = _LEARNING_RATE * unbias * slowed
    for k in range(WEIGHTS):
        gradient = moments[0, k]
        moments[0, k] = 0.0
        moments[1, k] += (1.0 - _MOMENTUM) * (gradient - moments[1, k])
        moments[2, k] += (1.0 - _SCALE_MEMORY) * (gradient * gradient - moments[2, k])
        weights[k] -= rate * moments[1, k] / (np.sqrt(moments[2, k]) + 1e-6)
