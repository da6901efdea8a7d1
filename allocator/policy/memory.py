"""All that the policy remembers: arrays of fixed shape, whatever the traffic.

About 400 KB before compression, for any pool: requests are counted, never kept.
"""

import zlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from allocator.policy import layout as at
from allocator.policy.levels import LEVELS
from allocator.policy.network import WEIGHTS, first_weights

Floats = npt.NDArray[np.float64]

USERS = 1024  # hashed: two people in one slot share what is known of their follow-ups
PROGRAMS = 4096
MARKS = 512
SNAPSHOTS = 256  # at most 90 a lead time are taken
PRICE_BINS = 400

_VERSION = 2


class Memory(NamedTuple):
    """Learned state, as float64 arrays; `SHAPES` gives their shapes.

    Parameters
    ----------
    clock
        Scalars, named in `layout`.
    rates
        Decayed count of requests, and of the log crowd each met.
    week, day
        Requests and seconds seen by hour of the week and of the day.
    slots
        Two-minute counts of the last hour.
    users
        Per hashed user: follow-ups, their weight, time of the last request.
    programs
        Per hashed user and program: follow-ups, their weight.
    marks
        Requests whose follow-ups are being counted: time, user, program, requests then.
    states, snapshots
        States waiting for their outcome, with their time and the requests until then.
    norm
        Mean and variance of each feature.
    weights, moments
        The network and its optimiser.
    seen
        Requests on each level in the open interval, and over all time.
    slopes
        What each level was worth in the open interval.
    prices
        Requests by the highest price at which they would have been served: all, and by hour of
        the day.
    hours
        Requests and hits by hour of the day.
    crowds
        Requests by the level of the crowd that each met: all, and by hour of the day.
    """

    clock: Floats
    rates: Floats
    week: Floats
    day: Floats
    slots: Floats
    users: Floats
    programs: Floats
    marks: Floats
    states: Floats
    snapshots: Floats
    norm: Floats
    weights: Floats
    moments: Floats
    seen: Floats
    slopes: Floats
    prices: Floats
    hours: Floats
    crowds: Floats


SHAPES: dict[str, tuple[int, ...]] = {
    "clock": (at.CLOCK,), "rates": (2, at.DECAYS), "week": (2, at.HOURS_OF_WEEK),
    "day": (2, at.HOURS_OF_DAY), "slots": (at.SLOTS,), "users": (USERS, 3),
    "programs": (PROGRAMS, 2), "marks": (MARKS, 4), "states": (SNAPSHOTS, at.FEATURES),
    "snapshots": (SNAPSHOTS, 2), "norm": (2, at.FEATURES), "weights": (WEIGHTS,),
    "moments": (3, WEIGHTS), "seen": (2, LEVELS), "slopes": (LEVELS,),
    "prices": (1 + at.HOURS_OF_DAY, PRICE_BINS),
    "hours": (2, at.HOURS_OF_DAY), "crowds": (1 + at.HOURS_OF_DAY, LEVELS),
}  # fmt: skip
_BYTES = 8 * sum(int(np.prod(shape)) for shape in SHAPES.values())


def blank_memory(lead_s: float, seed: int = 1) -> Memory:
    """Nothing seen yet."""
    memory = Memory(**{name: np.zeros(shape) for name, shape in SHAPES.items()})
    memory.clock[[at.NOW, at.LAST_REQUEST, at.EARLIER_REQUEST, at.FORECAST_AT]] = -1e18
    memory.clock[at.LEAD] = lead_s
    memory.clock[at.PRICED_HOUR] = -1.0
    memory.norm[1] = 1.0
    memory.users[:, 2] = -1e18
    memory.weights[:] = first_weights(seed)
    return memory


def pack_memory(memory: Memory) -> bytes:
    """Versioned, compressed bytes of the arrays."""
    raw = b"".join(np.ascontiguousarray(part, "<f8").tobytes() for part in memory)
    return bytes([_VERSION]) + zlib.compress(raw, 1)


def unpack_memory(blob: bytes) -> Memory:
    """Restore what `pack_memory` wrote.

    Raises
    ------
    ValueError
        If the version is another one, the length is wrong or a value is out of range.
    """
    if not blob or blob[0] != _VERSION:
        raise ValueError(f"reserve state: version {blob[:1].hex() or 'none'}, not {_VERSION}")
    try:
        inflate = zlib.decompressobj()
        raw = inflate.decompress(blob[1:], _BYTES + 1)
    except zlib.error as error:
        raise ValueError(f"reserve state: {error}") from error
    if len(raw) != _BYTES or not inflate.eof or inflate.unused_data:
        raise ValueError(f"reserve state: not the {_BYTES} bytes of version {_VERSION}")
    memory = _split(np.frombuffer(raw, "<f8").astype(np.float64))
    _check(memory)
    return memory


def _split(values: Floats) -> Memory:
    parts, start = {}, 0
    for name, shape in SHAPES.items():
        end = start + int(np.prod(shape))
        parts[name] = values[start:end].reshape(shape).copy()
        start = end
    return Memory(**parts)


def _check(memory: Memory) -> None:
    """Refuse what would make a kernel index outside of its arrays or never end."""
    if not all(np.isfinite(part).all() for part in memory):
        raise ValueError("reserve state: a number is not finite")
    clock = memory.clock
    rings = (
        (clock[at.SNAP_OPEN], clock[at.SNAP_SHORT], clock[at.SNAP_END], SNAPSHOTS),
        (clock[at.MARK_FIRST], clock[at.MARK_HALF], clock[at.MARK_END], MARKS),
    )
    for first, middle, end, size in rings:
        whole = first == int(first) and middle == int(middle) and end == int(end)
        if not whole or not 0 <= first <= middle <= end <= first + size or end > 2**53:
            raise ValueError("reserve state: a ring's ends don't agree")
    slots = memory.marks[:, 1:3]
    if (slots < 0).any() or (slots[:, 0] >= USERS).any() or (slots[:, 1] >= PROGRAMS).any():
        raise ValueError("reserve state: a mark points outside of its table")
    if not 1.0 <= clock[at.LEAD] <= 3600.0 or abs(clock[at.NOW]) > 1e18:
        raise ValueError("reserve state: lead time or time out of range")
    if abs(clock[at.SLOT]) > 1e16 or not 0 <= clock[at.LARGEST_CROWD] <= 2**53:
        raise ValueError("reserve state: a count is out of range")
    if (memory.norm[1] < 0).any() or (memory.moments[2] < 0).any() or (memory.week < 0).any():
        raise ValueError("reserve state: a variance or a duration is negative")
