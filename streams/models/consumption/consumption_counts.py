"""What all users' runs of each program consumed: integer bucket counts that merge exactly."""

from typing import Annotated

import msgspec

from streams.models.consumption.log_buckets import border, bucket
from streams.models.consumption.resources import FLOORS
from streams.models.cycles.section import decode_section, encode_section

_VERSION = 1
_LEVEL = 1  # four buckets an octave: 11 % relative error
_MOST_ASKED = 512  # of some 5 KB each
ZERO = -(2**15)  # the bucket of values below the floor
Rows = dict[tuple[int, int], dict[int, int]]  # (program, resource) -> bucket -> count

_Program = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
_Key = Annotated[int, msgspec.Meta(ge=ZERO, lt=2**15)]
_Count = Annotated[int, msgspec.Meta(ge=1, lt=2**62)]


class _State(msgspec.Struct, array_like=True):
    rows: list[tuple[_Program, Annotated[int, msgspec.Meta(ge=0, le=5)], dict[_Key, _Count]]]


_DECODER = msgspec.msgpack.Decoder(_State)


class ConsumptionCounts:
    """Bucket counts per program and resource.

    Merging adds integers: associative and commutative to the bit. The size grows with the number of
    programs, not with events: at most a few dozen buckets for each.

    Examples
    --------
    >>> counts = ConsumptionCounts()
    >>> for cores in (0.5, 1.0, 1.0, 2.0):
    ...     counts.add(program=7, resource=0, value=cores)
    >>> [(low, count) for low, _, count in counts.buckets(7, 0)]
    [(0.5, 1), (1.0, 2), (2.0, 1)]
    """

    __slots__ = ("_asked", "rows")

    def __init__(self) -> None:
        self.rows: Rows = {}
        # What `buckets` gave: the profiles of an hour ask for the same programs again and again.
        self._asked: dict[tuple[int, int], list[tuple[float, float, int]]] = {}

    def add(self, program: int, resource: int, value: float) -> None:
        """Count one measured value of a program (finite, not negative)."""
        self._asked.clear()
        key = bucket(value) >> _LEVEL if value >= FLOORS[resource] else ZERO
        counts = self.rows.get((program, resource))
        if counts is None:
            counts = self.rows[program, resource] = {}
        counts[key] = counts.get(key, 0) + 1

    def opened(self) -> Rows:
        """Return the counts to be added to."""
        self._asked.clear()
        return self.rows

    def buckets(self, program: int, resource: int) -> list[tuple[float, float, int]]:
        """Lower border, upper border and count of each bucket, rising."""
        known = self._asked.get((program, resource))
        if known is not None:
            return known
        rows = []
        for key, count in sorted(self.rows.get((program, resource), {}).items()):
            low, high = (0.0, 0.0) if key == ZERO else _borders(key)
            rows.append((low, high, count))
        if len(self._asked) < _MOST_ASKED:
            self._asked[program, resource] = rows
        return rows

    def merge(self, other: "ConsumptionCounts") -> None:
        """Add another partition's or hour's counts."""
        self._asked.clear()
        for name, theirs in other.rows.items():
            ours = self.rows.setdefault(name, {})
            for key, count in theirs.items():
                ours[key] = ours.get(key, 0) + count

    def forget(self, program: int) -> None:
        """Drop a program that is no longer used."""
        self._asked.clear()
        for name in [name for name in self.rows if name[0] == program]:
            del self.rows[name]

    def to_bytes(self) -> bytes:
        """Rows sorted by program and resource: equal counts give equal bytes."""
        rows = [
            (program, resource, dict(sorted(counts.items())))
            for (program, resource), counts in sorted(self.rows.items())
        ]
        return encode_section(_VERSION, _State(rows))

    @classmethod
    def from_bytes(cls, data: bytes) -> "ConsumptionCounts":
        counts = cls()
        for program, resource, row in decode_section(
            "consumption counts", _VERSION, _DECODER, data
        ).rows:
            if any(key != ZERO and not -2200 < key << _LEVEL < 8180 for key in row):
                raise ValueError("consumption counts: a bucket is out of range")
            counts.rows[program, resource] = row
        return counts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConsumptionCounts) and self.rows == other.rows

    __hash__ = None  # type: ignore[assignment]  # counts change


def _borders(key: int) -> tuple[float, float]:
    return border(key, _LEVEL), border(key + 1, _LEVEL)
