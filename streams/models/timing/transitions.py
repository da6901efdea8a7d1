"""The gaps of a user's transitions, read off the kept history and shrunk to everybody's."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streams.models.programs import UserPrograms
from streams.models.programs.history import PROGRAM
from streams.models.timing.gap_bins import BINS, gap_bin, gap_quantile
from streams.models.timing.gap_counts import GapCounts

# Launches that everybody's distribution counts for, as in consumption: it fades with the user's.
PRIOR_LAUNCHES = 10.0
Weights = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gaps:
    """How long after `first` the user launches `then` next.

    Parameters
    ----------
    first, then
        Programs, the one launched right after the other.
    count
        How often, in the kept history.
    share
        Of the launches of `first`.
    p10_s, p50_s, p90_s
        Quantiles of the gap in seconds.
    shares
        Of the gaps in each bin (see `gap_bins`), of length `BINS`.
    """

    first: str
    then: str
    count: int
    share: float
    p10_s: float
    p50_s: float
    p90_s: float
    shares: tuple[float, ...]


def last_launch(user: UserPrograms) -> tuple[str, int] | None:
    """Return the newest launch, program and time in ms; None before the first."""
    h = user.history
    if not h.length:
        return None
    return user.vocabulary.names[h.fields[PROGRAM, h.length - 1]], user.last_ms


def transitions(
    user: UserPrograms, population: GapCounts, number: Callable[[str], int], most: int = 12
) -> list[Gaps]:
    """Return the user's most frequent transitions with their gaps.

    Parameters
    ----------
    user
        The history.
    population
        Everybody's gaps: ten launches' worth of them are mixed in.
    number
        Gives the number that a program has in `population`.
    most
        How many.

    Examples
    --------
    >>> user = UserPrograms()
    >>> for k in range(41):
    ...     user.record("make" if k % 2 else "vim", 30.0 * k + 900.0 * (k // 2))
    >>> [(g.first, g.then, g.count, round(g.p50_s)) for g in transitions(user, GapCounts(), hash)]
    [('make', 'vim', 20, 724), ('vim', 'make', 20, 23)]
    """
    names = user.vocabulary.names
    found = _counted(user)
    of_first: dict[int, int] = {}
    for (first, _), counts in found.items():
        of_first[first] = of_first.get(first, 0) + int(counts.sum())
    ranked = sorted(found, key=lambda key: (-found[key].sum(), names[key[0]], names[key[1]]))
    told = []
    for first, then in ranked[:most]:
        own = found[first, then]
        prior = np.array(population.weights(number(names[first]), number(names[then])), float)
        weights = own + prior * min(1.0, PRIOR_LAUNCHES / max(prior.sum(), 1.0))
        n = int(own.sum())
        low, median, high = (gap_quantile(weights.tolist(), q) for q in (0.1, 0.5, 0.9))
        shares = tuple((weights / weights.sum()).tolist())
        share = n / of_first[first]
        told.append(Gaps(names[first], names[then], n, share, low, median, high, shares))
    return told


def _counted(user: UserPrograms) -> dict[tuple[int, int], Weights]:
    """Return the counts by bin of each transition between programs whose names are known."""
    h = user.history
    programs = h.programs().tolist()
    clock = h.clock[: h.length].tolist()
    found: dict[tuple[int, int], Weights] = {}
    for k in range(1, len(programs)):
        pair = programs[k - 1], programs[k]
        if all(pair):
            if pair not in found:
                found[pair] = np.zeros(BINS)
            found[pair][gap_bin(clock[k] - clock[k - 1])] += 1.0
    return found
