"""The six sketches of one program of one user, and their byte form."""

import struct

from streams.models.consumption.quantile_sketch import MAX_BUCKETS, QuantileSketch
from streams.models.consumption.resources import FLOORS, RESOURCES

_HEAD = struct.Struct("<Bh")  # zeros follow?, level (3 bits), buckets (4 bits); first key
_ZEROS = 0x80
_LARGEST_KEY = 8 * 128  # of level 0: beyond any resource
_LARGEST = 2.0**100  # of any resource: beyond it (and inf, nan) it is no measurement

Sketches = list[QuantileSketch | None]


def empty_sketches() -> Sketches:
    return [None] * len(RESOURCES)


def add_value(sketches: Sketches, resource: int, value: float) -> bool:
    """Count a measured value; False if it is no measurement (negative, not finite)."""
    if not 0.0 <= value < _LARGEST:
        return False
    sketch = sketches[resource]
    if sketch is None:
        sketch = sketches[resource] = QuantileSketch()
    if value >= FLOORS[resource]:
        sketch.add(value)
    else:
        sketch.add_zero()
    return True


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
