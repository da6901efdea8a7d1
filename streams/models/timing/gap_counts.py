"""How long all users take from one program to the next: integer counts that merge exactly."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from streams.models.cycles.section import decode_section, encode_section
from streams.models.timing.gap_bins import BINS, gap_bin

_VERSION = 1
# Transitions kept of a population, the most counted: 2,000 hold 97 % of the launches of the
# busiest recording (desktop), and take 80 KB.
MOST_TRANSITIONS = 2000
_Program = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
_Bin = Annotated[int, msgspec.Meta(ge=0, lt=BINS)]
_Count = Annotated[int, msgspec.Meta(ge=1, lt=2**62)]


class _State(msgspec.Struct, array_like=True):
    rows: list[tuple[_Program, _Program, dict[_Bin, _Count]]]


_DECODER = msgspec.msgpack.Decoder(_State)


class GapCounts:
    """Counts of gaps by transition (two program numbers) and logarithmic bin.

    Examples
    --------
    >>> counts = GapCounts()
    >>> counts.add(1, 2, 3000)
    >>> counts.weights(1, 2)[:4], counts.weights(2, 1)[:4]
    ([0, 0, 1, 0], [0, 0, 0, 0])
    """

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: dict[tuple[int, int], dict[int, int]] = {}

    def add(self, first: int, then: int, gap_ms: int) -> None:
        """Count one launch of `then` so long after the launch of `first` before it."""
        row = self._rows.setdefault((first, then), {})
        place = gap_bin(gap_ms)
        row[place] = row.get(place, 0) + 1

    def weights(self, first: int, then: int) -> Sequence[int]:
        """Return the counts of a transition by bin, of length `BINS`."""
        row = self._rows.get((first, then), {})
        return [row.get(place, 0) for place in range(BINS)]

    def merge(self, other: "GapCounts") -> None:
        """Add another partition's or hour's counts."""
        for key, row in other._rows.items():  # noqa: SLF001 - of the same kind
            ours = self._rows.setdefault(key, {})
            for place, count in row.items():
                ours[place] = ours.get(place, 0) + count

    @property
    def transitions(self) -> int:
        """How many pairs of programs were counted."""
        return len(self._rows)

    def trim(self) -> None:
        """Keep the most counted transitions; ties go by number, so that all partitions agree."""
        if len(self._rows) > MOST_TRANSITIONS:
            ranked = sorted(self._rows.items(), key=lambda item: (-sum(item[1].values()), item[0]))
            self._rows = dict(ranked[: MOST_TRANSITIONS * 3 // 4])

    def to_bytes(self) -> bytes:
        """Rows in order: equal counts give equal bytes."""
        rows = [(*key, dict(sorted(row.items()))) for key, row in sorted(self._rows.items())]
        return encode_section(_VERSION, _State(rows))

    @classmethod
    def from_bytes(cls, data: bytes) -> "GapCounts":
        """Return saved counts; raises ValueError for bytes that are none."""
        state = decode_section("gap counts", _VERSION, _DECODER, data)
        counts = cls()
        counts._rows = {(first, then): row for first, then, row in state.rows}
        if len(counts._rows) != len(state.rows):
            raise ValueError("gap counts: a transition appears twice")
        return counts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GapCounts) and self._rows == other._rows

    __hash__ = None  # type: ignore[assignment]  # counts change
