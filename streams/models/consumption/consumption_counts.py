"""What all users' runs of each program consumed: integer bucket counts that merge exactly."""

from typing import Annotated

import msgspec
import numpy as np

from streams.models.consumption.counted import Integers, encoded, merged
from streams.models.consumption.log_buckets import border
from streams.models.cycles.section import decode_section

_VERSION = 1
_LEVEL = 1  # four buckets an octave: 11 % relative error
_MOST_ASKED = 512  # of some 5 KB each
ZERO = -(2**15)  # the bucket of values below the floor

_Program = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
_Key = Annotated[int, msgspec.Meta(ge=ZERO, lt=2**15)]
_Count = Annotated[int, msgspec.Meta(ge=1, lt=2**62)]


class _State(msgspec.Struct, array_like=True):
    rows: list[tuple[_Program, Annotated[int, msgspec.Meta(ge=0, le=5)], dict[_Key, _Count]]]


_DECODER = msgspec.msgpack.Decoder(_State)
_ROOM = 32


def number_of(program: int, resource: int, key: int) -> int:
    """Return the number that counts are kept under: in the order of program, resource and bucket.

    Examples
    --------
    >>> number_of(0, 0, ZERO), number_of(0, 1, ZERO) == 2**16, number_of(1, 0, ZERO) == 2**19
    (0, True, True)
    """
    return program << 19 | resource << 16 | (key - ZERO)


class ConsumptionCounts:
    """Bucket counts per program and resource.

    Merging adds integers: associative and commutative to the bit. The size grows with the number of
    programs, not with events: at most a few dozen buckets for each.

    Examples
    --------
    >>> from streams.models.consumption import Consumption
    >>> counts, user = ConsumptionCounts(), Consumption()
    >>> for cores in (0.5, 1.0, 1.0, 2.0):
    ...     user.observe_sample(7, (cores,), counts)
    >>> [(low, count) for low, _, count in counts.buckets(7, 0)]
    [(0.5, 1), (1.0, 2), (2.0, 1)]
    """

    __slots__ = ("_asked", "counts", "numbers", "used")

    def __init__(self) -> None:
        # Ascending, with their counts; room for more after the first `used`.
        self.numbers: Integers = _NONE
        self.counts: Integers = _NONE
        self.used = 0
        # What `buckets` gave: the profiles of an hour ask for the same programs again and again.
        self._asked: dict[tuple[int, int], list[tuple[float, float, int]]] = {}

    def open(self, values: int) -> None:
        """Have room for so many values more; whoever asks adds them to the arrays."""
        self._asked.clear()
        if self.used + values > len(self.numbers):
            more = np.zeros(max(_ROOM, len(self.numbers), values), np.int64)
            self.numbers = np.concatenate((self.numbers, more))
            self.counts = np.concatenate((self.counts, more))

    def buckets(self, program: int, resource: int) -> list[tuple[float, float, int]]:
        """Lower border, upper border and count of each bucket, rising."""
        known = self._asked.get((program, resource))
        if known is not None:
            return known
        first = number_of(program, resource, ZERO)
        low, high = np.searchsorted(self.numbers[: self.used], (first, first + (1 << 16)))
        keys = (self.numbers[low:high] - first + ZERO).tolist()
        counts = self.counts[low:high].tolist()
        rows = [(*_borders(key), count) for key, count in zip(keys, counts, strict=True)]
        if len(self._asked) < _MOST_ASKED:
            self._asked[program, resource] = rows
        return rows

    def merge(self, other: "ConsumptionCounts") -> None:
        """Add another partition's or hour's counts."""
        self._asked.clear()
        self.numbers, self.counts, self.used = merged(
            self.numbers, self.counts, self.used,
            other.numbers[: other.used], other.counts[: other.used],
        )  # fmt: skip

    def forget(self, program: int) -> None:
        """Drop a program that is no longer used."""
        self._asked.clear()
        kept = self.numbers[: self.used] >> 19 != program
        self.numbers, self.counts = self.numbers[: self.used][kept], self.counts[: self.used][kept]
        self.used = len(self.numbers)

    def to_bytes(self) -> bytes:
        """Rows sorted by program and resource: equal counts give equal bytes."""
        return bytes((_VERSION,)) + encoded(self.numbers, self.counts, self.used).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "ConsumptionCounts":
        """Return saved counts; raises ValueError for bytes that are none."""
        rows = decode_section("consumption counts", _VERSION, _DECODER, data).rows
        if any(key != ZERO and not -2200 < key << _LEVEL < 8180 for *_, row in rows for key in row):
            raise ValueError("consumption counts: a bucket is out of range")
        numbers = [number_of(program, of, key) for program, of, row in rows for key in row]
        counts = cls()
        counts.numbers = np.array(numbers, np.int64)
        counts.counts = np.array([count for *_, row in rows for count in row.values()], np.int64)
        counts.used = len(numbers)
        if (np.diff(counts.numbers) <= 0).any():
            raise ValueError("consumption counts: the rows do not ascend")
        return counts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConsumptionCounts) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # counts change


_NONE: Integers = np.zeros(0, np.int64)


def _borders(key: int) -> tuple[float, float]:
    """Return the borders of a bucket; that of values below the floor has none."""
    return (0.0, 0.0) if key == ZERO else (border(key, _LEVEL), border(key + 1, _LEVEL))
