"""What is learnt across users: merged each event-time hour, applied from the next one on.

Each profile partition adds up integers during an hour (`HourDelta`); one agent merges the
partitions' sums and publishes them; every partition then moves to the same next `Learned`. Sums of
integers do not depend on order, so neither does anything learnt depend on how users are spread.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from streams.models.consumption import ConsumptionCounts
from streams.models.cycles import WeekCounts, WeekRates
from streams.models.programs import Population, PopulationDelta
from streams.models.sensitivity import WaitCounts
from streams.models.timing import GapCounts
from streams.pipeline.eventtime import HOUR_MS

VERSION = 1
# An hour can be closed only once its late events had their time, and its statistics need a moment
# to go round: they apply from five minutes into the next hour.
ACTIVATION_MS = 300_000
# After a crash a partition goes on up to two hours behind (streams/agents/profile.py), with what
# applied then; the rest is for partitions that are behind each other.
VERSIONS_KEPT = 8
# What one user's hour may teach: different programs, followers in contexts (20 bytes each),
# transitions (14) and buckets of consumption (12). Of the recordings' users nobody launched more
# than 300 times an hour, 209 programs (CTC), some 1,100 followers. A name anew each time grew the
# state by 120 bytes a launch, without end: 4,000 launches, each saved, took 116 s, and take 10.
MOST_PROGRAMS, MOST_FOLLOWERS, MOST_TRANSITIONS, MOST_BUCKETS = 512, 8_192, 2_000, 32_768


def learned_hour(time_ms: int) -> int:
    """Return the last hour whose statistics apply to an event of this time.

    Examples
    --------
    >>> learned_hour(7_200_000 + 299_999), learned_hour(7_200_000 + 300_000)
    (0, 1)
    """
    return (time_ms - ACTIVATION_MS) // HOUR_MS - 1


class _Wire(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    programs: bytes
    week: bytes
    consumption: bytes
    waits: bytes
    launches: int = 0
    by_program: dict[str, int] = {}
    gaps: bytes | None = None


_decoder = msgspec.msgpack.Decoder(_Wire)


def _unpack(data: bytes) -> _Wire:
    try:
        wire = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise ValueError(f"no statistics of an hour: {error}") from error
    if wire.version != VERSION:
        raise ValueError(f"version {wire.version} of hourly statistics, known is {VERSION}")
    return wire


def _gaps(wire: _Wire) -> GapCounts:
    """Return the gaps; hours from before they were counted have none."""
    return GapCounts() if wire.gaps is None else GapCounts.from_bytes(wire.gaps)


class _ByPerson(NamedTuple):
    programs: bytes
    week: bytes
    waits: bytes
    gaps: bytes


@dataclass(slots=True)
class HourDelta:
    """Integer statistics of one hour, of one user, one partition or all.

    `by_person` keeps the bytes of what measurements don't change; whoever changes it sets it None.
    """

    programs: PopulationDelta = field(default_factory=PopulationDelta)
    week: WeekCounts = field(default_factory=WeekCounts)
    consumption: ConsumptionCounts = field(default_factory=ConsumptionCounts)
    waits: WaitCounts = field(default_factory=WaitCounts)
    launches: int = 0
    by_program: dict[str, int] = field(default_factory=dict)
    gaps: GapCounts = field(default_factory=GapCounts)
    by_person: _ByPerson | None = field(default=None, compare=False)

    def launched(self, program: str) -> "HourDelta":
        """Count a user's launch; return what takes up the rest of what it teaches across users.

        That is thrown away where the user has taught as much as one may in an hour: the user's own
        profile goes on learning, and the launches are counted.
        """
        self.launches += 1
        if program not in self.by_program and len(self.by_program) >= MOST_PROGRAMS:
            return HourDelta()
        self.by_program[program] = self.by_program.get(program, 0) + 1
        has_room = (
            len(self.programs.follows) < MOST_FOLLOWERS and self.gaps.transitions < MOST_TRANSITIONS
        )
        return self if has_room else HourDelta()

    def measured(self) -> ConsumptionCounts:
        """Return what takes up what a user's measurements teach, thrown away as launches are."""
        return self.consumption if self.consumption.used < MOST_BUCKETS else ConsumptionCounts()

    def merge(self, other: "HourDelta") -> None:
        """Add another's sums to these."""
        self.by_person = None
        self.programs.merge(other.programs)
        self.week.merge(other.week)
        self.consumption.merge(other.consumption)
        self.waits.merge(other.waits)
        self.launches += other.launches
        self.gaps.merge(other.gaps)
        for program, count in other.by_program.items():
            self.by_program[program] = self.by_program.get(program, 0) + count

    def to_bytes(self) -> bytes:
        """Return the sums as versioned bytes."""
        own = self.by_person = self.by_person or _ByPerson(
            self.programs.to_bytes(), self.week.to_bytes(), self.waits.to_bytes(),
            self.gaps.to_bytes(),
        )  # fmt: skip
        return msgspec.msgpack.encode(
            _Wire(
                VERSION,
                own.programs,
                own.week,
                self.consumption.to_bytes(),
                own.waits,
                self.launches,
                dict(sorted(self.by_program.items())),  # users come in any order
                own.gaps,
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "HourDelta":
        """Return the sums; raises ValueError for bytes that hold none."""
        wire = _unpack(data)
        return cls(
            PopulationDelta.from_bytes(wire.programs),
            WeekCounts.from_bytes(wire.week),
            ConsumptionCounts.from_bytes(wire.consumption),
            WaitCounts.from_bytes(wire.waits),
            wire.launches,
            wire.by_program,
            _gaps(wire),
        )


@dataclass(frozen=True, slots=True)
class Learned:
    """All that is learnt across users, up to and with one hour. Immutable."""

    programs: Population
    week: WeekCounts
    rates: WeekRates
    consumption: ConsumptionCounts
    waits: WaitCounts
    gaps: GapCounts

    @classmethod
    def nothing(cls) -> "Learned":
        """Return what is known before the first hour."""
        week = WeekCounts()
        return cls(
            Population.empty(), week, WeekRates.from_counts(week), ConsumptionCounts(),
            WaitCounts(), GapCounts(),
        )  # fmt: skip

    def advanced(self, delta: HourDelta) -> "Learned":
        """Return what is known with one hour more."""
        week = WeekCounts.from_bytes(self.week.to_bytes())
        week.merge(delta.week)
        consumption = ConsumptionCounts.from_bytes(self.consumption.to_bytes())
        consumption.merge(delta.consumption)
        waits = WaitCounts.from_bytes(self.waits.to_bytes())
        waits.merge(delta.waits)
        gaps = GapCounts.from_bytes(self.gaps.to_bytes())
        gaps.merge(delta.gaps)
        gaps.trim()
        return Learned(
            self.programs.advanced(delta.programs),
            week,
            WeekRates.from_counts(week),
            consumption,
            waits,
            gaps,
        )

    def to_bytes(self) -> bytes:
        """Return all of it as versioned bytes."""
        return msgspec.msgpack.encode(
            _Wire(
                VERSION,
                self.programs.to_bytes(),
                self.week.to_bytes(),
                self.consumption.to_bytes(),
                self.waits.to_bytes(),
                gaps=self.gaps.to_bytes(),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Learned":
        """Return what was saved; raises ValueError for bytes that hold none."""
        wire = _unpack(data)
        week = WeekCounts.from_bytes(wire.week)
        return cls(
            Population.from_bytes(wire.programs),
            week,
            WeekRates.from_counts(week),
            ConsumptionCounts.from_bytes(wire.consumption),
            WaitCounts.from_bytes(wire.waits),
            _gaps(wire),
        )


class LearnedVersions:
    """The latest versions of what is learnt, by the hour they include."""

    def __init__(self) -> None:
        self._versions: list[tuple[int, Learned]] = [(-(2**62), Learned.nothing())]

    @property
    def hour(self) -> int:
        """The last hour that is included."""
        return self._versions[-1][0]

    @property
    def latest(self) -> Learned:
        """The newest version."""
        return self._versions[-1][1]

    def restore(self, hour: int, learned: Learned) -> None:
        """Start from a snapshot."""
        self._versions = [(hour, learned)]

    def add(self, hour: int, delta: HourDelta | None) -> bool:
        """Include one hour more; an hour that is included already is skipped and gives False.

        Parameters
        ----------
        hour
            Hours since the epoch.
        delta
            What all users did in it; None if nobody did anything.
        """
        if hour <= self.hour:
            return False
        learned = self.latest if delta is None else self.latest.advanced(delta)
        self._versions.append((hour, learned))
        del self._versions[:-VERSIONS_KEPT]
        return True

    def add_published(self, hour: int, body: bytes) -> bool:
        """Include an hour as it is published: empty where nobody did anything; see `add`.

        Raises
        ------
        ValueError
            If the body holds no statistics.
        """
        return self.add(hour, HourDelta.from_bytes(body) if body else None)

    def at(self, time_ms: int) -> Learned:
        """Return what applies to an event of this time."""
        wanted = learned_hour(time_ms)
        if self._versions[-1][0] <= wanted:  # nearly always: each event asks
            return self._versions[-1][1]
        for hour, learned in reversed(self._versions):
            if hour <= wanted:
                return learned
        return self._versions[0][1]
