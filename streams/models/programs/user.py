"""One user's whole state for the prediction of the next program."""

from math import prod
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from streams.models.programs import biases
from streams.models.programs.calibration import MOST_LEVEL, MOST_SLOPE, WINDOWS
from streams.models.programs.history import LATEST_MS, LAUNCH_BYTES, LONGEST, History
from streams.models.programs.layout import FEATURES
from streams.models.programs.share import CONTEXTS, LEARNERS, even_shares, shares_of
from streams.models.programs.vocabulary import (
    COLUMNS,
    FORGOTTEN,
    LAST_LAUNCH,
    LAST_MS,
    LAUNCHES,
    Vocabulary,
)
from streams.models.programs.waiting import nothing_followed, packed, unpacked

# Version 3 had one learner: its weights and corrections are the careful one's, the others begin.
VERSION, BEFORE = 4, 3
MOST_LAUNCHES = (1 << 32) - 1
# Bytes of names and launches; weights and what waits take 2 KB of the 19 KB at most, corrections
# 4.4 KB.
HISTORY_BYTES = 12_300
Array = npt.NDArray[Any]


class _Wire(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    launches: int
    last_ms: int
    names: list[str]
    counts: bytes
    first_ms: int
    programs: bytes
    gaps: bytes
    weights: bytes
    own_calibration: bytes
    waiting: list[bytes]
    # States from before there were any have no corrections.
    biases: bytes = b""
    quick: bytes = b""
    shares: bytes = b""


# Programs, hashes, states, features, probabilities, escape, weight sets, what each learner says,
# places of corrections, keys of contexts, places of the likeliest and their losses: see `predict`.
Mixed = tuple[
    Array, Array, Array, Array, Array, float, Array, Array, Array, Array, Array, Array
]  # fmt: skip

_decoder = msgspec.msgpack.Decoder(_Wire)


class UserPrograms:
    """What one user has launched: at most 4,096 launches of 255 programs, 19 KB of bytes.

    Examples
    --------
    >>> user = UserPrograms()
    >>> user.record("vim", 60.0)
    >>> UserPrograms.from_bytes(user.to_bytes()).launches()
    {'vim': 1}
    """

    def __init__(self) -> None:
        self.vocabulary = Vocabulary()
        self.history = History()
        self.count = 0
        self.last_ms = 0
        self.weights = np.zeros((2, FEATURES), np.float32)  # the careful and the bold learner's
        self.biases = np.zeros(biases.PLACES, np.int16)
        self.quick = np.zeros(biases.PLACES, np.int16)
        self.shares = even_shares()
        self.own_calibration = np.zeros((WINDOWS, 2), np.float32)
        self.followed, self.followed_sizes = nothing_followed()
        # What was mixed for the last launch, by the population's version: spares doing it again.
        self.mixed: tuple[int, Mixed] | None = None

    def launches(self) -> dict[str, int]:
        """Return how often each program of the kept history was launched."""
        counts = self.vocabulary.use[1:, LAUNCHES]
        return dict(zip(self.vocabulary, map(int, counts), strict=True))

    def record(self, program: str, time_s: float) -> None:
        """Add a launch to the history; a time before the last one counts as equal to it."""
        time_ms = min(max(round(time_s * 1000), 1 - LATEST_MS), LATEST_MS - 1)
        self.last_ms = max(self.last_ms, time_ms) if self.count else time_ms
        self.count = min(self.count + 1, MOST_LAUNCHES)
        v, h = self.vocabulary, self.history
        number = v.intern(program)
        kept_ms = h.append(number, self.last_ms)
        if number:
            row = v.use[number]
            row[LAUNCHES] += 1
            row[LAST_LAUNCH], row[LAST_MS] = self.count, kept_ms
        if v.overfull:
            h.renumber(v.keep(v.freshest()))
        most = min(LONGEST, (HISTORY_BYTES - v.size_bytes) // LAUNCH_BYTES)
        if h.length >= most:
            self._trim(most - most // 4)

    def _trim(self, launches: int) -> None:
        """Keep so many launches and the programs that are among them.

        As every program is in the history, what follows from there isn't saved a second time.
        Dropping many at a time keeps it cheap.
        """
        self.history.keep_newest(launches)
        numbers = np.unique(self.history.programs())
        kept = numbers[numbers != FORGOTTEN].astype(np.int64)
        self.history.renumber(self.vocabulary.keep(kept))

    def to_bytes(self) -> bytes:
        """Return the state as versioned bytes, at most 19 KB."""
        v = self.vocabulary
        return msgspec.msgpack.encode(
            _Wire(
                VERSION, self.count, self.last_ms, list(v),
                v.use[1:, LAUNCHES].astype("<u4").tobytes(), *self.history.to_parts(),
                self.weights.astype("<f4").tobytes(),
                self.own_calibration.astype("<f4").tobytes(),
                packed(self.followed, self.followed_sizes, self.last_ms),
                biases.packed(self.biases), biases.packed(self.quick),
                self.shares.astype("<f4").tobytes(),
            )
        )  # fmt: skip

    @classmethod
    def from_bytes(cls, data: bytes) -> "UserPrograms":
        """Return a saved state, of this version or the one before.

        Raises ValueError for bytes that are none.
        """
        try:
            wire = _decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"no state of a user's programs: {error}") from error
        if wire.version not in {VERSION, BEFORE}:
            raise ValueError(f"state of programs of version {wire.version}, not {VERSION}")
        n = len(wire.programs)
        if not n <= wire.launches <= MOST_LAUNCHES or (n == 0) != (wire.launches == 0):
            raise ValueError(f"{wire.launches} launches and a history of {n} do not fit together")
        if abs(wire.last_ms) >= LATEST_MS:
            raise ValueError(f"a last launch at {wire.last_ms} ms can't be")
        user = cls()
        user.count, user.last_ms = wire.launches, wire.last_ms
        user.history = History.of_parts(wire.first_ms, wire.programs, wire.gaps, len(wire.names))
        user.vocabulary = Vocabulary.of(wire.names, user._use_of(wire.counts, len(wire.names)))
        user._learners_of(wire)
        user.own_calibration = _floats(wire.own_calibration, (WINDOWS, 2))
        if (abs(user.own_calibration) > (MOST_LEVEL, MOST_SLOPE)).any():
            raise ValueError("a user's calibration that can't be")
        user.followed, user.followed_sizes = unpacked(wire.waiting, wire.last_ms)
        return user

    def _learners_of(self, wire: _Wire) -> None:
        self.biases = biases.unpacked(wire.biases)
        if wire.version == BEFORE:
            self.weights[:] = _floats(wire.weights, (FEATURES,))
            return
        self.weights = _floats(wire.weights, (2, FEATURES))
        self.quick = biases.unpacked(wire.quick)
        self.shares = shares_of(_floats(wire.shares, (CONTEXTS, LEARNERS)))

    def _use_of(self, counts: bytes, known: int) -> npt.NDArray[np.int64]:
        """Return the vocabulary's counts and last uses, which follow from the history."""
        if len(counts) != 4 * known:
            raise ValueError("the vocabulary's names and counts do not fit together")
        h = self.history
        use = np.zeros((known + 1, COLUMNS), np.int64)
        use[1:, LAUNCHES] = np.frombuffer(counts, "<u4")
        programs = h.programs()
        # The last of equal indices wins, which is the newest launch.
        use[programs, LAST_LAUNCH] = self.count - h.length + 1 + np.arange(h.length)
        use[programs, LAST_MS] = h.clock[: h.length]
        if not use[1:, LAST_LAUNCH].all():
            raise ValueError("the vocabulary holds a program that is not in the history")
        return use[1:]


def _floats(data: bytes, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    if len(data) != 4 * prod(shape):
        raise ValueError(f"{len(data)} bytes of weights, not {4 * prod(shape)}")
    weights = np.frombuffer(data, "<f4").astype(np.float32).reshape(shape)
    if not np.isfinite(weights).all():
        raise ValueError("the weights are not finite")
    return weights
