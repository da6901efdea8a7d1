"""Simulates the users of a small office: synthetic activity to try things with, and no more.

Each user has a role, which says what follows what and after which pause; a rhythm, which differs
from person to person; and days: weekdays in full with a break at noon, short Fridays, a rare
Saturday. Pauses, run times and amounts are log-normal. Pure: chance and time are arguments, and
one seed gives one office.
"""

import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from streams.collect.office import PROGRAMS, ROLES, Program, Role
from streams.runtime.csv_file import write_csv

MB = 1_000_000
NOON_H = 12.0
NOON_BREAK_H = 0.75
FRIDAY_EARLIER_H = 1.5
SATURDAY_SHARE = 0.06
ABSENT_SHARE = 0.05  # of weekdays: holidays, illness
BREAK_S = 1200.0
SPREAD = 0.6  # of the logarithm of pauses, run times and amounts
COLD_SHARE = 0.3  # of launches that nothing was prepared for


class SimulatedRow(NamedTuple):
    """One launch, named like the columns of the file that `write_rows` makes."""

    user: str
    time: str
    program: str
    run_s: float
    wait_s: float
    cpu_cores: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class _Person:
    name: str
    role: Role
    start_h: float
    end_h: float
    pace: float


class Simulator:
    """An office for some days.

    Parameters
    ----------
    rng
        Where chance comes from.
    users
        How many people work there.

    Examples
    --------
    >>> office = Simulator(random.Random(7), users=3)
    >>> rows = office.rows(datetime(2024, 1, 1, tzinfo=UTC), days=5)
    >>> rows == sorted(rows, key=lambda row: row.time), sorted({row.user for row in rows})
    (True, ['clerk-01', 'developer-02', 'developer-03'])
    """

    def __init__(self, rng: random.Random, users: int = 12) -> None:
        self._rng = rng
        self._people = [self._person(number) for number in range(users)]

    def rows(self, first_day: datetime, days: int) -> list[SimulatedRow]:
        """Return the launches of some days in order of time.

        Parameters
        ----------
        first_day
            Midnight that the first day begins with, with a zone; its days of the week count.
        days
            How many days.
        """
        rows = [
            row
            for person in self._people
            for day in range(days)
            for row in self._day(person, first_day + timedelta(days=day))
        ]
        return sorted(rows, key=lambda row: (row.time, row.user))

    def _person(self, number: int) -> _Person:
        role = ROLES[number % len(ROLES)]
        return _Person(
            f"{role.name}-{number + 1:02d}",
            role,
            role.start_h + self._rng.gauss(0, 0.5),
            role.end_h + self._rng.gauss(0, 0.5),
            self._around(1.0),
        )

    def _day(self, person: _Person, midnight: datetime) -> Iterator[SimulatedRow]:
        if not self._works(midnight.weekday()):
            return
        hour = person.start_h + self._rng.gauss(0, 0.2)
        end_h = person.end_h - (FRIDAY_EARLIER_H if midnight.weekday() == 4 else 0.0)
        program = person.role.first
        while hour < end_h:
            if NOON_H <= hour < NOON_H + NOON_BREAK_H:
                hour, program = NOON_H + NOON_BREAK_H + self._rng.random() / 4, person.role.first
                continue
            yield self._launch(person, program, midnight + timedelta(hours=hour))
            program, pause_s = self._next(person, program)
            hour += pause_s / 3600

    def _works(self, weekday: int) -> bool:
        share = {5: SATURDAY_SHARE, 6: 0.0}.get(weekday, 1 - ABSENT_SHARE)
        return self._rng.random() < share

    def _next(self, person: _Person, program: str) -> tuple[str, float]:
        """Draw what follows a program and after which pause, or a break and a new beginning."""
        drawn = self._rng.random()
        for after in person.role.follows[program]:
            drawn -= after.weight
            if drawn < 0:
                return after.program, self._around(after.pause_s) * person.pace
        return person.role.first, self._around(BREAK_S) * person.pace

    def _launch(self, person: _Person, name: str, moment: datetime) -> SimulatedRow:
        program: Program = PROGRAMS[name]
        cold = self._rng.random() < COLD_SHARE
        return SimulatedRow(
            person.name,
            moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            name,
            round(self._around(program.run_s), 1),
            round(self._around(program.cold_wait_s if cold else 0.3), 2),
            round(self._around(program.cores), 3),
            round(self._around(program.memory_mb) * MB),
        )

    def _around(self, median: float) -> float:
        return median * math.exp(self._rng.gauss(0, SPREAD))


def write_rows(path: Path, rows: Iterable[SimulatedRow]) -> int:
    """Write rows as csv, or csv.gz by the name; return how many. One office, one file's bytes."""
    return write_csv(path, SimulatedRow._fields, rows)
