"""Counts by number, ascending: how one is raised, how two lists are merged, and their byte form."""

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel

Integers = npt.NDArray[np.int64]


@kernel
def raised(numbers: Integers, counts: Integers, used: int, number: int) -> int:
    """Add one to a number's count; return how many numbers there are (there must be room)."""
    at = np.searchsorted(numbers[:used], number)
    if at < used and numbers[at] == number:
        counts[at] += 1
        return used
    for k in range(used, at, -1):
        numbers[k], counts[k] = numbers[k - 1], counts[k - 1]
    numbers[at], counts[at] = number, 1
    return used + 1


@kernel
def merged(
    numbers: Integers, counts: Integers, used: int, others: Integers, more: Integers
) -> tuple[Integers, Integers, int]:
    """Add counts of other numbers, ascending too; return the arrays, larger where they must be."""
    missing = 0
    for number in others:
        at = np.searchsorted(numbers[:used], number)
        missing += at == used or numbers[at] != number
    total = used + missing
    if total > len(numbers):
        room = max(2 * len(numbers), total)
        numbers = np.concatenate((numbers, np.zeros(room - len(numbers), np.int64)))
        counts = np.concatenate((counts, np.zeros(room - len(counts), np.int64)))
    at, end = used - 1, total  # from the end: nothing is overwritten that is still to be moved
    for k in range(len(others) - 1, -1, -1):
        while at >= 0 and numbers[at] > others[k]:
            end -= 1
            numbers[end], counts[end] = numbers[at], counts[at]
            at -= 1
        end -= 1
        known = counts[at] if at >= 0 and numbers[at] == others[k] else 0
        numbers[end], counts[end] = others[k], known + more[k]
        at -= known > 0
    return numbers, counts, total


@kernel
def encoded(numbers: Integers, counts: Integers, used: int) -> npt.NDArray[np.uint8]:
    """Return `[[[program, resource, {key: count}]]]` as msgpack, as msgspec writes it.

    Numbers are of `number_of`. Msgspec takes 1 us a row for it, and Python 3 to make the rows.
    """
    rows = 0
    for k in range(used):
        rows += k == 0 or numbers[k] >> 16 != numbers[k - 1] >> 16
    out = np.empty(16 + 12 * rows + 12 * used, np.uint8)
    out[0] = 0x91
    at = put_head(out, 1, rows, 0x90, 0xDC)
    first = 0
    while first < used:
        name, end = numbers[first] >> 16, first + 1
        while end < used and numbers[end] >> 16 == name:
            end += 1
        out[at] = 0x93
        at = put_number(out, at + 1, name >> 3)
        at = put_number(out, at, name & 7)
        at = put_head(out, at, end - first, 0x80, 0xDE)
        for k in range(first, end):
            at = put_number(out, at, (numbers[k] & 0xFFFF) - 0x8000)
            at = put_number(out, at, counts[k])
        first = end
    return out[:at]


@kernel
def put_head(out: npt.NDArray[np.uint8], at: int, size: int, small: int, large: int) -> int:
    """Write how many elements an array or a map has; return where to go on."""
    if size < 16:
        out[at] = small | size
        return at + 1
    wide = 2 if size < 1 << 16 else 4
    out[at] = large + (wide > 2)
    return put_digits(out, at + 1, size, wide)


@kernel
def put_number(out: npt.NDArray[np.uint8], at: int, value: int) -> int:
    """Write an integer in as few bytes as it needs; return where to go on."""
    if -32 <= value < 128:
        out[at] = value & 255
        return at + 1
    if value < 0:
        wide = 0 if value >= -128 else 1
        out[at] = 0xD0 + wide
    else:
        wide = 0 if value < 1 << 8 else 1 if value < 1 << 16 else 2 if value < 1 << 32 else 3
        out[at] = 0xCC + wide
    return put_digits(out, at + 1, value, 1 << wide)


@kernel
def put_digits(out: npt.NDArray[np.uint8], at: int, value: int, wide: int) -> int:
    """Write the lowest bytes of an integer, highest first; return where to go on."""
    for k in range(wide):
        out[at + k] = (value >> (8 * (wide - 1 - k))) & 255
    return at + wide
