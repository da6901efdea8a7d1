"""What each program consumes when one user runs it."""

from collections.abc import Sequence
from math import nan
from typing import Annotated

import msgspec
import numpy as np

from streams.models.consumption.consumption_counts import ConsumptionCounts
from streams.models.consumption.program_consumption import (
    check_packed,
    count_row,
    packed,
    room_for,
    unpack,
)
from streams.models.consumption.quantile_sketch import QuantileSketch, quantiles_of_buckets
from streams.models.consumption.resources import resource_index
from streams.models.cycles.section import decode_section, encode_section

_VERSION = 1
_DURATION = 5
_PRIOR_SAMPLES = 10.0  # what the population counts for in a user's own distribution
_MAX_WEIGHT = 60_000


class _State(msgspec.Struct, array_like=True):
    max_programs: Annotated[int, msgspec.Meta(ge=1, le=1024)]
    rows: list[
        tuple[
            Annotated[int, msgspec.Meta(ge=0, lt=2**32)],
            Annotated[int, msgspec.Meta(ge=0, le=_MAX_WEIGHT)],
            bytes,
        ]
    ]


_DECODER = msgspec.msgpack.Decoder(_State)
_NO_ROOM = room_for(0)


class Consumption:
    """Quantile sketches of a user's programs, shrunk to the population for rare ones.

    Parameters
    ----------
    max_programs
        How many programs are kept. A new one takes the place of the least sampled.

    Examples
    --------
    >>> consumption = Consumption()
    >>> for cores in (0.2, 0.4, 1.5, 3.0):
    ...     consumption.observe_sample(7, (cores, 2e9, None, None, None))
    >>> round(consumption.quantile(7, "cpu_cores", 0.95), 1)
    3.8
    >>> consumption.quantile(7, "duration_s", 0.5) is None
    True
    """

    __slots__ = ("_free", "_max_programs", "_packed", "_places", "_weights", "table")

    def __init__(self, max_programs: int = 16) -> None:
        self._max_programs = max_programs
        self._weights: dict[int, int] = {}  # program -> samples, halved together
        self._packed: dict[int, bytes] = {}  # of programs that have no new samples since
        self.table = _NO_ROOM
        self._places: dict[int, int] = {}  # program -> where its sketches are in the table
        self._free: list[int] = []

    def observe_sample(
        self,
        program: int,
        values: Sequence[float | None],
        counts: ConsumptionCounts | None = None,
    ) -> None:
        """Take in one measurement of a running program.

        Parameters
        ----------
        program
            Its number, the same for all users.
        values
            CPU (cores), memory (bytes), storage (bytes), disk and network (bytes/s), as in
            `RESOURCES`, or the first of them; None for what was not measured. What is negative or
            not finite is skipped.
        counts
            The population's delta, which counts the same values.
        """
        plain = [nan if value is None else value for value in values]
        self._observe(program, plain, 0, counts)

    def observe_duration(
        self, program: int, duration_s: float, counts: ConsumptionCounts | None = None
    ) -> None:
        """Take in how long a run of the program lasted."""
        self._observe(program, [duration_s], _DURATION, counts)

    def _observe(
        self, program: int, values: list[float], first: int, counts: ConsumptionCounts | None
    ) -> None:
        counts = ConsumptionCounts() if counts is None else counts
        counts.open(len(values))
        place = self.touched(program)
        counts.used = count_row(
            self.table[place], program, np.array(values, np.float64), first,
            counts.numbers, counts.counts, counts.used,
        )  # fmt: skip

    def __contains__(self, program: int) -> bool:
        """Tell whether a program is kept: of one that is not, a sample makes another give way."""
        return program in self._weights

    def touched(self, program: int) -> int:
        """Count a sample of a program; return where in the table its values are to be counted."""
        weight = self._weights.get(program)
        if weight is None:
            self._admit(program)
        else:
            self._weights[program] = weight + 1
            if weight >= _MAX_WEIGHT:
                self._age()
        place = self._places.get(program)
        if place is None:
            place = self._unpacked(program)
        self._packed.pop(program, None)
        return place

    def _unpacked(self, program: int) -> int:
        """Return where a program's sketches are, unpacked now."""
        place = self._free.pop() if self._free else len(self._places)
        if place == len(self.table):
            self.table = np.concatenate((self.table, room_for(max(2, place))))
        self._places[program] = place
        self.table[place] = 0
        if program in self._packed:
            unpack(np.frombuffer(self._packed[program], np.uint8), self.table[place])
        return place

    def _admit(self, program: int) -> None:
        if len(self._weights) >= self._max_programs:
            self.forget(min(self._weights, key=self._weights.__getitem__))
            self._age()
        self._weights[program] = 1

    def _age(self) -> None:
        """Shrink all weights, so that a program that is no longer run gives way in the end."""
        self._weights = {program: weight * 3 // 4 for program, weight in self._weights.items()}

    def programs(self) -> list[int]:
        """The programs kept, most sampled first."""
        return sorted(self._weights, key=lambda program: (-self._weights[program], program))

    def quantile(
        self,
        program: int,
        resource: str,
        q: float,
        population: ConsumptionCounts | None = None,
    ) -> float | None:
        """Value of a resource that a share `q` of this user's samples of the program lies below.

        The population's distribution counts as ten samples, so that it carries a rare program and
        fades for a frequent one. None where neither has any sample.
        """
        return self.quantiles(program, resource, (q,), population)[0]

    def quantiles(
        self,
        program: int,
        resource: str,
        shares: Sequence[float],
        population: ConsumptionCounts | None = None,
    ) -> list[float | None]:
        """Return several quantiles at once, at little more than the cost of one."""
        index = resource_index(resource)
        rows: list[tuple[float, float, float]] = []
        if program in self._weights:
            place = self._places.get(program)
            place = self._unpacked(program) if place is None else place
            rows = QuantileSketch(self.table[place, index]).buckets()
        if population is not None:
            rows += _prior(population, program, index)
        return quantiles_of_buckets(rows, shares)

    def forget(self, program: int) -> None:
        """Drop a program."""
        self._weights.pop(program, None)
        self._packed.pop(program, None)
        place = self._places.pop(program, None)
        if place is not None:
            self._free.append(place)

    def to_bytes(self) -> bytes:
        """Pack what has new samples: most of a user's programs have none between two savings."""
        changed = [program for program in self._weights if program not in self._packed]
        if changed:
            places = np.array([self._places[program] for program in changed], np.int64)
            data, ends = packed(self.table, places)
            begins = [0, *ends.tolist()]
            whole = data.tobytes()
            for program, begin, end in zip(changed, begins, begins[1:], strict=False):
                self._packed[program] = whole[begin:end]
        rows = [(program, n, self._packed[program]) for program, n in self._weights.items()]
        return encode_section(_VERSION, _State(self._max_programs, rows))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Consumption":
        state = decode_section("consumption", _VERSION, _DECODER, data)
        if len(state.rows) > state.max_programs:
            raise ValueError(f"consumption: {len(state.rows)} programs")
        consumption = cls(state.max_programs)
        for program, weight, sketches in state.rows:
            check_packed(sketches)
            consumption._weights[program] = weight
            consumption._packed[program] = sketches
        if len(consumption._weights) != len(state.rows):
            raise ValueError("consumption: a program appears twice")
        return consumption

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Consumption) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # the state changes


def _prior(
    population: ConsumptionCounts, program: int, resource: int
) -> list[tuple[float, float, float]]:
    rows = population.buckets(program, resource)
    total = sum(count for *_, count in rows)
    scale = min(1.0, _PRIOR_SAMPLES / total) if total else 0.0
    return [(low, high, count * scale) for low, high, count in rows]
