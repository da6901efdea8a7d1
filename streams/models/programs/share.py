"""Fixed share: how much each learner of the next program says, and how that follows drift.

Three learners see the same features. The careful one has the user's own weights under a strong
prior and corrections that move slowly; the bold one own weights under a tenth of that prior; the
quick one the population's weights and corrections that move fast. The mixture adds up their
probabilities, each by its posterior weight. After each launch the weights follow Bayes' rule, and
then a fixed share of them is handed out anew in equal parts, so that no learner falls so low that
it can't come back when the user changes (Herbster and Warmuth, Tracking the best expert, Machine
Learning 32, 1998). A user has weights for each of three contexts: how sure the careful learner is.
"""

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel

CAREFUL, BOLD, QUICK, LEARNERS = range(4)
# A context begins where the careful learner's largest probability reaches these.
SURE, VERY_SURE, CONTEXTS = 0.3, 0.7, 3
# Of all weight, handed out anew after each launch.
SHARE = 0.03
# What a learner is taken to have said at least: no launch ends its weight.
LEAST_P = 1e-6

Shares = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


def even_shares() -> Shares:
    """Return the weights before anything came: the same for all; shape (CONTEXTS, LEARNERS)."""
    return np.full((CONTEXTS, LEARNERS), 1.0 / LEARNERS, np.float32)


def shares_of(saved: Shares) -> Shares:
    """Return saved weights; raises ValueError where they can't be.

    None falls below its part of the share, and those of a context sum to 1 but for rounding.
    """
    enough = (saved > 0.99 * SHARE / LEARNERS).all()
    if not enough or not (abs(saved.sum(axis=1) - 1.0) < 1e-3).all():
        raise ValueError("a user's weights of learners that can't be")
    return saved


@kernel
def context_of(said: Floats) -> int:
    """Return the context of what the learners say, shape (LEARNERS, candidates)."""
    most = 0.0
    for m in range(said.shape[1]):
        most = max(most, said[CAREFUL, m])
    if most < SURE:
        return 0
    return 1 if most < VERY_SURE else 2


@kernel
def mixed_by(shares: Shares, said: Floats) -> Floats:
    """Return the mixture's probabilities, shape (candidates,).

    Parameters
    ----------
    shares
        The user's weights of the learners, shape (CONTEXTS, LEARNERS).
    said
        The learners' probabilities, shape (LEARNERS, candidates).
    """
    weights = shares[context_of(said)]
    total = 0.0
    for e in range(LEARNERS):
        total += float(weights[e])
    p = np.zeros(said.shape[1])
    for m in range(said.shape[1]):
        for e in range(LEARNERS):
            p[m] += float(weights[e]) / total * said[e, m]
    return p


@kernel
def share_out(shares: Shares, said: Floats, came: int) -> None:
    """Let the weights of the context follow the candidate that came, and share a part out anew.

    Examples
    --------
    >>> shares = even_shares()
    >>> said = np.array([[0.1, 0.1], [0.1, 0.1], [0.2, 0.0]])
    >>> for _ in range(100):
    ...     share_out(shares, said, 0)
    >>> [round(float(w), 2) for w in shares[0]]  # twice as likely, and never all
    [0.02, 0.02, 0.96]
    >>> share_out(shares, said, 1)
    >>> [round(float(w), 2) for w in shares[0]]  # once wrong
    [0.49, 0.49, 0.01]
    """
    weights = shares[context_of(said)]
    total = 0.0
    for e in range(LEARNERS):
        total += float(weights[e]) * max(LEAST_P, said[e, came])
    for e in range(LEARNERS):
        posterior = float(weights[e]) * max(LEAST_P, said[e, came]) / total
        weights[e] = (1.0 - SHARE) * posterior + SHARE / LEARNERS
