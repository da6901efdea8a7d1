"""The candidates of the next launch: statistics, states, and their mixing into probabilities."""

from typing import Any

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.programs.biases import CAREFUL_KEYS, KEYS, SCALE, places_of
from streams.models.programs.contexts import UNION, walk
from streams.models.programs.history import GAP, HOUR, PROGRAM, RUN, TURNS
from streams.models.programs.largest import best_of
from streams.models.programs.layout import (
    ALL0,
    ALL_CONTEXTS,
    CANDIDATES,
    FEATURES,
    LOG_ALL,
    LOG_OWN,
    ORDER0,
    ORDER1,
    ORDER2,
    OWN_CONTEXTS,
    RECENCY,
    STATE_FEATURES,
)  # fmt: skip
from streams.models.programs.population_lookup import PROPOSALS, context_keys, lower_bound
from streams.models.programs.prediction import EMITTED
from streams.models.programs.share import BOLD, CAREFUL, LEARNERS, QUICK, mixed_by
from streams.models.programs.states import all_states, own_states, single_states, visits_bin
from streams.models.programs.vocabulary import LAST_LAUNCH


@kernel
def gather(  # noqa: C901, PLR0912 - one pass over the contexts
    fields: npt.NDArray[np.int32],
    n: int,
    hashes: npt.NDArray[np.int64],
    barred: int,
    barred_hash: int,
    keys: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    entry_programs: npt.NDArray[np.int64],
    entry_counts: npt.NDArray[np.int64],
) -> tuple[Any, ...]:
    """Collect candidates and their statistics; see `rank` for what becomes of them."""
    known = len(hashes)
    # With room for 255 programs, 92 KB, clearing it took as long as the walk.
    width = min(known, UNION)
    room = width + ALL_CONTEXTS * PROPOSALS
    slot = np.full(known, -1, np.int32)
    programs = np.zeros(room, np.int32)
    names = np.zeros(room, np.int64)
    slow = np.zeros((OWN_CONTEXTS, width))
    fast = np.zeros((OWN_CONTEXTS, width))
    first = np.full((OWN_CONTEXTS, width), -1, np.int32)
    totals = np.zeros((OWN_CONTEXTS, 4))
    own, longest, follower = walk(fields, n, slot, barred, programs, slow, fast, first, totals)
    for m in range(own):
        names[m] = hashes[programs[m]]
    count = own
    i = n - 1
    before = hashes[fields[PROGRAM, i - 1]] if n > 1 else 0
    wanted = context_keys(hashes[fields[PROGRAM, i]], before, fields[RUN, i])
    all_totals = np.zeros((ALL_CONTEXTS, 3))
    ranges = np.zeros((ALL_CONTEXTS, 2), np.int64)
    places = np.zeros(PROPOSALS, np.int64)
    for c in range(ALL_CONTEXTS):
        at = lower_bound(keys, 0, len(keys), wanted[c])
        if at == len(keys) or keys[at] != wanted[c]:
            continue
        ranges[c, 0], ranges[c, 1] = starts[at], starts[at + 1]
        for e in range(starts[at], starts[at + 1]):
            all_totals[c, 0] += entry_counts[e]
        all_totals[c, 1] = starts[at + 1] - starts[at]
        for q in range(best_of(entry_counts, starts[at], starts[at + 1], places)):
            h = entry_programs[places[q]]
            fresh = h != barred_hash
            for m in range(count):
                if names[m] == h:
                    fresh = False
                    break
            if fresh:
                names[count] = h
                for x in range(1, known):
                    if hashes[x] == h:
                        programs[count] = x
                        break
                count += 1
    counts = np.zeros((count, ALL_CONTEXTS))
    for c in range(ALL_CONTEXTS):
        low, high = ranges[c, 0], ranges[c, 1]
        if high > low:
            for m in range(count):
                at = lower_bound(entry_programs, low, high, names[m])
                if at < high and entry_programs[at] == names[m]:
                    counts[m, c] = entry_counts[at]
    return (
        own,
        count,
        programs,
        names,
        slow,
        fast,
        first,
        totals,
        counts,
        all_totals,
        longest,
        follower,
        wanted,
    )


@kernel
def blended(
    own: int,
    count: int,
    slow: npt.NDArray[np.float64],
    totals: npt.NDArray[np.float64],
    counts: npt.NDArray[Any],
    all_totals: npt.NDArray[np.float64],
    programs_known: float,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the Witten-Bell mix of all orders, and that of the population alone."""
    p = np.full(count, 1.0 / (programs_known + 1.0))
    for c in range(3):
        total = all_totals[c, 0]
        if total > 0:
            share = all_totals[c, 1] / (all_totals[c, 1] + total)
            for m in range(count):
                p[m] = share * p[m] + (1 - share) * counts[m, c] / total
    of_all = p.copy()
    for c in range(ORDER0, ORDER0 + 4):
        total = totals[c, 0]
        if total > 0:
            share = totals[c, 3] / (totals[c, 3] + total)
            for m in range(count):
                p[m] *= share
            for m in range(own):
                p[m] += (1 - share) * slow[c, m] / total
    return p, of_all


@kernel
def chosen(p: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.int64]:
    """Return the places of the `CANDIDATES` most likely, in the order of their places."""
    if count <= CANDIDATES:
        return np.arange(count)
    order = np.argsort(-p, kind="mergesort")
    return np.sort(order[:CANDIDATES])


@kernel
def said_by_each(
    features: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    own_weights: npt.NDArray[np.float32],
    careful_biases: npt.NDArray[np.int16],
    quick_biases: npt.NDArray[np.int16],
    places: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Return the probabilities that each learner gives, shape (LEARNERS, candidates).

    own_weights (2, FEATURES) are the careful and the bold learner's, added to the weights of all.
    """
    size = len(features)
    said = np.zeros((LEARNERS, size))
    careful, bold = weights + own_weights[CAREFUL], weights + own_weights[BOLD]
    for m in range(size):
        a, b, c = 0.0, 0.0, 0.0
        for f in range(FEATURES):
            x = features[m, f]
            a += careful[f] * x
            b += bold[f] * x
            c += weights[f] * x
        for k in range(CAREFUL_KEYS):
            a += careful_biases[places[m, k]] / SCALE
        for k in range(CAREFUL_KEYS, KEYS):
            c += quick_biases[places[m, k]] / SCALE
        said[CAREFUL, m], said[BOLD, m], said[QUICK, m] = a, b, c
    for e in range(LEARNERS if size else 0):
        powers = np.exp(said[e] - said[e].max())
        said[e] = powers / powers.sum()
    return said


@kernel
def predict(
    fields: npt.NDArray[np.int32],
    n: int,
    use: npt.NDArray[np.int64],
    hashes: npt.NDArray[np.int64],
    launches: int,
    barred: int,
    barred_hash: int,
    keys: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    entry_programs: npt.NDArray[np.int64],
    entry_counts: npt.NDArray[np.int64],
    log_odds: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    selected: npt.NDArray[np.float64],
    own_weights: npt.NDArray[np.float32],
    careful_biases: npt.NDArray[np.int16],
    quick_biases: npt.NDArray[np.int16],
    shares: npt.NDArray[np.float32],
    escape_rates: npt.NDArray[np.float64],
) -> Any:
    """Return candidates, their states, features and probabilities after the last launch.

    Then the escape's rate, the sets of weights, what each learner says, where the corrections of
    each candidate are, the keys of the population's contexts, and what `likeliest` returns.
    """
    (
        own,
        count,
        programs,
        names,
        slow,
        fast,
        first,
        totals,
        counts,
        all_totals,
        longest,
        follower,
        wanted,
    ) = gather(fields, n, hashes, barred, barred_hash, keys, starts, entry_programs, entry_counts)
    p, of_all = blended(own, count, slow, totals, counts, all_totals, all_totals[ALL0, 1])
    picks = chosen(p, count)
    size = len(picks)
    i = n - 1
    states = np.zeros((size, STATE_FEATURES), np.int16)
    features = np.zeros((size, FEATURES))
    out_programs = np.zeros(size, np.int32)
    out_names = np.zeros(size, np.int64)
    picked_counts = counts[picks]
    here = fields[PROGRAM, i]
    for m in range(size):
        k = picks[m]
        x = programs[k]
        used = x > 0 and use[x, LAST_LAUNCH] > 0
        out_programs[m], out_names[m] = x, names[k]
        own_states(m, k if k < own else -1, slow, fast, first, totals, states)
        all_states(m, picked_counts, all_totals, states)
        single_states(
            m,
            x,
            here,
            x > 0 and x == follower,
            longest,
            launches,
            used,
            counts[k, ALL0],
            fields,
            i,
            use,
            states,
        )
        for f in range(STATE_FEATURES):
            features[m, f] = log_odds[f, states[m, f]]
        features[m, LOG_OWN] = np.log(p[k] + 1e-9)
        features[m, LOG_ALL] = np.log(of_all[k] + 1e-9)
    s1 = visits_bin(totals[ORDER2, 2]) * 8 + visits_bin(totals[ORDER1, 2])
    s2 = 64 + min(longest, 7) * 8 + min(fields[TURNS, i], 3) * 2 + (1 if launches > 100 else 0)
    before = hashes[fields[PROGRAM, i - 1]] if n > 1 else 0
    recency = states[:, RECENCY].astype(np.int64)
    places = places_of(out_names, recency, hashes[here], before, fields[GAP, i], fields[HOUR, i])
    said = said_by_each(
        features,
        weights + selected[s1] + selected[s2],
        own_weights,
        careful_biases,
        quick_biases,
        places,
    )
    p = mixed_by(shares, said)
    escape_state = s1 * 8 + visits_bin(launches // 4)
    escape = escape_rates[escape_state] if size else 1.0
    sets = np.array([s1, s2, escape_state])
    best, losses = likeliest(p, escape)
    return (
        out_programs,
        out_names,
        states,
        features,
        p,
        escape,
        sets,
        said,
        places,
        wanted,
        best,
        losses,
    )


@kernel
def likeliest(
    p: npt.NDArray[np.float64], escape: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the places of the most likely, twice as many as are emitted, and their -p_next.

    In the order of their probabilities, of equal ones in that of their places.
    """
    room = np.zeros(2 * EMITTED, np.int64)
    best = room[: best_of(p, 0, len(p), room)]
    return best, p[best] * (escape - 1.0)
