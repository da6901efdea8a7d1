"""Learns a launch and predicts the next one: what the stream and the backtest both call."""

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.programs.delta import PopulationDelta
from streams.models.programs.history import PROGRAM, History
from streams.models.programs.population import Population
from streams.models.programs.prediction import EMITTED, Candidate, Prediction
from streams.models.programs.user import UserPrograms


@kernel
def _followers(fields: npt.NDArray[np.int32], n: int, known: int) -> npt.NDArray[np.float64]:
    """Witten-Bell mix of the followers of the last two, one and no launches."""
    p = np.full(known + 1, 1.0 / (known + 1))
    for order in range(3):
        counts = np.zeros(known + 1)
        for j in range(order - 1 if order else 0, n - 1):
            same = True
            for k in range(order):
                same = same and fields[PROGRAM, j - k] == fields[PROGRAM, n - 1 - k]
            if same:
                counts[fields[PROGRAM, j + 1]] += 1.0
        total, distinct = counts.sum(), (counts > 0).sum()
        if total > 0:
            p = (counts + distinct * p) / (total + distinct)
    return p


def observe(
    user: UserPrograms, population: Population, delta: PopulationDelta, program: str,
    time_s: float, *, switches: bool = False,
) -> Prediction:  # fmt: skip
    """Learn a launch and return the prediction of the user's next one.

    Parameters
    ----------
    user
        The user's state, changed in place.
    population
        What is learnt across users, as it applies at this time.
    delta
        Takes up what this launch teaches across users, for the period of its time.
    program
        What was launched.
    time_s
        When, in unix seconds.
    switches
        Whether the user can't launch the same program twice in a row: the current one then gets
        probability 0.
    """
    del population, delta
    user.record(program, time_s)
    return _predict(user, user.history, switches=switches)


def _predict(user: UserPrograms, history: History, *, switches: bool) -> Prediction:
    p = _followers(history.fields, history.length, len(user.vocabulary))
    if switches:
        p[history.fields[PROGRAM, history.length - 1]] = 0.0
        p /= max(p.sum(), 1e-300)
    p[0] = 0.0
    names = user.vocabulary.names
    ranked = sorted((-p[k], names[k]) for k in np.argsort(-p, kind="stable")[:EMITTED] if p[k] > 0)
    candidates = tuple(
        Candidate(name, float(-q), *(float(-q),) * 4, expected_s=None) for q, name in ranked
    )
    return Prediction(
        user.last_ms / 1000, candidates, max(0.0, 1.0 - sum(c.p_next for c in candidates))
    )
