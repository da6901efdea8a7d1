"""What is learnt across users: immutable between periods, the same on every partition."""

from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from streams.models.programs import layout
from streams.models.programs.delta import PopulationDelta
from streams.models.programs.followers import MOST_ENTRIES, aged, merged, starts_of
from streams.models.programs.learn import GRADIENT_SCALE, HESSIAN_SCALE
from streams.models.programs.states import prior_rate
from streams.models.programs.vocabulary import MAX_NAME_BYTES, name_bytes, program_hash

VERSION = 1
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

ROOT_KEY = 1
MOST_SEEN = 4000
RIDGE = 300.0
SELECTED_RATE = 1e-4
PRIOR_WEIGHT = 0.02


@dataclass(frozen=True, slots=True)
class Followers:
    keys: Integers
    programs: Integers
    counts: Integers
    contexts: Integers
    starts: Integers

    @classmethod
    def of(cls, keys: Integers, programs: Integers, counts: Integers) -> "Followers":
        return cls(keys, programs, counts, *starts_of(keys))

    def advanced(self, follows: dict[tuple[int, int], int]) -> "Followers":
        if not follows:
            return self
        new = np.array([(*key, n) for key, n in sorted(follows.items())], np.int64)
        keys, programs, counts = merged(
            self.keys, self.programs, self.counts,
            new[:, 0].copy(), new[:, 1].copy(), new[:, 2].copy(),
        )
        k = aged(keys, programs, counts, ROOT_KEY, False)
        while k > MOST_ENTRIES:
            k = aged(keys[:k], programs[:k], counts[:k], ROOT_KEY, True)
        return Followers.of(keys[:k], programs[:k], counts[:k])


def initial_weights() -> Floats:
    w = np.full(layout.FEATURES, PRIOR_WEIGHT)
    w[layout.LOG_OWN] = 0.4
    w[layout.LOG_ALL] = 0.12
    return w


def _nothing() -> Integers:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Population:
    """Names and contexts of the programs of all users, and the learnt parts of the model."""

    version: int
    names: dict[int, str]
    followers: Followers
    seen: Integers
    hits: Integers
    weights: Floats
    hessian: Floats
    selected: Floats
    escape_seen: Integers
    escape_hits: Integers
    log_odds: Floats = field(repr=False)
    escape_rates: Floats = field(repr=False)

    @classmethod
    def empty(cls) -> "Population":
        """Return what is known before the first launch."""
        return cls.of(
            0, {}, Followers.of(_nothing(), _nothing(), _nothing()),
            np.zeros((layout.STATE_FEATURES, layout.STATES), np.int64),
            np.zeros((layout.STATE_FEATURES, layout.STATES), np.int64),
            initial_weights(), np.eye(layout.FEATURES) * RIDGE,
            np.zeros((layout.SELECTED, layout.FEATURES)),
            np.zeros(layout.ESCAPES, np.int64), np.zeros(layout.ESCAPES, np.int64),
        )

    @classmethod
    def of(cls, version, names, followers, seen, hits, weights, hessian, selected, eseen, ehits):
        return cls(version, names, followers, seen, hits, weights, hessian, selected, eseen, ehits,
            log_odds_of(seen, hits), (ehits + 0.2) / (eseen + 2.0))

    def advanced(self, delta: PopulationDelta) -> "Population":
        """Return what is known with the statistics of one period more."""
        numbers, values = delta.sums.items()
        flat = np.zeros(layout.LAYOUT_SIZE, np.int64)
        flat[numbers] = values
        F, S = layout.FEATURES, layout.STATE_FEATURES * layout.STATES
        seen = self.seen + flat[layout.SEEN:layout.SEEN + S].reshape(self.seen.shape)
        hits = self.hits + flat[layout.HITS:layout.HITS + S].reshape(self.hits.shape)
        over = seen > MOST_SEEN
        seen[over] //= 2
        hits[over] //= 2
        gradient = flat[layout.GRADIENT:layout.GRADIENT + F] / GRADIENT_SCALE
        h = flat[layout.HESSIAN:layout.HESSIAN + F * F].reshape(F, F) / HESSIAN_SCALE
        hessian = self.hessian + h + np.tril(h, -1).T
        weights = self.weights + np.linalg.solve(hessian, gradient)
        sel = flat[layout.SELECTED_GRADIENT:layout.SELECTED_GRADIENT + layout.SELECTED * F].reshape(-1, F)
        selected = self.selected + sel * (SELECTED_RATE / GRADIENT_SCALE)
        eseen = self.escape_seen + flat[layout.ESCAPE_SEEN:layout.ESCAPE_SEEN + layout.ESCAPES]
        ehits = self.escape_hits + flat[layout.ESCAPE_HITS:layout.ESCAPE_HITS + layout.ESCAPES]
        names = self.names if delta.names.keys() <= self.names.keys() else self.names | delta.names
        return Population.of(self.version + 1, names, self.followers.advanced(delta.follows), seen, hits,
            weights, hessian, selected, eseen, ehits)


PRIOR = np.array([prior_rate(z) for z in range(layout.STATES)])


def log_odds_of(seen: Integers, hits: Integers) -> Floats:
    strength = np.full(seen.shape, 2.0)
    prior = np.full(seen.shape, 0.05)
    strength[:] = 1.0
    prior[: layout.FIRST_SINGLE] = PRIOR
    strength[: layout.FIRST_SINGLE, :336] = 2.0
    rate = np.clip((hits + prior * strength) / (seen + strength), 1e-5, 1 - 1e-4)
    return np.log(rate / (1 - rate))
