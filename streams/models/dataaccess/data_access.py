"""Which data the runs of each of a user's programs touch, predicted with the next program."""

import struct
from collections.abc import Iterable

from streams.models.dataaccess.program_data import ProgramData

_VERSION = 1
_HEAD = struct.Struct("<BBBB")  # version, programs at most, places, programs
_PROGRAM = struct.Struct("<IBB")  # program, runs, places used
_ENTRY = struct.Struct("<QHB")  # ref, probability, touched by the run going on
_MAX_PLACES = 64


class DataAccess:
    """The likely data of each program, and of the next program.

    Parameters
    ----------
    max_programs
        How many programs are kept (at most 255); a new one takes the place of the one not launched
        for longest.
    refs_per_program
        References kept of each (at most 64).

    Examples
    --------
    >>> access = DataAccess()
    >>> for program, ref in ((1, 0xA), (2, 0xB), (1, 0xA), (2, 0xB)):
    ...     access.observe_launch(program)
    ...     access.observe_access(program, ref)
    >>> [(hex(ref), round(p, 2)) for ref, p in access.predict([(1, 0.75), (2, 0.25)])]
    [('0xa', 0.5), ('0xb', 0.17)]
    """

    __slots__ = ("_max_programs", "_places", "_programs")

    def __init__(self, max_programs: int = 16, refs_per_program: int = 4) -> None:
        if not (1 <= max_programs <= 255 and 1 <= refs_per_program <= _MAX_PLACES):
            raise ValueError(f"{max_programs} programs of {refs_per_program} references")
        self._max_programs = max_programs
        self._places = refs_per_program
        self._programs: dict[int, ProgramData] = {}  # least recently launched first

    @property
    def is_empty(self) -> bool:
        """Whether no program was seen to touch any data."""
        return not self._programs

    def observe_launch(self, program: int) -> None:
        """A run of the program begins; what the one before it touched is learnt."""
        data = self._programs.pop(program, None)
        if data is not None:  # else it is kept once it touches anything
            data.begin_run()
            self._programs[program] = data

    def observe_access(self, program: int, ref: int) -> None:
        """The program's run touches data, given by its 64-bit key."""
        data = self._programs.get(program)
        if data is None:
            if len(self._programs) >= self._max_programs:
                del self._programs[next(iter(self._programs))]
            data = self._programs[program] = ProgramData(self._places)
        data.touch(ref)

    def refs(self, program: int) -> list[tuple[int, float]]:
        """References and the probability that the program's next run touches each, falling."""
        data = self._programs.get(program)
        return [] if data is None else data.refs()

    def predict(self, candidates: Iterable[tuple[int, float]]) -> list[tuple[int, float]]:
        """References and the probability that the next launch touches each, falling.

        Parameters
        ----------
        candidates
            The next program's distribution: program and probability.
        """
        totals: dict[int, float] = {}
        for program, p in candidates:
            for ref, share in self.refs(program):
                totals[ref] = totals.get(ref, 0.0) + p * share
        return sorted(totals.items(), key=lambda row: (-row[1], row[0]))

    def forget(self, program: int) -> None:
        """Drop a program."""
        self._programs.pop(program, None)

    def to_bytes(self) -> bytes:
        parts = [_HEAD.pack(_VERSION, self._max_programs, self._places, len(self._programs))]
        for program, data in self._programs.items():
            parts.append(_PROGRAM.pack(program, data.runs, len(data.shares)))
            for ref, share in data.shares.items():
                parts.append(_ENTRY.pack(ref, share, ref in data.touched))
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, data: bytes) -> "DataAccess":
        if len(data) < _HEAD.size:
            raise ValueError("data access: the section is truncated")
        version, max_programs, places, programs = _HEAD.unpack_from(data)
        if version != _VERSION:
            raise ValueError(f"data access: version {version} is not {_VERSION}")
        if programs > max_programs:
            raise ValueError(f"data access: {programs} programs")
        access = cls(max_programs, places)
        at = _HEAD.size
        for _ in range(programs):
            at = access._read_program(data, at)
        if at != len(data) or len(access._programs) != programs:
            raise ValueError("data access: bytes too many, or a program twice")
        return access

    def _read_program(self, data: bytes, at: int) -> int:
        if at + _PROGRAM.size > len(data):
            raise ValueError("data access: the section is truncated")
        program, runs, used = _PROGRAM.unpack_from(data, at)
        at += _PROGRAM.size
        end: int = at + used * _ENTRY.size
        if used > self._places or end > len(data) or runs == 0:
            raise ValueError("data access: a program is out of range")
        kept = self._programs[program] = ProgramData(self._places)
        kept.runs = runs
        for ref, share, touched in _ENTRY.iter_unpack(data[at:end]):
            kept.shares[ref] = share
            if touched:
                kept.touched.add(ref)
        if len(kept.shares) != used:
            raise ValueError("data access: a reference appears twice")
        return end

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataAccess) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # the state changes
