"""Hash table of integers with open addressing, for sums whose few numbers are not known ahead."""

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel


@kernel
def place_of(keys: npt.NDArray[np.int64], number: int) -> int:
    """Return the place of a number in the table, or the free one where it belongs."""
    mask = len(keys) - 1
    place = (number * 0x9E3779B1) & mask
    while keys[place] != -1 and keys[place] != number:
        place = (place + 1) & mask
    return place


@kernel
def add_all(
    keys: npt.NDArray[np.int64],
    sums: npt.NDArray[np.int64],
    used: int,
    numbers: npt.NDArray[np.int64],
    values: npt.NDArray[np.int64],
) -> tuple[int, int]:
    """Add values while there is room; return how many places are used and values were added."""
    limit = len(keys) - len(keys) // 4
    for k in range(len(numbers)):
        place = place_of(keys, numbers[k])
        if keys[place] == -1:
            if used >= limit:
                return used, k
            keys[place] = numbers[k]
            used += 1
        sums[place] += values[k]
    return used, len(numbers)


@kernel
def moved(
    keys: npt.NDArray[np.int64], sums: npt.NDArray[np.int64], room: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the table with more room."""
    new_keys = np.full(room, -1, np.int64)
    new_sums = np.zeros(room, np.int64)
    for k in range(len(keys)):
        if keys[k] != -1:
            place = place_of(new_keys, keys[k])
            new_keys[place] = keys[k]
            new_sums[place] = sums[k]
    return new_keys, new_sums


@kernel
def ascending(
    keys: npt.NDArray[np.int64], sums: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the numbers, ascending, and their sums, none of them 0."""
    kept = np.flatnonzero((keys >= 0) & (sums != 0))
    order = kept[np.argsort(keys[kept])]
    return keys[order], sums[order]


@kernel
def planes(numbers: npt.NDArray[np.int64], sums: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Return the steps between numbers, then the sums, each as eight planes of bytes.

    First all lowest bytes, then all second ones: the high planes are zero and compress to nothing.
    Sums are zigzagged: small numbers of both signs become small positive ones.
    """
    count = len(numbers)
    out = np.zeros(16 * count, np.uint8)
    before = 0
    for k in range(count):
        step = numbers[k] - before
        before = numbers[k]
        folded = (sums[k] << 1) ^ (sums[k] >> 63)
        for plane in range(8):
            out[plane * count + k] = (step >> (8 * plane)) & 255
            out[(8 + plane) * count + k] = (folded >> (8 * plane)) & 255
    return out
