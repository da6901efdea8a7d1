"""Adapter of the Rust-backed river.drift.ADWIN.

The compiled window answers __getstate__ with plain little-endian numbers (river 0.26): parameters,
sums, counters, then one pair of arrays for each size of bucket, then the constructor's arguments.
A walk over that layout refuses anything else before the compiled code sees it.
"""

import struct

import msgspec
from river import drift

_HEAD = struct.Struct("<dIQdd4d4IQ")  # parameters, 4 sums, 4 counters, bucket sizes
_ROW = struct.Struct("<3Q")  # buckets at most, buckets used, length of the first array
_LENGTH = struct.Struct("<Q")
_TAIL = struct.Struct("<dIQII")  # the constructor's arguments
_MAX_SIZES = 64  # 2 ** 64 values in the window


class AdwinState(msgspec.Struct, array_like=True, tag="adwin"):
    delta: float
    clock: int
    max_buckets: int
    min_window_length: int
    grace_period: int
    drift_detected: bool
    body: bytes


def dump_adwin(detector: drift.ADWIN) -> AdwinState:
    return AdwinState(
        detector.delta,
        detector.clock,
        detector.max_buckets,
        detector.min_window_length,
        detector.grace_period,
        detector.drift_detected,
        detector._helper.__getstate__(),  # noqa: SLF001
    )


def mean_of(detector: drift.ADWIN) -> float:
    """Mean of the window, 0 of an empty one: two calls, where `estimation` makes five."""
    window = detector._helper  # noqa: SLF001
    width = window.get_width()
    return float(window.get_total() / width) if width else 0.0


def load_adwin(state: AdwinState) -> drift.ADWIN:
    _check(state)
    detector = drift.ADWIN(
        state.delta,
        state.clock,
        state.max_buckets,
        state.min_window_length,
        state.grace_period,
    )
    detector._drift_detected = state.drift_detected  # noqa: SLF001
    detector._helper.__setstate__(state.body)  # noqa: SLF001
    return detector


def _check(state: AdwinState) -> None:
    arguments = (
        state.delta,
        state.clock,
        state.max_buckets,
        state.min_window_length,
        state.grace_period,
    )
    if not (
        0.0 < state.delta < 1.0 and 1 <= state.clock < 2**32 and 1 <= state.max_buckets < 2**16
    ):
        raise ValueError("ADWIN: a parameter is out of range")
    body = state.body
    if len(body) < _HEAD.size + _TAIL.size:
        raise ValueError("ADWIN: the window is truncated")
    delta, clock, buckets, shortest, grace, *_, sizes = _HEAD.unpack_from(body)
    if (delta, clock, buckets, shortest, grace) != arguments:
        raise ValueError("ADWIN: the window belongs to other parameters")
    if not 1 <= sizes <= _MAX_SIZES:
        raise ValueError(f"ADWIN: {sizes} sizes of buckets")
    at = _HEAD.size
    for _ in range(sizes):
        at = _check_row(body, at, state.max_buckets)
    if len(body) != at + _TAIL.size or _TAIL.unpack_from(body, at) != arguments:
        raise ValueError("ADWIN: the window's end does not fit")


def _check_row(body: bytes, at: int, max_buckets: int) -> int:
    """Check the buckets of one size, which begin at `at`; return where they end."""
    array = (max_buckets + 1) * 8
    if at + _ROW.size + 2 * array + _LENGTH.size > len(body):
        raise ValueError("ADWIN: the window is truncated")
    most, used, length = _ROW.unpack_from(body, at)
    (second,) = _LENGTH.unpack_from(body, at + _ROW.size + array)
    if most != max_buckets or used > length or length != max_buckets + 1 or second != length:
        raise ValueError("ADWIN: a row of buckets is out of range")
    return at + _ROW.size + _LENGTH.size + 2 * array
