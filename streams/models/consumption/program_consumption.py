"""The six sketches of each program of one user: how values are counted in them, and their bytes."""

from math import frexp

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.consumption.counted import Integers, raised
from streams.models.consumption.resources import FLOORS, RESOURCES
from streams.models.consumption.sketch_rows import (
    COUNTS,
    FIRST,
    LEVEL,
    MAX_BUCKETS,
    ROW,
    SEEN,
    USED,
    ZEROS,
    Row,
    add_key,
    add_zero,
)

HEAD = 3  # bytes: zeros follow?, level (3 bits), buckets (4 bits); first key
MOST_BYTES = 1 + len(RESOURCES) * (HEAD + 1 + MAX_BUCKETS)
_LARGEST_KEY = 8 * 128  # of level 0: beyond any resource
_LARGEST = 2.0**100  # of any resource: beyond it (and inf, nan) it is no measurement

Table = npt.NDArray[np.int16]  # shape (programs, resources, ROW)
Bytes = npt.NDArray[np.uint8]


def room_for(programs: int) -> Table:
    """Return empty sketches."""
    return np.zeros((programs, len(RESOURCES), ROW), np.int16)


@kernel
def count_row(
    sketches: Row,
    program: int,
    values: npt.NDArray[np.float64],
    first: int,
    numbers: Integers,
    counts: Integers,
    used: int,
) -> int:
    """Count measured values of a program, one a resource from `first` on, in both places at once.

    What is no measurement (nan, negative, not finite) is skipped.

    Parameters
    ----------
    sketches
        The program's own, shape (resources, ROW).
    program
        Its number.
    numbers, counts, used
        Everybody's counts, with room (see `ConsumptionCounts`); how many are used then is returned.
    """
    for k in range(len(values)):
        value, resource = values[k], first + k
        if not 0.0 <= value < _LARGEST:
            continue
        row = sketches[resource]
        row[SEEN] = 1
        number = program << 19 | resource << 16
        if value >= FLOORS[resource]:
            mantissa, exponent = frexp(value)
            key = 8 * exponent + int(16.0 * mantissa) - 16  # `log_buckets.bucket`
            add_key(row, key)
            number += (key >> 1) + 0x8000  # the population's buckets are of level 1
        else:
            add_zero(row)
        used = raised(numbers, counts, used, number)
    return used


@kernel
def packed(table: Table, places: Integers) -> tuple[Bytes, Integers]:
    """Return the bytes of some programs one after the other, and where each ends.

    Of each a bit mask of the resources seen, then 3 or 4 bytes and the counts of each.
    """
    out = np.empty(MOST_BYTES * len(places), np.uint8)
    ends = np.zeros(len(places), np.int64)
    at = 0
    for n in range(len(places)):
        mask_at, mask = at, 0
        at += 1
        for resource in range(table.shape[1]):
            row = table[places[n], resource]
            if row[SEEN]:
                mask |= 1 << resource
                at = put_sketch(out, at, row)
        out[mask_at] = mask
        ends[n] = at
    return out[:at], ends


@kernel
def put_sketch(out: Bytes, at: int, row: Row) -> int:
    """Write one sketch; return where to go on."""
    out[at] = (0x80 if row[ZEROS] else 0) | row[LEVEL] << 4 | row[USED]
    out[at + 1], out[at + 2] = row[FIRST] & 255, (row[FIRST] >> 8) & 255
    at += HEAD
    if row[ZEROS]:
        out[at] = row[ZEROS]
        at += 1
    for k in range(row[USED]):
        out[at] = row[COUNTS + k]
        at += 1
    return at


def check_packed(data: bytes) -> None:
    """Refuse bytes that `unpack` can't read.

    Raises
    ------
    ValueError
        If they are truncated or a number is out of range.
    """
    if not data or data[0] >> len(RESOURCES):
        raise ValueError("consumption: no mask of resources")
    at = 1
    for _ in range(data[0].bit_count()):
        if at + HEAD > len(data):
            raise ValueError("consumption: truncated")
        shape, first = data[at], int.from_bytes(data[at + 1 : at + HEAD], "little", signed=True)
        buckets = shape & 15
        if buckets > MAX_BUCKETS or abs(first) << (shape >> 4 & 7) > _LARGEST_KEY:
            raise ValueError("consumption: a sketch is out of range")
        at += HEAD + (shape >> 7) + buckets
    if at != len(data):
        raise ValueError("consumption: sketches of another length than the bytes")


@kernel
def unpack(data: Bytes, sketches: Row) -> None:
    """Read a program's sketches from bytes that `check_packed` let pass into empty ones."""
    at = 1
    for resource in range(len(sketches)):
        if not data[0] >> resource & 1:
            continue
        row, shape = sketches[resource], np.int64(data[at])
        first = np.int64(data[at + 1]) | np.int64(data[at + 2]) << 8
        row[SEEN], row[LEVEL], row[USED] = 1, shape >> 4 & 7, shape & 15
        row[FIRST] = first - ((first >> 15) << 16)
        at += HEAD
        if shape & 0x80:
            row[ZEROS] = data[at]
            at += 1
        for k in range(row[USED]):
            row[COUNTS + k] = data[at + k]
        at += row[USED]
