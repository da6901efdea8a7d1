"""What is learnt across users: immutable between periods, the same on every partition."""

from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from streams.models.programs import layout
from streams.models.programs.calibration import CALIBRATION_BINS, shifts_of
from streams.models.programs.delta import PopulationDelta
from streams.models.programs.followers import MOST_ENTRIES, aged, merged, starts_of
from streams.models.programs.learn import GRADIENT_SCALE, HESSIAN_SCALE
from streams.models.programs.states import ABSENT, prior_rate
from streams.models.programs.vocabulary import MAX_NAME_BYTES, name_bytes, program_hash

VERSION = 2
# Counts stay far below; sums of counts up to here can't overflow.
MOST_COUNT = 1 << 45
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

ROOT_KEY = 1
MOST_NAMES = 8_192
# A state's counts are halved beyond this, so that hit rates follow drift.
MOST_SEEN = 4_000
# Strength of the prior weights: that of the curvature of some 300 launches.
RIDGE = 300.0
SELECTED_RATE = 1e-4
PRIOR_WEIGHT = 0.02


@dataclass(frozen=True, slots=True)
class Followers:
    """Entries sorted by context and program, and where each context begins; int64 all."""

    keys: Integers
    programs: Integers
    counts: Integers
    contexts: Integers
    starts: Integers

    @classmethod
    def of(cls, keys: Integers, programs: Integers, counts: Integers) -> "Followers":
        """Return the entries with their index."""
        return cls(keys, programs, counts, *starts_of(keys))

    def advanced(self, follows: dict[tuple[int, int], int]) -> "Followers":
        """Return the entries with more counts, within their bound."""
        if not follows:
            return self
        new = np.array([(*key, n) for key, n in sorted(follows.items())], np.int64)
        keys, programs, counts = merged(
            self.keys, self.programs, self.counts,
            new[:, 0].copy(), new[:, 1].copy(), new[:, 2].copy(),
        )  # fmt: skip
        k = aged(keys, programs, counts, ROOT_KEY, False)
        while k > MOST_ENTRIES:
            k = aged(keys[:k], programs[:k], counts[:k], ROOT_KEY, True)
        return Followers.of(keys[:k].copy(), programs[:k].copy(), counts[:k].copy())


class _Wire(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    number: int
    names: list[str]
    entries: bytes
    seen: bytes
    hits: bytes
    weights: bytes
    hessian: bytes
    selected: bytes
    escape_seen: bytes
    escape_hits: bytes
    calibration: bytes


_decoder = msgspec.msgpack.Decoder(_Wire)


def initial_weights() -> Floats:
    """Return the weights before anything was learnt: those of the mixed orders, and little else."""
    w = np.full(layout.FEATURES, PRIOR_WEIGHT)
    w[layout.LOG_OWN] = 0.4
    w[layout.LOG_ALL] = 0.12
    return w


@dataclass(frozen=True, slots=True)
class Learnt:
    """The learnt parts of the model.

    Parameters
    ----------
    seen, hits
        Candidates in each state and those that came, shape (STATE_FEATURES, STATES), int64.
    weights
        Of each feature, shape (FEATURES,).
    hessian
        Their curvature, shape (FEATURES, FEATURES).
    selected
        Additional weights by context, shape (SELECTED, FEATURES).
    escape_seen, escape_hits
        Launches in each escape state, and those of no candidate, shape (ESCAPES,), int64.
    calibration
        Outcomes and hits within windows, shape (2, CALIBRATION_BINS), int64.
    """

    seen: Integers
    hits: Integers
    weights: Floats
    hessian: Floats
    selected: Floats
    escape_seen: Integers
    escape_hits: Integers
    calibration: Integers

    @classmethod
    def nothing(cls) -> "Learnt":
        """Return the model before it learnt."""
        shape = (layout.STATE_FEATURES, layout.STATES)
        return cls(
            np.zeros(shape, np.int64), np.zeros(shape, np.int64), initial_weights(),
            np.eye(layout.FEATURES) * RIDGE, np.zeros((layout.SELECTED, layout.FEATURES)),
            np.zeros(layout.ESCAPES, np.int64), np.zeros(layout.ESCAPES, np.int64),
            np.zeros((2, CALIBRATION_BINS), np.int64),
        )  # fmt: skip

    def advanced(self, flat: Integers) -> "Learnt":
        """Return the model with the sums of one period, by the numbering of `layout`."""
        features = layout.FEATURES

        def part(start: int, shape: tuple[int, ...]) -> Integers:
            return flat[start : start + int(np.prod(shape))].reshape(shape)

        seen = self.seen + part(layout.SEEN, self.seen.shape)
        hits = self.hits + part(layout.HITS, self.hits.shape)
        over = seen > MOST_SEEN
        seen[over] //= 2
        hits[over] //= 2
        lower = part(layout.HESSIAN, (features, features)) / HESSIAN_SCALE
        hessian = self.hessian + lower + np.tril(lower, -1).T
        gradient = part(layout.GRADIENT, (features,)) / GRADIENT_SCALE
        step = part(layout.SELECTED_GRADIENT, self.selected.shape) * SELECTED_RATE
        return Learnt(
            seen, hits, self.weights + np.linalg.solve(hessian, gradient), hessian,
            self.selected + step / GRADIENT_SCALE,
            self.escape_seen + part(layout.ESCAPE_SEEN, (layout.ESCAPES,)),
            self.escape_hits + part(layout.ESCAPE_HITS, (layout.ESCAPES,)),
            self.calibration + part(layout.CALIBRATION, (2, CALIBRATION_BINS)),
        )  # fmt: skip

    def to_parts(self) -> list[bytes]:
        """Return each array as bytes."""
        return [getattr(self, name).tobytes() for name in _PARTS]

    @classmethod
    def of_parts(cls, parts: list[bytes]) -> "Learnt":
        """Return a saved model; raises ValueError where it can't be one."""
        arrays = []
        for name, data in zip(_PARTS, parts, strict=True):
            like = getattr(_NOTHING, name)
            if len(data) != like.nbytes:
                raise ValueError(f"{len(data)} bytes of {name}, not {like.nbytes}")
            arrays.append(np.frombuffer(data, like.dtype).reshape(like.shape).copy())
        if not all(np.isfinite(array).all() for array in arrays):
            raise ValueError("the model holds numbers that are not finite")
        if any((a < 0).any() or (a > MOST_COUNT).any() for a in arrays if a.dtype == np.int64):
            raise ValueError("the model holds counts that can't be")
        return cls(*arrays)


_PARTS = (
    "seen",
    "hits",
    "weights",
    "hessian",
    "selected",
    "escape_seen",
    "escape_hits",
    "calibration",
)
_NOTHING = Learnt.nothing()


@dataclass(frozen=True, slots=True)
class Population:
    """Names and contexts of the programs of all users, and the learnt parts of the model.

    Parameters
    ----------
    version
        Number of periods that are included.
    names
        Program names by `program_hash`.
    followers
        What followed what, over all users.
    learnt
        The model; log_odds, escape_rates, shifts, and the axes and curvature of an average launch
        (see `axes_of`) follow from it.
    """

    version: int
    names: dict[int, str]
    followers: Followers
    learnt: Learnt
    log_odds: Floats = field(repr=False)
    escape_rates: Floats = field(repr=False)
    shifts: Floats = field(repr=False)
    axes: Floats = field(repr=False)
    curvature: Floats = field(repr=False)

    @classmethod
    def of(
        cls, version: int, names: dict[int, str], followers: Followers, learnt: Learnt
    ) -> "Population":
        """Return the population with what follows from its parts."""
        escape_rates = (learnt.escape_hits + 0.2) / (learnt.escape_seen + 2.0)
        odds = log_odds_of(learnt.seen, learnt.hits)
        return cls(
            version, names, followers, learnt, odds, escape_rates, shifts_of(learnt.calibration),
            *axes_of(learnt.hessian, int(learnt.escape_seen.sum())),
        )  # fmt: skip

    @classmethod
    def empty(cls) -> "Population":
        """Return what is known before the first launch."""
        none = np.zeros(0, np.int64)
        return cls.of(0, {}, Followers.of(none, none, none), Learnt.nothing())

    def advanced(self, delta: PopulationDelta) -> "Population":
        """Return what is known with the statistics of one period more."""
        flat = np.zeros(layout.LAYOUT_SIZE, np.int64)
        numbers, values = delta.sums.items()
        if len(numbers) and numbers[-1] >= layout.LAYOUT_SIZE:
            raise ValueError(f"statistics number {numbers[-1]}, known are {layout.LAYOUT_SIZE}")
        flat[numbers] = values
        followers = self.followers.advanced(delta.follows)
        names = self.names if delta.names.keys() <= self.names.keys() else self.names | delta.names
        if len(names) > MOST_NAMES:
            kept = set(np.unique(followers.programs).tolist())
            names = dict(sorted((h, n) for h, n in names.items() if h in kept)[: MOST_NAMES // 2])
        return Population.of(self.version + 1, names, followers, self.learnt.advanced(flat))

    def to_bytes(self) -> bytes:
        """Return it as versioned bytes."""
        f = self.followers
        entries = np.stack((f.keys, f.programs, f.counts)).astype("<i8").tobytes()
        names = sorted(self.names.values())
        return msgspec.msgpack.encode(
            _Wire(VERSION, self.version, names, entries, *self.learnt.to_parts())
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Population":
        """Return a saved population; raises ValueError for bytes that are none."""
        try:
            wire = _decoder.decode(data)
        except msgspec.DecodeError as error:
            raise ValueError(f"no population of programs: {error}") from error
        if wire.version != VERSION:
            raise ValueError(f"population of programs of version {wire.version}, not {VERSION}")
        if len(wire.entries) % 24 or len(wire.entries) > 24 * MOST_ENTRIES:
            raise ValueError(f"{len(wire.entries)} bytes of entries can't be")
        keys, programs, counts = np.frombuffer(wire.entries, "<i8").astype(np.int64).reshape(3, -1)
        if (np.diff(keys) < 0).any() or (counts <= 0).any() or (counts > MOST_COUNT).any():
            raise ValueError("the population's entries are not in order")
        if wire.number < 0 or any(
            not 0 < name_bytes(name) <= MAX_NAME_BYTES for name in wire.names
        ):
            raise ValueError("the population holds a number or a name that can't be")
        names = {program_hash(name): name for name in wire.names}
        followers = Followers.of(keys.copy(), programs.copy(), counts.copy())
        return cls.of(
            wire.number, names, followers, Learnt.of_parts([getattr(wire, name) for name in _PARTS])
        )


def log_odds_of(seen: Integers, hits: Integers) -> Floats:
    """Return the log-odds of each state's hit rate, shrunk to what its counts alone would say."""
    strength = np.ones(seen.shape)
    prior = np.full(seen.shape, 0.05)
    prior[: layout.FIRST_SINGLE] = [prior_rate(z) for z in range(layout.STATES)]
    strength[: layout.FIRST_SINGLE, :ABSENT] = 2.0
    rate = np.clip((hits + prior * strength) / (seen + strength), 1e-5, 1 - 1e-4)
    return np.asarray(np.log(rate / (1 - rate)), np.float64)


def axes_of(hessian: Floats, launches: int) -> tuple[Floats, Floats]:
    """Return the axes of the weights' curvature, one a row, and that of an average launch on each.

    Parameters
    ----------
    hessian
        Summed over launches, with the prior's; shape (FEATURES, FEATURES).
    launches
        How many.
    """
    mean = (hessian - RIDGE * np.eye(len(hessian))) / (launches + 1)
    curvature, axes = np.linalg.eigh(mean)
    return np.ascontiguousarray(axes.T), np.maximum(curvature, 0.0)
