"""Probabilities that wait for their outcome, as the compact bytes of a user's state."""

import numpy as np
import numpy.typing as npt

from streams.models.programs.calibration import (
    BIN,
    CALIBRATION_BINS,
    MADE,
    P_SCALE,
    PROGRAM_HASH,
    ROWS,
    STATED,
    WAITING,
    WINDOWS,
)  # fmt: skip

# When (ms before the newest launch), of which program (hash), calibration bin and p scaled.
ENTRY = np.dtype([("age_ms", "<u4"), ("hash", "<i8"), ("bin", "<u2"), ("stated", "<u4")])

Integers = npt.NDArray[np.int64]


def packed(waiting: Integers, sizes: Integers, last_ms: int) -> list[bytes]:
    """Return the entries of each window, 18 bytes each; see `calibration` for the arrays."""
    return [_window(waiting[w, :, : sizes[w]], last_ms) for w in range(WINDOWS)]


def _window(rows: Integers, last_ms: int) -> bytes:
    entries = np.zeros(rows.shape[1], ENTRY)
    entries["age_ms"] = last_ms - rows[MADE]
    entries["hash"], entries["bin"] = rows[PROGRAM_HASH], rows[BIN]
    entries["stated"] = rows[STATED]
    return entries.tobytes()


def unpacked(parts: list[bytes], last_ms: int) -> tuple[Integers, Integers]:
    """Return entries (WINDOWS, ROWS, WAITING) and sizes (WINDOWS,); ValueError if broken."""
    if len(parts) != WINDOWS:
        raise ValueError(f"{len(parts)} windows of waiting probabilities, not {WINDOWS}")
    waiting = np.zeros((WINDOWS, ROWS, WAITING), np.int64)
    sizes = np.zeros(WINDOWS, np.int64)
    for w, data in enumerate(parts):
        size, rest = divmod(len(data), ENTRY.itemsize)
        if rest or size > WAITING:
            raise ValueError(f"{len(data)} bytes of waiting probabilities can't be")
        entries = np.frombuffer(data, ENTRY)
        if (entries["bin"] >= CALIBRATION_BINS).any() or (entries["stated"] > P_SCALE).any():
            raise ValueError("waiting probabilities of an impossible bin or size")
        waiting[w, MADE, :size] = last_ms - entries["age_ms"].astype(np.int64)
        waiting[w, PROGRAM_HASH, :size], waiting[w, BIN, :size] = entries["hash"], entries["bin"]
        waiting[w, STATED, :size] = entries["stated"]
        sizes[w] = size
    return waiting, sizes
