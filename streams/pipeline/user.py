"""One user's whole state: the models of how this person works, and what is not closed yet.

It is one compact value of one table key. What the user added to minutes and hours that are still
open stays here until the partition has closed them for good, so a restart finds it again.
"""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import msgspec

from streams.models.consumption import Consumption
from streams.models.cycles import Cycles
from streams.models.cycles.session_length import SessionLength
from streams.models.cycles.session_starts import SessionStarts
from streams.models.dataaccess import DataAccess
from streams.models.programs import UserPrograms
from streams.models.sensitivity import Sensitivity
from streams.pipeline.behaviour import Behaviour, BehaviourWatch
from streams.pipeline.learned import HourDelta
from streams.pipeline.level import Change, Level
from streams.pipeline.state_version import decoded

# In version 2 programs have several learners (`UserPrograms` reads both). A release that knows only
# version 1 must not take it for hostile bytes.
VERSION, BEFORE = 2, 1
# A person has few sources (hosts, importers); the least recent is forgotten.
MAX_SOURCES = 16


@lru_cache(maxsize=65_536)  # hashing takes 0.9 us, the look-up 0.1
def program_number(name: str) -> int:
    """Return the 32-bit number that models know a program by.

    Examples
    --------
    >>> program_number("vim") == program_number("vim") < 2**32
    True
    """
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "big")


class Running(msgspec.Struct, array_like=True):
    """A program that runs: since when, last heard of when, and what it holds."""

    launched_ms: int
    touched_ms: int
    level: Level


class _Wire(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    partition: int
    offset: int
    events: int
    clock_ms: int
    launches: int
    sources: dict[str, int]
    running: dict[str, Running]
    pools: dict[str, int]
    open_minutes: list[tuple[str, int, Change]]
    open_hours: list[tuple[int, bytes]]
    programs: bytes
    cycles: bytes
    session_length: bytes
    consumption: bytes
    sensitivity: bytes
    data: bytes
    behaviour: Behaviour = Behaviour()
    eves: list[tuple[int, str, int]] = []
    departing: bool = False
    zone: str = ""
    session_starts: bytes | None = None


_decoder = msgspec.msgpack.Decoder(_Wire)


class _ByPerson(NamedTuple):
    programs: bytes
    cycles: bytes
    session_length: bytes
    sensitivity: bytes
    data: bytes
    behaviour: Behaviour
    session_starts: bytes


@dataclass(slots=True)
class User:
    """The state of one user.

    Parameters
    ----------
    partition
        Partition of telemetry that the user's events come on.
    offset, events
        Position of the next input to apply: offset of the message, and how many of its events
        have been applied already.
    clock_ms
        Latest event time of the user.
    sources
        Last sequence number by source: what does not exceed it is a repeat.
    eves
        By open hour that the user has events in or after: what was expected of it before them, by
        pool. An hour's expectation is then the same whenever the hour is closed.
    departing
        Whether the user is being forgotten: only changes of open minutes are left.
    zone
        The user's own time zone (IANA name), empty where none was told.
    by_person
        Bytes of what only the person's own events change, as of the last of them: four in five
        events are measurements, and encoding this takes 95 % of the time. Whoever changes it sets
        it None.
    none_stale_ms
        Up to this event time no running program is stale.
    dropped_minute
        All before this minute is dropped already; nothing is ever added to what is closed.
    """

    partition: int
    offset: int = 0
    events: int = 0
    clock_ms: int = 0
    launches: int = 0
    sources: dict[str, int] = field(default_factory=dict)
    running: dict[str, Running] = field(default_factory=dict)
    pools: dict[str, int] = field(default_factory=dict)
    open_minutes: dict[tuple[str, int], Change] = field(default_factory=dict)
    open_hours: dict[int, HourDelta] = field(default_factory=dict)
    programs: UserPrograms = field(default_factory=UserPrograms)
    cycles: Cycles = field(default_factory=Cycles)
    session_length: SessionLength = field(default_factory=SessionLength)
    consumption: Consumption = field(default_factory=Consumption)
    sensitivity: Sensitivity = field(default_factory=Sensitivity)
    data: DataAccess = field(default_factory=DataAccess)
    behaviour: BehaviourWatch = field(default_factory=BehaviourWatch)
    eves: dict[int, dict[str, int]] = field(default_factory=dict)
    departing: bool = False
    zone: str = ""
    session_starts: SessionStarts = field(default_factory=SessionStarts)
    by_person: _ByPerson | None = field(default=None, compare=False)
    none_stale_ms: int = field(default=0, compare=False)
    dropped_minute: int = field(default=0, compare=False)

    def delta(self, hour: int) -> HourDelta:
        """Return the statistics that this user adds to an open hour."""
        if hour not in self.open_hours:
            self.open_hours[hour] = HourDelta()
        return self.open_hours[hour]

    def last_seq(self, source: str) -> int:
        """Return the last sequence number seen of a source, -1 before the first."""
        return self.sources.get(source, -1)

    def heard(self, source: str, seq: int) -> None:
        """Remember a source's last event, and forget the source that is silent for longest."""
        self.sources.pop(source, None)
        self.sources[source] = seq
        if len(self.sources) > MAX_SOURCES:
            del self.sources[next(iter(self.sources))]

    def change(self, pool: str, minute: int, change: Change) -> None:
        """Add to the demand of an open minute."""
        key = (pool, minute)
        known = self.open_minutes.get(key)
        self.open_minutes[key] = change if known is None else known.plus(change)

    def drop_closed(self, minute: int, hour: int) -> None:
        """Forget contributions to minutes and hours that are closed for good."""
        if minute <= self.dropped_minute:
            return
        self.dropped_minute = minute
        if any(key[1] < minute for key in self.open_minutes):
            self.open_minutes = {k: v for k, v in self.open_minutes.items() if k[1] >= minute}
        for closed in [h for h in self.open_hours if h < hour]:
            del self.open_hours[closed]
        for closed in [h for h in self.eves if h < hour]:
            del self.eves[closed]

    def to_bytes(self) -> bytes:
        """Return the state as versioned bytes."""
        own = self.by_person = self.by_person or self._encode_by_person()
        return msgspec.msgpack.encode(
            _Wire(
                VERSION, self.partition, self.offset, self.events, self.clock_ms, self.launches,
                self.sources, self.running, self.pools,
                [(pool, minute, change) for (pool, minute), change in self.open_minutes.items()],
                [(hour, delta.to_bytes()) for hour, delta in self.open_hours.items()],
                own.programs, own.cycles, own.session_length, self.consumption.to_bytes(),
                own.sensitivity, own.data, own.behaviour,
                [(hour, p, n) for hour, by_pool in self.eves.items() for p, n in by_pool.items()],
                self.departing, self.zone, own.session_starts,
            )
        )  # fmt: skip

    def _encode_by_person(self) -> _ByPerson:
        return _ByPerson(
            self.programs.to_bytes(), self.cycles.to_bytes(), self.session_length.to_bytes(),
            self.sensitivity.to_bytes(), self.data.to_bytes(), self.behaviour.save(),
            self.session_starts.to_bytes(),
        )  # fmt: skip

    @classmethod
    def from_bytes(cls, data: bytes) -> "User":
        """Return the state; raises ValueError for bytes that are none."""
        wire = decoded(_decoder, data, "user state", VERSION, (BEFORE,))
        return cls(
            wire.partition, wire.offset, wire.events, wire.clock_ms, wire.launches,
            wire.sources, wire.running, wire.pools,
            {(pool, minute): change for pool, minute, change in wire.open_minutes},
            {hour: HourDelta.from_bytes(delta) for hour, delta in wire.open_hours},
            UserPrograms.from_bytes(wire.programs), Cycles.from_bytes(wire.cycles),
            SessionLength.from_bytes(wire.session_length),
            Consumption.from_bytes(wire.consumption), Sensitivity.from_bytes(wire.sensitivity),
            DataAccess.from_bytes(wire.data),
            BehaviourWatch(wire.behaviour), _by_hour(wire.eves), wire.departing, wire.zone,
            _session_starts(wire),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Glance:
    """What of a saved user tells the launches to be expected; the rest is not decoded.

    A partition asks this of all its users each hour, and decoding one whole takes a millisecond.
    The parameters are those of `User`.
    """

    clock_ms: int
    launches: int
    pools: dict[str, int]
    cycles: Cycles
    eves: dict[int, dict[str, int]]
    zone: str

    @classmethod
    def from_bytes(cls, data: bytes) -> "Glance":
        """Return it; raises ValueError for bytes that are no user's state."""
        wire = decoded(_decoder, data, "user state", VERSION, (BEFORE,))
        cycles = Cycles.from_bytes(wire.cycles)
        eves = _by_hour(wire.eves)
        return cls(wire.clock_ms, wire.launches, wire.pools, cycles, eves, wire.zone)


def _by_hour(eves: list[tuple[int, str, int]]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for hour, pool, launches in eves:
        found.setdefault(hour, {})[pool] = launches
    return found


def _session_starts(wire: _Wire) -> SessionStarts:
    """Return the starts; states from before they were kept have none."""
    return SessionStarts.from_bytes(wire.session_starts) if wire.session_starts else SessionStarts()


def partition_of(data: bytes) -> tuple[int, list[int], list[int], bool]:
    """Return partition, open minutes, open hours and departure of a saved user, without models.

    Used to find again, after a restart, who has added to what is still open.

    Raises
    ------
    OtherVersionError
        For a state of another version.
    ValueError
        For bytes that are no user's state.
    """
    wire = decoded(_decoder, data, "user state", VERSION, (BEFORE,))
    minutes = [minute for _, minute, _ in wire.open_minutes]
    return wire.partition, minutes, [hour for hour, _ in wire.open_hours], wire.departing
