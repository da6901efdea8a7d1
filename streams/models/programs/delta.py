"""What one user, one partition or all teach in one period, as integers that merge in any order."""

from dataclasses import dataclass, field

import msgspec

from streams.models.programs.sums import Sums
from streams.models.programs.vocabulary import MAX_NAME_BYTES, name_bytes, program_hash

VERSION = 2
MOST_COUNT = 1 << 40


class _Wire(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    names: list[str]
    follows: dict[tuple[int, int], int]
    sums: bytes


_decoder = msgspec.msgpack.Decoder(_Wire)


@dataclass(slots=True)
class PopulationDelta:
    """Statistics to be merged into the population.

    Parameters
    ----------
    names
        Program names by `program_hash`.
    follows
        How often a program (its hash) followed a context (its hash).
    sums
        Fixed-point sums of everything else that is learnt, by the numbering of `Layout`.
    """

    names: dict[int, str] = field(default_factory=dict)
    follows: dict[tuple[int, int], int] = field(default_factory=dict)
    sums: Sums = field(default_factory=Sums)

    def merge(self, other: "PopulationDelta") -> None:
        """Add another's statistics to these."""
        self.names.update(other.names)
        for key, count in other.follows.items():
            self.follows[key] = self.follows.get(key, 0) + count
        self.sums.merge(other.sums)

    def to_bytes(self) -> bytes:
        """Return the statistics as versioned bytes, the same for equal statistics."""
        names = sorted(self.names.values())
        follows = {pair: self.follows[pair] for pair in sorted(self.follows)}
        return msgspec.msgpack.encode(_Wire(VERSION, names, follows, self.sums.to_bytes()))

    @classmethod
    def from_bytes(cls, data: bytes) -> "PopulationDelta":
        """Return saved statistics; raises ValueError for bytes that are none."""
        try:
            wire = _decoder.decode(data)
        except msgspec.DecodeError as error:
            raise ValueError(f"no statistics of programs: {error}") from error
        if wire.version != VERSION:
            raise ValueError(f"statistics of programs of version {wire.version}, not {VERSION}")
        if any(not 0 < name_bytes(name) <= MAX_NAME_BYTES for name in wire.names):
            raise ValueError("statistics of programs hold a name that is too long")
        if any(not 0 < count <= MOST_COUNT for count in wire.follows.values()):
            raise ValueError("statistics of programs hold a count that can't be")
        if any(not 0 <= part < 1 << 63 for key in wire.follows for part in key):
            raise ValueError("statistics of programs hold a hash that can't be")
        names = {program_hash(name): name for name in wire.names}
        return cls(names, wire.follows, Sums.from_bytes(wire.sums))
