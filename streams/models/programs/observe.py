"""Learns a launch and predicts the next one: what the stream and the backtest both call."""

import numpy as np

from streams.models.programs.delta import PopulationDelta
from streams.models.programs.history import PROGRAM
from streams.models.programs.neural import NeuralExpert
from streams.models.programs.population import Population
from streams.models.programs.predict import likeliest, predict
from streams.models.programs.prediction import EMITTED, WINDOWS_S, Candidate, Prediction
from streams.models.programs.settle import settle
from streams.models.programs.user import Mixed, UserPrograms
from streams.models.programs.vocabulary import MAX_NAME_BYTES, name_bytes, program_hash
from streams.models.programs.within import stated_within

_WINDOWS_MS = np.array([round(1000 * w) for w in WINDOWS_S], np.int64)


def observe(
    user: UserPrograms, population: Population, delta: PopulationDelta, program: str,
    time_s: float, *, switches: bool = False, expert: NeuralExpert | None = None,
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
    expert
        A net that has a say in the probabilities and learns the launch; none by default.
    """
    if user.history.length:
        _settle(user, population, delta, program, time_s, switches=switches)
    if expert is not None:
        _teach(expert, user, program, time_s)
    user.record(program, time_s)
    user.mixed = population.version, mix(user, population, switches=switches)
    return _emitted(user, population, _with_expert(user.mixed[1], expert))


def _teach(expert: NeuralExpert, user: UserPrograms, program: str, time_s: float) -> None:
    names, p = np.zeros(0, np.int64), np.zeros(0)
    if user.mixed is not None:
        names, p = user.mixed[1][1], user.mixed[1][4]
    expert.observe(names, p, program_hash(program), round(time_s * 1000))


def _with_expert(mixed: Mixed, expert: NeuralExpert | None) -> Mixed:
    if expert is None:
        return mixed
    p = expert.combined(mixed[1], mixed[4])
    return (*mixed[:4], p, *mixed[5:10], *likeliest(p, mixed[5]))


def probability_of(user: UserPrograms, population: Population, program: str) -> float | None:
    """Probability that this program is the next launch, as things stand before it is learned.

    What is mixed for it is kept and spares `observe` the work.

    Returns
    -------
    The probability, 0 for one that is no candidate; None before the user's first launch.
    """
    if not user.history.length:
        return None
    if user.mixed is None or user.mixed[0] != population.version:
        user.mixed = population.version, mix(user, population, switches=False)
    _, mixed, _, _, p, escape, *_ = user.mixed[1]
    names, name_hash = mixed.tolist(), program_hash(program)
    return float(p[names.index(name_hash)] * (1.0 - escape)) if name_hash in names else 0.0


def _settle(
    user: UserPrograms, population: Population, delta: PopulationDelta, program: str,
    time_s: float, *, switches: bool,
) -> None:  # fmt: skip
    """Learn what the launch teaches, and what became of the probabilities that it settles."""
    name_hash = program_hash(program)
    if user.mixed is None or user.mixed[0] != population.version:
        user.mixed = population.version, mix(user, population, switches=switches)
    _, names, states, features, p, _, sets, said, places, contexts, *_ = user.mixed[1]
    delta.sums.table = settle(
        name_hash, round(time_s * 1000), names, states, features, p, said, sets, places,
        user.weights, user.biases, user.quick, user.shares, population.axes, population.curvature,
        user.count, user.followed, user.followed_sizes, _WINDOWS_MS, user.own_calibration,
        delta.sums.table,
    )  # fmt: skip
    if 0 < name_bytes(program) <= MAX_NAME_BYTES:
        delta.names[name_hash] = program
        follows = delta.follows
        for key in contexts.tolist():
            follows[key, name_hash] = follows.get((key, name_hash), 0) + 1


def mix(user: UserPrograms, population: Population, *, switches: bool) -> Mixed:
    """Return candidates, their states, features and probabilities after the last launch."""
    h, v, f = user.history, user.vocabulary, population.followers
    here = int(h.fields[PROGRAM, h.length - 1])
    mixed: Mixed = predict(
        h.fields, h.length, v.use, v.hashes, user.count, here if switches else -1,
        int(v.hashes[here]) if switches else -1, f.contexts, f.starts, f.programs, f.counts,
        population.log_odds, population.learnt.weights, population.learnt.selected, user.weights,
        user.biases, user.quick, user.shares, population.escape_rates,
    )  # fmt: skip
    return mixed


def _emitted(user: UserPrograms, population: Population, mixed: Mixed) -> Prediction:
    _, hashes, _, _, p, escape, *_ = mixed
    candidates = _candidates(user, population, mixed)
    return Prediction(
        user.last_ms / 1000, candidates, max(0.0, 1.0 - sum([c.p_next for c in candidates])),
        hashes, p * (1.0 - escape),
    )  # fmt: skip


def _candidates(user: UserPrograms, population: Population, mixed: Mixed) -> tuple[Candidate, ...]:
    """Return the likeliest with when they come: within each window, and the median."""
    programs, hashes, *_, best, losses = mixed
    h, v = user.history, user.vocabulary
    ranked = _ranked(mixed, v.names, population.names)
    stated = stated_within(
        h.fields, h.clock, h.length, len(v), programs, hashes, losses, best,
        np.array([k for _, _, k in ranked], np.int64), _WINDOWS_MS, population.shifts,
        user.followed, user.followed_sizes, user.last_ms, user.count, user.own_calibration,
    )  # fmt: skip
    return tuple([
        Candidate._make((name, *row, None if median < 0 else median))
        for (_, name, _), (*row, median) in zip(ranked, stated.tolist(), strict=True)
    ])  # fmt: skip


def _ranked(mixed: Mixed, own: list[str], others: dict[int, str]) -> list[tuple[float, str, int]]:
    """Return loss, name and rank of what is emitted; equal losses are in the order of names."""
    programs, hashes, *_, best, losses = mixed
    numbers, name_hashes = programs.tolist(), hashes.tolist()
    places = enumerate(zip(losses.tolist(), best.tolist(), strict=True))
    rows = [(loss, own[numbers[m]] or others.get(name_hashes[m], ""), k) for k, (loss, m) in places]
    rows.sort()
    return [row for row in rows if row[1]][:EMITTED]
