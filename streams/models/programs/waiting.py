"""Followed launches that wait for their outcome, as the compact bytes of a user's state."""

import numpy as np
import numpy.typing as npt

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

# When (ms before the newest launch), for how many launches it stands, and what was stated.
LAUNCH = np.dtype([("age_ms", "<u4"), ("weight", "<u2"), ("size", "u1")])
STATED = np.dtype([("hash", "<u2"), ("bin", "<u2"), ("logit", "i1"), ("hit", "u1")])

Integers = npt.NDArray[np.int64]
_COLUMNS = {"hash": PROGRAM_HASH, "bin": BIN, "logit": LOGIT, "hit": HIT}


def nothing_followed() -> tuple[Integers, Integers]:
    """Return room for the followed launches and how many there are in each window: none."""
    return np.zeros((WINDOWS, OPEN, FOLLOWED_FIELDS), np.int64), np.zeros(WINDOWS, np.int64)


def packed(followed: Integers, sizes: Integers, last_ms: int) -> list[bytes]:
    """Return the followed launches of each window: 7 bytes, and 6 for each candidate."""
    return [_window(followed[w, : sizes[w]], last_ms) for w in range(WINDOWS)]


def _window(rows: Integers, last_ms: int) -> bytes:
    launches = np.zeros(len(rows), LAUNCH)
    launches["age_ms"], launches["weight"] = last_ms - rows[:, MADE], rows[:, WEIGHT]
    launches["size"] = rows[:, SIZE]
    cells = rows[:, FIRST:].reshape(len(rows), FOLLOWED, STATED_FIELDS)
    cells = cells[np.arange(FOLLOWED) < rows[:, SIZE, None]]
    stated = np.zeros(len(cells), STATED)
    for name, column in _COLUMNS.items():
        stated[name] = cells[:, column]
    return bytes([len(rows)]) + launches.tobytes() + stated.tobytes()


def unpacked(parts: list[bytes], last_ms: int) -> tuple[Integers, Integers]:
    """Return what was packed; raises ValueError where it can't be."""
    if len(parts) != WINDOWS:
        raise ValueError(f"{len(parts)} windows of waiting probabilities, not {WINDOWS}")
    followed, sizes = nothing_followed()
    for w, data in enumerate(parts):
        sizes[w] = _unpack_window(data, last_ms, followed[w])
    return followed, sizes


def _unpack_window(data: bytes, last_ms: int, rows: Integers) -> int:
    size = data[0] if data else OPEN + 1
    head = 1 + size * LAUNCH.itemsize
    if size > OPEN or len(data) < head:
        raise ValueError(f"{len(data)} bytes of waiting probabilities can't be")
    launches = np.frombuffer(data[1:head], LAUNCH)
    sizes = launches["size"].astype(np.int64)
    if (sizes > FOLLOWED).any() or len(data) != head + int(sizes.sum()) * STATED.itemsize:
        raise ValueError(f"{len(data)} bytes of waiting probabilities can't be")
    stated = np.frombuffer(data[head:], STATED)
    if (stated["bin"] >= CALIBRATION_BINS).any() or (stated["hit"] > 1).any():
        raise ValueError("waiting probabilities of an impossible bin or outcome")
    rows[:size, MADE] = last_ms - launches["age_ms"].astype(np.int64)
    rows[:size, WEIGHT], rows[:size, SIZE] = launches["weight"], sizes
    cells = np.zeros((size, FOLLOWED, STATED_FIELDS), np.int64)
    filled = np.arange(FOLLOWED) < sizes[:, None]
    for name, column in _COLUMNS.items():
        cells[..., column][filled] = stated[name]
    rows[:size, FIRST:] = cells.reshape(size, FOLLOWED * STATED_FIELDS)
    return size
