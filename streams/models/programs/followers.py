"""Which programs followed which contexts, over all users: sorted entries, merged once a period."""

from typing import Any

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel

# Entries kept, of 24 bytes each; beyond, all counts are halved until there are fewer.
MOST_ENTRIES = 49_152
# A context's counts are halved beyond this many visits, so that it follows what changes.
MOST_VISITS = 400
MOST_VISITS_OF_ALL = 20_000


@kernel
def merged(
    keys: npt.NDArray[np.int64],
    programs: npt.NDArray[Any],
    counts: npt.NDArray[Any],
    new_keys: npt.NDArray[np.int64],
    new_programs: npt.NDArray[np.int64],
    new_counts: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Merge two lists of entries sorted by (key, program); equal entries add up."""
    room = len(keys) + len(new_keys)
    out_keys = np.zeros(room, np.int64)
    out_programs = np.zeros(room, np.int64)
    out_counts = np.zeros(room, np.int64)
    a = b = k = 0
    while a < len(keys) or b < len(new_keys):
        take_old = a < len(keys) and (
            b == len(new_keys)
            or keys[a] < new_keys[b]
            or (keys[a] == new_keys[b] and programs[a] <= new_programs[b])
        )
        take_new = b < len(new_keys) and (
            a == len(keys)
            or new_keys[b] < keys[a]
            or (keys[a] == new_keys[b] and new_programs[b] <= programs[a])
        )
        if take_old:
            out_keys[k], out_programs[k] = keys[a], programs[a]
            out_counts[k] += counts[a]
            a += 1
        if take_new:
            out_keys[k], out_programs[k] = new_keys[b], new_programs[b]
            out_counts[k] += new_counts[b]
            b += 1
        k += 1
    return out_keys[:k], out_programs[:k], out_counts[:k]


@kernel
def aged(
    keys: npt.NDArray[np.int64],
    programs: npt.NDArray[Any],
    counts: npt.NDArray[Any],
    root: int,
    halve_all: bool,
) -> int:
    """Halve the counts of contexts that are over full, or all; entries that come to 0 go."""
    k = 0
    start = 0
    for e in range(1, len(keys) + 1):
        if e < len(keys) and keys[e] == keys[start]:
            continue
        total = counts[start:e].sum()
        most = MOST_VISITS_OF_ALL if keys[start] == root else MOST_VISITS
        halve = halve_all or total > most
        for q in range(start, e):
            count = counts[q] // 2 if halve else counts[q]
            if count > 0:
                keys[k], programs[k], counts[k] = keys[q], programs[q], count
                k += 1
        start = e
    return k


@kernel
def starts_of(keys: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the distinct keys and where each begins, with the end of the last."""
    distinct = np.zeros(len(keys), np.int64)
    starts = np.zeros(len(keys) + 1, np.int64)
    k = 0
    for e in range(len(keys)):
        if e == 0 or keys[e] != keys[e - 1]:
            distinct[k], starts[k] = keys[e], e
            k += 1
    starts[k] = len(keys)
    return distinct[:k].copy(), starts[: k + 1].copy()
