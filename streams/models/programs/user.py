"""One user's whole state for the prediction of the next program."""

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from streams.models.programs.calibration import (
    BIN,
    CALIBRATION_BINS,
    ROWS,
    WAITING,
    WINDOWS,
)
from streams.models.programs.history import History
from streams.models.programs.layout import FEATURES
from streams.models.programs.vocabulary import (
    COLUMNS,
    LAST_LAUNCH,
    LAST_MS,
    LAUNCHES,
    Vocabulary,
)

VERSION = 1
Array = npt.NDArray[Any]


class _Wire(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    launches: int
    last_ms: int
    names: list[str]
    use: bytes
    first_ms: int
    programs: bytes
    gaps: bytes
    weights: bytes
    waiting: list[bytes]


# Programs, hashes, states, features, probabilities, escape and weight sets: see `predict`.
Mixed = tuple[Array, Array, Array, Array, Array, float, Array]

_decoder = msgspec.msgpack.Decoder(_Wire)


class UserPrograms:
    """What one user has launched. Bounded: 4,096 launches and 512 names.

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
        self.weights = np.zeros(FEATURES, np.float32)
        self.waiting = np.zeros((WINDOWS, ROWS, WAITING), np.int64)
        self.waiting_sizes = np.zeros(WINDOWS, np.int64)
        # What was mixed for the last launch, by the population's version: spares doing it again.
        self.mixed: tuple[int, Mixed] | None = None

    def launches(self) -> dict[str, int]:
        """Return how often each program was launched."""
        counts = self.vocabulary.use[1:, LAUNCHES]
        return dict(zip(self.vocabulary, map(int, counts), strict=True))

    def record(self, program: str, time_s: float) -> None:
        """Add a launch to the history; a time before the last one counts as equal to it."""
        time_ms = round(time_s * 1000)
        self.last_ms = max(self.last_ms, time_ms) if self.count else time_ms
        self.count += 1
        number = self.vocabulary.intern(program)
        if number:
            row = self.vocabulary.use[number]
            row[LAUNCHES] += 1
            row[LAST_LAUNCH], row[LAST_MS] = self.count, self.last_ms
        self.history.append(number, self.last_ms)
        if self.vocabulary.overfull:
            self.history.renumber(self.vocabulary.shrink())

    def to_bytes(self) -> bytes:
        """Return the state as versioned bytes."""
        use = self.vocabulary.use[1:].astype("<i8").tobytes()
        names = list(self.vocabulary)
        weights = self.weights.astype("<f4").tobytes()
        waiting = [
            w[:, :n].astype("<i8").tobytes()
            for w, n in zip(self.waiting, self.waiting_sizes, strict=True)
        ]
        return msgspec.msgpack.encode(
            _Wire(
                VERSION,
                self.count,
                self.last_ms,
                names,
                use,
                *self.history.to_parts(),
                weights,
                waiting,
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "UserPrograms":
        """Return a saved state; raises ValueError for bytes that are none."""
        try:
            wire = _decoder.decode(data)
        except msgspec.DecodeError as error:
            raise ValueError(f"no state of a user's programs: {error}") from error
        if wire.version != VERSION:
            raise ValueError(f"state of programs of version {wire.version}, not {VERSION}")
        if len(wire.use) != 8 * COLUMNS * len(wire.names):
            raise ValueError("the vocabulary's names and counts do not fit together")
        if len(wire.weights) != 4 * FEATURES:
            raise ValueError(f"{len(wire.weights)} bytes of weights, not {4 * FEATURES}")
        user = cls()
        user.weights = np.frombuffer(wire.weights, "<f4").astype(np.float32)
        use = np.frombuffer(wire.use, "<i8").astype(np.int64).reshape(-1, COLUMNS)
        user.vocabulary = Vocabulary.of(wire.names, use)
        user.history = History.of_parts(wire.first_ms, wire.programs, wire.gaps, len(wire.names))
        user._restore_waiting(wire.waiting)
        user.count, user.last_ms = wire.launches, wire.last_ms
        return user

    def _restore_waiting(self, waiting: list[bytes]) -> None:
        if len(waiting) != WINDOWS:
            raise ValueError(f"{len(waiting)} windows of waiting probabilities, not {WINDOWS}")
        for w, data in enumerate(waiting):
            size, rest = divmod(len(data), 8 * ROWS)
            entries = np.frombuffer(data, "<i8")
            if rest or size > WAITING:
                raise ValueError("waiting probabilities of an impossible size")
            self.waiting[w, :, :size] = entries.reshape(ROWS, size)
            self.waiting_sizes[w] = size
        bins = self.waiting[:, BIN]
        if bins.min() < 0 or bins.max() >= CALIBRATION_BINS:
            raise ValueError("waiting probabilities of an impossible bin")
