"""The six sketches of one program of one user, and their byte form."""

import struct
from collections.abc import Sequence
from math import frexp

from streams.models.consumption.consumption_counts import ZERO, Rows
from streams.models.consumption.quantile_sketch import MAX_BUCKETS, MAX_COUNT, QuantileSketch
from streams.models.consumption.resources import FLOORS, RESOURCES

_HEAD = struct.Struct("<Bh")  # zeros follow?, level (3 bits), buckets (4 bits); first key
_ZEROS = 0x80
_LARGEST_KEY = 8 * 128  # of level 0: beyond any resource
_LARGEST = 2.0**100  # of any resource: beyond it (and inf, nan) it is no measurement

Sketches = list[QuantileSketch | None]


def empty_sketches() -> Sketches:
    return [None] * len(RESOURCES)


def add_values(
    sketches: Sketches, program: int, values: Sequence[float | None], first: int, rows: Rows | None
) -> None:
    """Count measured values of a program, one a resource from `first` on, in both places at once.

    What is no measurement (negative, not finite) is skipped. Every sample comes here with its five
    values, so that the usual case is written out: one bucket found for both, no call.
    """
    for resource, value in enumerate(values, first):
        if value is None or not 0.0 <= value < _LARGEST:
            continue
        sketch = sketches[resource]
        if sketch is None:
            sketch = sketches[resource] = QuantileSketch()
        if value >= FLOORS[resource]:
            mantissa, exponent = frexp(value)
            key = 8 * exponent + int(16.0 * mantissa) - 16  # `log_buckets.bucket`
            counts, at = sketch.counts, (key >> sketch.level) - sketch.first
            if 0 <= at < len(counts) and counts[at] < MAX_COUNT:
                counts[at] += 1
            else:
                sketch.add_key(key)
            key >>= 1  # the population's buckets are of level 1
        else:
            sketch.add_zero()
            key = ZERO
        if rows is not None:
            row = rows.get((program, resource))
            if row is None:
                row = rows[program, resource] = {}
            row[key] = row.get(key, 0) + 1


def pack_sketches(sketches: Sketches) -> bytes:
    """A bit mask of the resources seen, then 3 or 4 bytes and the counts of each."""
    mask = sum(1 << k for k, sketch in enumerate(sketches) if sketch is not None)
    parts = [bytes((mask,))]
    for sketch in sketches:
        if sketch is not None:
            shape = (_ZEROS if sketch.zeros else 0) | sketch.level << 4 | len(sketch.counts)
            parts.append(_HEAD.pack(shape, sketch.first))
            parts.append(bytes([sketch.zeros, *sketch.counts] if sketch.zeros else sketch.counts))
    return b"".join(parts)


def check_packed(data: bytes) -> None:
    """Refuse bytes that `unpack_sketches` can't read, at a third of the cost of unpacking them.

    Raises
    ------
    ValueError
        If they are truncated or a number is out of range.
    """
    if not data or data[0] >> len(RESOURCES):
        raise ValueError("consumption: no mask of resources")
    at = 1
    for _ in range(data[0].bit_count()):
        if at + _HEAD.size > len(data):
            raise ValueError("consumption: truncated")
        shape, first = _HEAD.unpack_from(data, at)
        buckets = shape & 15
        if buckets > MAX_BUCKETS or abs(first) << (shape >> 4 & 7) > _LARGEST_KEY:
            raise ValueError("consumption: a sketch is out of range")
        at += _HEAD.size + (shape >> 7) + buckets
    if at != len(data):
        raise ValueError("consumption: sketches of another length than the bytes")


def unpack_sketches(data: bytes) -> Sketches:
    """Return the sketches in bytes that `check_packed` let pass."""
    sketches, at = empty_sketches(), 1
    for resource in range(len(RESOURCES)):
        if data[0] >> resource & 1:
            sketch = sketches[resource] = QuantileSketch()
            shape, sketch.first = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            sketch.level, buckets = shape >> 4 & 7, shape & 15
            if shape & _ZEROS:
                sketch.zeros = data[at]
                at += 1
            sketch.counts = list(data[at : at + buckets])
            at += buckets
    return sketches
