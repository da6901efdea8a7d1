"""A small neural net for one user, trained on each launch: an expert beside the mixture.

An embedding of the last three programs, the hour and the gap go through one hidden layer to a
distribution over hashed programs (Bengio et al. 2003). Each launch is a step of gradient descent,
with a few earlier launches again, which is what lets a net follow few examples (experience replay,
Lin 1992). Its word and the mixture's are multiplied with weights learnt online (Hinton 2002).

It is an option of `warmfront backtest programs --neural`, not a part of the profile: see
docs/explanation/next-program.md for what it gains.
"""

import math

import msgspec
import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.programs.hashing import mixed

VERSION = 1
# Hashed programs (0 is none), size of an embedding, programs looked back at, other inputs, hidden.
SLOTS, WIDTH, BACK, OTHER, HIDDEN = 64, 8, 3, 3, 12
INPUTS = BACK * WIDTH + OTHER
TOP = HIDDEN + WIDTH
# Launches kept for replay, and how many of them are learnt again with each launch.
KEPT, REPLAYED = 128, 4
RATE = 0.08
# Steps of the two weights of mixture and net, and where the net's begins.
MIX_RATE, NET_WEIGHT, MOST_WEIGHT = 5e-4, 0.1, 2.0
LEAST_P = 1e-3
MOST_NUMBER = 1e4
DAY_MS = 86_400_000

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
_SHAPES = ((SLOTS, WIDTH), (HIDDEN, INPUTS + 1), (SLOTS, TOP + 1))


class _Wire(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    launches: int
    last_ms: int
    mixing: bytes
    slots: bytes
    other: bytes
    layers: list[bytes]


_decoder = msgspec.msgpack.Decoder(_Wire)


@kernel
def slot_of(name_hash: int) -> int:
    """Return the hashed number of a program, from 1 on."""
    return 1 + name_hash % (SLOTS - 1)


@kernel
def forward(
    embedding: Floats, inner: Floats, outer: Floats, slots: npt.NDArray[np.uint8], other: Floats,
    at: int, x: npt.NDArray[np.float64], top: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:  # fmt: skip
    """Return the distribution after launch `at`; x (INPUTS + 1,), top (TOP + 1,) are filled."""
    for b in range(BACK):
        slot = slots[at - b] if at >= b else 0
        for k in range(WIDTH):
            x[b * WIDTH + k] = embedding[slot, k]
    for k in range(OTHER):
        x[BACK * WIDTH + k] = other[at, k]
    x[INPUTS] = 1.0
    for h in range(HIDDEN):
        total = 0.0
        for k in range(INPUTS + 1):
            total += inner[h, k] * x[k]
        top[h] = np.tanh(total)
    for k in range(WIDTH):
        top[HIDDEN + k] = x[k]
    top[TOP] = 1.0
    out = np.zeros(SLOTS)
    for s in range(SLOTS):
        for k in range(TOP + 1):
            out[s] += outer[s, k] * top[k]
    out -= out.max()
    out[:] = np.exp(out)
    out /= out.sum()
    return out


@kernel
def step(
    embedding: Floats, inner: Floats, outer: Floats, slots: npt.NDArray[np.uint8], other: Floats,
    at: int, target: int, rate: float,
) -> float:  # fmt: skip
    """Move the weights against the gradient of -log p(target after launch `at`); return p."""
    x, top = np.zeros(INPUTS + 1), np.zeros(TOP + 1)
    error = forward(embedding, inner, outer, slots, other, at, x, top)
    p = error[target]
    error[target] -= 1.0
    to_top, to_x = np.zeros(TOP), np.zeros(INPUTS)
    for s in range(SLOTS):
        for k in range(TOP):
            to_top[k] += outer[s, k] * error[s]
        for k in range(TOP + 1):
            outer[s, k] -= rate * error[s] * top[k]
    for h in range(HIDDEN):
        slope = to_top[h] * (1.0 - top[h] * top[h])
        for k in range(INPUTS):
            to_x[k] += inner[h, k] * slope
        for k in range(INPUTS + 1):
            inner[h, k] -= rate * slope * x[k]
    for k in range(WIDTH):
        to_x[k] += to_top[HIDDEN + k]
    for b in range(BACK):
        slot = slots[at - b] if at >= b else 0
        for k in range(WIDTH):
            embedding[slot, k] -= rate * to_x[b * WIDTH + k]
    return float(p)


@kernel
def learn_launches(
    embedding: Floats, inner: Floats, outer: Floats, slots: npt.NDArray[np.uint8], other: Floats,
    kept: int, launches: int,
) -> None:  # fmt: skip
    """Learn the newest of the kept launches, and a few of the others again."""
    step(embedding, inner, outer, slots, other, kept - 2, slots[kept - 1], RATE)
    for r in range(REPLAYED):
        at = mixed(launches, r) % (kept - 1)
        step(embedding, inner, outer, slots, other, at, slots[at + 1], RATE)


def first_weights(shape: tuple[int, int], size: float, seed: int) -> Floats:
    """Return weights that are as good as random and the same everywhere."""
    values = [mixed(seed, k) / 2**62 - 1.0 for k in range(shape[0] * shape[1])]
    return (size * np.array(values)).astype(np.float32).reshape(shape)


class NeuralExpert:
    """The net of one user, of some 9 KB whatever is launched.

    Examples
    --------
    >>> net, names = NeuralExpert(), np.array([11, 12, 13])
    >>> even = np.full(3, 1 / 3)
    >>> for k in range(300):
    ...     net.observe(names, even, int(names[k % 3]), 60_000 * k)
    >>> p = net.combined(names, even)  # after 13 comes 11
    >>> bool(p[0] > 0.7)
    True
    >>> NeuralExpert.from_bytes(net.to_bytes()).to_bytes() == net.to_bytes()
    True
    """

    def __init__(self) -> None:
        self.launches = 0
        self.last_ms = 0
        self.kept = 0
        self.slots = np.zeros(KEPT, np.uint8)
        self.other = np.zeros((KEPT, OTHER), np.float32)
        self.mixing = np.array([1.0, NET_WEIGHT], np.float32)
        embedding, inner, outer = _SHAPES
        self.layers = (
            first_weights(embedding, 0.5, 1), first_weights(inner, 0.3, 2),
            np.zeros(outer, np.float32),
        )  # fmt: skip

    def observe(
        self, names: Integers, p: npt.NDArray[np.float64], name_hash: int, time_ms: int
    ) -> None:
        """Learn a launch.

        Parameters
        ----------
        names
            `program_hash` of the mixture's candidates before it, shape (candidates,).
        p
            What the mixture said of them, shape (candidates,).
        name_hash
            `program_hash` of what was launched.
        time_ms
            When, in ms; before the last launch counts as with it.
        """
        came = np.flatnonzero(names == name_hash)
        if self.kept and len(came):
            self._learn_mixing(int(came[0]), names, p)
        self._keep(name_hash, time_ms)
        if self.kept > 1:
            learn_launches(*self.layers, self.slots, self.other, self.kept, self.launches)

    def combined(self, names: Integers, p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the candidates' probabilities by mixture and net, shape (candidates,)."""
        if not self.kept or not len(p):
            return p
        scores = self._logs(names, p) @ self.mixing.astype(np.float64)
        powers = np.exp(scores - scores.max())
        return np.asarray(powers / powers.sum(), np.float64)

    def _logs(self, names: Integers, p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Logarithms of what mixture and net say, shape (candidates, 2)."""
        x, top = np.zeros(INPUTS + 1), np.zeros(TOP + 1)
        net = forward(*self.layers, self.slots, self.other, self.kept - 1, x, top)
        said = np.stack((p, net[1 + names % (SLOTS - 1)]), axis=1)
        return np.asarray(np.log(np.maximum(said, LEAST_P)), np.float64)

    def _learn_mixing(self, came: int, names: Integers, p: npt.NDArray[np.float64]) -> None:
        logs = self._logs(names, p)
        gradient = logs[came] - self.combined(names, p) @ logs
        moved = self.mixing + MIX_RATE * np.clip(gradient, -1.0, 1.0)
        self.mixing = np.clip(moved, 0.0, MOST_WEIGHT).astype(np.float32)

    def _keep(self, name_hash: int, time_ms: int) -> None:
        if self.kept == KEPT:
            self.kept = KEPT // 2
            self.slots[: self.kept] = self.slots[KEPT - self.kept :].copy()
            self.other[: self.kept] = self.other[KEPT - self.kept :].copy()
        gap_s = max(0, time_ms - self.last_ms) / 1000 if self.launches else 0.0
        self.last_ms = max(time_ms, self.last_ms) if self.launches else time_ms
        phase = 2 * math.pi * (self.last_ms % DAY_MS) / DAY_MS
        self.slots[self.kept] = slot_of(name_hash)
        self.other[self.kept] = math.sin(phase), math.cos(phase), math.log1p(gap_s) / 10
        self.kept += 1
        self.launches += 1

    def to_bytes(self) -> bytes:
        """Return the net as versioned bytes, some 9 KB."""
        return msgspec.msgpack.encode(
            _Wire(
                VERSION, self.launches, self.last_ms, self.mixing.astype("<f4").tobytes(),
                self.slots[: self.kept].tobytes(), self.other[: self.kept].astype("<f4").tobytes(),
                [layer.astype("<f4").tobytes() for layer in self.layers],
            )
        )  # fmt: skip

    @classmethod
    def from_bytes(cls, data: bytes) -> "NeuralExpert":
        """Return a saved net; raises ValueError for bytes that are none."""
        try:
            wire = _decoder.decode(data)
        except msgspec.DecodeError as error:
            raise ValueError(f"no neural expert: {error}") from error
        if wire.version != VERSION:
            raise ValueError(f"neural expert of version {wire.version}, not {VERSION}")
        net, kept = cls(), len(wire.slots)
        if kept > min(KEPT, wire.launches) or (kept == 0) != (wire.launches == 0):
            raise ValueError(f"a neural expert of {wire.launches} launches that keeps {kept}")
        slots = np.frombuffer(wire.slots, np.uint8)
        if (slots >= SLOTS).any() or len(wire.layers) != len(_SHAPES):
            raise ValueError("a neural expert of other layers or programs")
        net.launches, net.last_ms, net.kept = wire.launches, wire.last_ms, kept
        net.slots[:kept] = slots
        net.other[:kept] = _numbers(wire.other, (kept, OTHER))
        net.mixing = _numbers(wire.mixing, (2,))
        layers = [_numbers(part, shape) for part, shape in zip(wire.layers, _SHAPES, strict=True)]
        net.layers = layers[0], layers[1], layers[2]
        return net


def _numbers(data: bytes, shape: tuple[int, ...]) -> Floats:
    if len(data) != 4 * math.prod(shape):
        raise ValueError(f"{len(data)} bytes of a neural expert, not {4 * math.prod(shape)}")
    numbers = np.frombuffer(data, "<f4").astype(np.float32).reshape(shape)
    if not (np.abs(numbers) <= MOST_NUMBER).all():
        raise ValueError("a neural expert with numbers that can't be")
    return numbers
