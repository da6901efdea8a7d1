"""Followed launches that wait for their outcome, as the compact bytes of a user's state."""

from typing import Any

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.programs.calibration import (
    BIN,
    CALIBRATION_BINS,
    FIRST,
    FOLLOWED,
    FOLLOWED_FIELDS,
    HIT,
    LOGIT,
    MADE,
    OPEN,
    PROGRAM_HASH,
    SIZE,
    STATED_FIELDS,
    WEIGHT,
    WINDOWS,
)  # fmt: skip

# Bytes of a launch: when (4, ms before the newest launch), for how many launches it stands (2), and
# of how many candidates something was stated (1). Of a candidate: hash (2), bin (2), log-odds and
# whether it came (1 each).
LAUNCH_BYTES, STATED_BYTES = 7, 6
FITS, NO_WINDOW, IMPOSSIBLE = 0, 1, 2

Integers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


def nothing_followed() -> tuple[Integers, Integers]:
    """Return room for the followed launches and how many there are in each window: none."""
    return np.zeros((WINDOWS, OPEN, FOLLOWED_FIELDS), np.int64), np.zeros(WINDOWS, np.int64)


def packed(followed: Integers, sizes: Integers, last_ms: int) -> list[bytes]:
    """Return the followed launches of each window: 7 bytes, and 6 for each candidate."""
    return [_pack_window(followed[w], sizes[w], last_ms).tobytes() for w in range(WINDOWS)]


@kernel
def _pack_window(rows: Integers, size: int, last_ms: int) -> Bytes:
    """One pass over bytes: a tenth of the time that arrays of fields take for so few of them."""
    out = np.zeros(1 + size * (LAUNCH_BYTES + FOLLOWED * STATED_BYTES), np.uint8)
    out[0] = size
    at = 1
    for g in range(size):
        at = _put(out, at, last_ms - rows[g, MADE], 4)
        at = _put(out, at, rows[g, WEIGHT], 2)
        at = _put(out, at, rows[g, SIZE], 1)
    for g in range(size):
        for m in range(rows[g, SIZE]):
            e = FIRST + m * STATED_FIELDS
            at = _put(out, at, rows[g, e + PROGRAM_HASH], 2)
            at = _put(out, at, rows[g, e + BIN], 2)
            at = _put(out, at, rows[g, e + LOGIT], 1)
            at = _put(out, at, rows[g, e + HIT], 1)
    return out[:at]


@kernel
def _put(out: Bytes, at: int, value: int, count: int) -> int:
    """Write the lowest bytes of a number, the lowest first; return the place behind them."""
    for k in range(count):
        out[at + k] = (value >> (8 * k)) & 255
    return at + count


@kernel
def _number(data: Bytes, at: int, count: int) -> Any:
    value: Any = 0
    for k in range(count):
        value |= np.int64(data[at + k]) << (8 * k)
    return value


def unpacked(parts: list[bytes], last_ms: int) -> tuple[Integers, Integers]:
    """Return what was packed; raises ValueError where it can't be."""
    if len(parts) != WINDOWS:
        raise ValueError(f"{len(parts)} windows of waiting probabilities, not {WINDOWS}")
    followed, sizes = nothing_followed()
    for w, data in enumerate(parts):
        verdict = _unpack_window(np.frombuffer(data, np.uint8), last_ms, followed[w])
        if verdict == NO_WINDOW:
            raise ValueError(f"{len(data)} bytes of waiting probabilities can't be")
        if verdict == IMPOSSIBLE:
            raise ValueError("waiting probabilities of an impossible bin or outcome")
        sizes[w] = data[0]
    return followed, sizes


@kernel
def _unpack_window(data: Bytes, last_ms: int, rows: Integers) -> int:
    """Fill in the launches of a window and tell whether the bytes can be one."""
    size: Any = np.int64(data[0]) if len(data) else OPEN + 1
    at = 1 + size * LAUNCH_BYTES
    if size > OPEN or len(data) < at:
        return NO_WINDOW
    stated = 0
    for g in range(size):
        begun = 1 + g * LAUNCH_BYTES
        rows[g, MADE] = last_ms - _number(data, begun, 4)
        rows[g, WEIGHT], rows[g, SIZE] = _number(data, begun + 4, 2), _number(data, begun + 6, 1)
        if rows[g, SIZE] > FOLLOWED:
            return NO_WINDOW
        stated += rows[g, SIZE]
    if len(data) != at + stated * STATED_BYTES:
        return NO_WINDOW
    for g in range(size):
        for m in range(rows[g, SIZE]):
            e = FIRST + m * STATED_FIELDS
            rows[g, e + PROGRAM_HASH], rows[g, e + BIN] = (
                _number(data, at, 2),
                _number(data, at + 2, 2),
            )
            logit = _number(data, at + 4, 1)
            rows[g, e + LOGIT] = logit - 256 if logit > 127 else logit
            rows[g, e + HIT] = _number(data, at + 5, 1)
            if rows[g, e + BIN] >= CALIBRATION_BINS or rows[g, e + HIT] > 1:
                return IMPOSSIBLE
            at += STATED_BYTES
    return FITS
