"""Learns a launch and predicts the next one: what the stream and the backtest both call."""

import numpy as np

from streams.models.programs.delta import PopulationDelta
from streams.models.programs.history import PROGRAM, RUN
from streams.models.programs.learn import learn
from streams.models.programs.population import Population
from streams.models.programs.population_lookup import context_keys
from streams.models.programs.predict import predict
from streams.models.programs.prediction import EMITTED, Candidate, Prediction
from streams.models.programs.user import UserPrograms
from streams.models.programs.vocabulary import program_hash

OWN_RATE = 1e-4


def observe(
    user: UserPrograms, population: Population, delta: PopulationDelta, program: str,
    time_s: float, *, switches: bool = False,
) -> Prediction:  # fmt: skip
    name_hash = program_hash(program)
    delta.names[name_hash] = program
    if user.history.length:
        cached = user.cached
        if cached is None or cached[0] != population.version:
            cached = (population.version, raw(user, population, switches))
        programs, names, states, features, p, escape, sets = cached[1]
        where = np.flatnonzero(names == name_hash)
        y = int(where[0]) if len(where) else -1
        delta.sums.add(*learn(y, states, features, p, sets, user.weights, OWN_RATE))
        _count_followers(user, delta, name_hash)
    user.record(program, time_s)
    out = raw(user, population, switches)
    user.cached = (population.version, out)
    return emitted(user, population, out)


def _count_followers(user, delta, name_hash):
    h = user.history
    i = h.length - 1
    last = user.vocabulary.hashes[h.fields[PROGRAM, i]]
    before = user.vocabulary.hashes[h.fields[PROGRAM, i - 1]] if i else 0
    for key in context_keys(last, before, h.fields[RUN, i]).tolist():
        pair = (key, name_hash)
        delta.follows[pair] = delta.follows.get(pair, 0) + 1


def raw(user, population, switches):
    h, v, f = user.history, user.vocabulary, population.followers
    here = int(h.fields[PROGRAM, h.length - 1])
    barred = here if switches else -1
    barred_hash = int(v.hashes[here]) if switches else -1
    return predict(
        h.fields, h.length, v.use, v.hashes, user.count, barred, barred_hash, f.contexts, f.starts,
        f.programs, f.counts, population.log_odds, population.weights, population.selected,
        user.weights, population.escape_rates,
    )


def emitted(user, population, out) -> Prediction:
    programs, names, states, features, p, escape, sets = out
    q = p * (1 - escape)
    top = np.argsort(-q, kind="stable")[:EMITTED]
    ranked = sorted(
        (-float(q[m]), user.vocabulary.names[programs[m]] or population.names.get(int(names[m]), ""))
        for m in top
    )
    candidates = tuple(
        Candidate(name, -q, *(-q,) * 4, expected_s=None) for q, name in ranked
    )
    return Prediction(user.last_ms / 1000, candidates, max(0.0, 1.0 - sum(c.p_next for c in candidates)))
