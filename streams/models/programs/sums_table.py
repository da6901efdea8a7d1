"""Sums of integers whose few numbers are not known ahead, and of those that nearly all come.

The few are in a hash table with open addressing. Numbers of the block (gradient and the lower half
of the curvature, two thirds of what a launch teaches) each have a place of their own: hashing them
took as long as working them out, and sorting them most of the time that encoding took.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.programs.layout import FEATURES, GRADIENT, HESSIAN, SELECTED_GRADIENT

# Places of the block: the gradient, then row after row of the curvature up to its diagonal.
OF_HESSIAN = FEATURES
BLOCK = OF_HESSIAN + FEATURES * (FEATURES + 1) // 2
DIGIT_BITS = 8

Integers = npt.NDArray[np.int64]
# Keys of the hash table, -1 where free, their sums, the sums of the block (none until one comes)
# and how many keys there are.
Table = tuple[Integers, Integers, Integers, int]


def table_of(room: int) -> Table:
    """Return an empty table with so many places, a power of 2."""
    return np.full(room, -1, np.int64), np.zeros(room, np.int64), np.zeros(0, np.int64), 0


@kernel
def place_of(keys: Integers, number: int) -> int:
    """Return the place of a number in the hash table, or the free one where it belongs."""
    mask = len(keys) - 1
    place = (number * 0x9E3779B1) & mask
    while keys[place] != -1 and keys[place] != number:
        place = (place + 1) & mask
    return place


@kernel
def block_place(number: int) -> int:
    """Return the place of a number in the block, -1 where it has none.

    Examples
    --------
    >>> [block_place(n) for n in (GRADIENT - 1, GRADIENT, HESSIAN, HESSIAN + 1, HESSIAN + FEATURES)]
    [-1, 0, 55, -1, 56]
    """
    if number < GRADIENT or number >= SELECTED_GRADIENT:
        return -1
    if number < HESSIAN:
        return number - GRADIENT
    row, column = (number - HESSIAN) // FEATURES, (number - HESSIAN) % FEATURES
    return OF_HESSIAN + row * (row + 1) // 2 + column if column <= row else -1


@kernel
def block_numbers() -> Integers:
    """Return the number of each place in the block, ascending."""
    numbers = np.arange(GRADIENT, GRADIENT + BLOCK)
    k = OF_HESSIAN
    for row in range(FEATURES):
        for column in range(row + 1):
            numbers[k] = HESSIAN + row * FEATURES + column
            k += 1
    return numbers


@kernel
def with_room(keys: Integers, sums: Integers, used: int, more: int) -> tuple[Integers, Integers]:
    """Return the hash table, moved to where there is room for so many keys more."""
    room = len(keys)
    while used + more > room - room // 4:
        room *= 2
    if room == len(keys):
        return keys, sums
    new_keys = np.full(room, -1, np.int64)
    new_sums = np.zeros(room, np.int64)
    for k in range(len(keys)):
        if keys[k] != -1:
            place = place_of(new_keys, keys[k])
            new_keys[place] = keys[k]
            new_sums[place] = sums[k]
    return new_keys, new_sums


@kernel
def add_few(keys: Integers, sums: Integers, used: int, numbers: Integers, values: Integers) -> int:
    """Add values to a hash table with room for them; return how many keys it then has.

    One loop: a kernel called for each number took five times as long, and so did a table that may
    become another one amid the loop.
    """
    for k in range(len(numbers)):
        place = place_of(keys, numbers[k])
        if keys[place] == -1:
            keys[place] = numbers[k]
            used += 1
        sums[place] += values[k]
    return used


@kernel
def add_all(table: Table, numbers: Integers, values: Integers) -> Any:
    """Return the table with values added under their numbers."""
    keys, sums, block, used = table
    few = np.zeros(len(numbers), np.bool_)
    for k in range(len(numbers)):
        few[k] = block_place(numbers[k]) < 0
    rest = numbers[few]
    if len(rest) < len(numbers) and len(block) == 0:
        block = np.zeros(BLOCK, np.int64)
    for k in range(len(numbers)):
        if not few[k]:
            block[block_place(numbers[k])] += values[k]
    keys, sums = with_room(keys, sums, used, len(rest))
    return keys, sums, block, add_few(keys, sums, used, rest, values[few])


@kernel
def merged(table: Table, other: Table) -> Any:
    """Return the table with another one's sums added."""
    keys, sums, block, used = table
    more, values, more_block, _ = other
    come = values != 0
    rest = more[come]
    keys, sums = with_room(keys, sums, used, len(rest))
    used = add_few(keys, sums, used, rest, values[come])
    if len(block) == 0:
        block = more_block.copy()
    else:
        for k in range(len(more_block)):
            block[k] += more_block[k]
    return keys, sums, block, used


@kernel
def in_order(keys: Integers, sums: Integers) -> tuple[Integers, Integers]:
    """Return the hash table's numbers, ascending, and their sums, none of them 0.

    Sorted by digits, as a sort that compares takes three times as long on data it has not met.
    """
    kept = 0
    largest = np.int64(0)
    numbers, values = np.empty(len(keys), np.int64), np.empty(len(keys), np.int64)
    for k in range(len(keys)):  # without a branch that half of the places would take
        numbers[kept], values[kept] = keys[k], sums[k]
        largest = max(largest, keys[k])
        kept += 1 if sums[k] != 0 else 0  # a free place has none
    numbers, values = numbers[:kept], values[:kept]
    shift = 0
    while largest >> shift:
        starts = np.zeros((1 << DIGIT_BITS) + 1, np.int64)
        for k in range(kept):
            starts[((numbers[k] >> shift) & ((1 << DIGIT_BITS) - 1)) + 1] += 1
        for digit in range(1 << DIGIT_BITS):
            starts[digit + 1] += starts[digit]
        sorted_numbers, sorted_values = np.empty(kept, np.int64), np.empty(kept, np.int64)
        for k in range(kept):
            digit = (numbers[k] >> shift) & ((1 << DIGIT_BITS) - 1)
            sorted_numbers[starts[digit]], sorted_values[starts[digit]] = numbers[k], values[k]
            starts[digit] += 1
        numbers, values = sorted_numbers, sorted_values
        shift += DIGIT_BITS
    return numbers, values


@kernel
def ascending(table: Table) -> tuple[Integers, Integers]:
    """Return the numbers, ascending, and their sums, none of them 0."""
    keys, sums, block, _ = table
    few, values = in_order(keys, sums)
    if len(block) == 0:
        return few, values
    of_block = block_numbers()
    numbers_out = np.empty(len(few) + BLOCK, np.int64)
    sums_out = np.empty(len(few) + BLOCK, np.int64)
    a = b = k = 0
    while a < len(few) or b < BLOCK:
        if b == BLOCK or (a < len(few) and few[a] < of_block[b]):
            numbers_out[k], sums_out[k] = few[a], values[a]
            a += 1
            k += 1
        else:
            if block[b] != 0:
                numbers_out[k], sums_out[k] = of_block[b], block[b]
                k += 1
            b += 1
    return numbers_out[:k], sums_out[:k]


@kernel
def planes(table: Table) -> npt.NDArray[np.uint8]:
    """Return the steps between numbers, then their sums, each as eight planes of bytes.

    First all lowest bytes, then all second ones: the high planes are zero and compress to nothing.
    Sums are zigzagged: small numbers of both signs become small positive ones.
    """
    numbers, sums = ascending(table)
    count = len(numbers)
    steps, folded = numbers.copy(), (sums << 1) ^ (sums >> 63)
    steps[1:] -= numbers[:-1]
    out = np.zeros(16 * count, np.uint8)
    write_planes(steps, out[: 8 * count])
    write_planes(folded, out[8 * count :])
    return out


@kernel
def write_planes(values: Integers, out: npt.NDArray[np.uint8]) -> None:
    """Write the planes of bytes up to the highest that is not all zero."""
    count = len(values)
    any_bits = np.int64(0)
    for k in range(count):
        any_bits |= values[k]
    for plane in range(8):
        if any_bits >> (8 * plane) == 0:
            return
        for k in range(count):
            out[plane * count + k] = (values[k] >> (8 * plane)) & 255
