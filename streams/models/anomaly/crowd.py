"""Sudden demand for a program that nobody expects: launches an hour against the hour's own past.

Each program has a rate for each hour of the day (UTC), a Gamma-Poisson estimate with forgetting,
shrunk to the program's rate over all hours. What an hour brings is then negative binomial, and its
tail is the p-value. Programs nobody launched before have the prior only, so three at once are much
where forty are not for the mail program at nine.

References
----------
Gelman et al. (2013). Bayesian Data Analysis, 2.6: Poisson data with a Gamma prior.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple, Self

import msgspec

VERSION = 1
HOURS = 24
# A day counts half after a week: habits of a term, not of a year.
KEEP_A_DAY = 0.5 ** (1.0 / 7.0)
# Before anything is known of a program: one launch in ten hours, worth an hour's evidence.
PRIOR_LAUNCHES, PRIOR_HOURS = 0.1, 1.0
# The program's own rate over all hours, as prior of each: worth so many hours.
OWN_HOURS = 1.0
# People come in groups: evidence of an hour counts as at most so many, so that the spread of the
# next never gets narrower than a Gamma of that weight.
MOST_EVIDENCE = 4.0
# The prior of all programs together reaches this many; the least recently launched are forgotten.
MOST_PROGRAMS = 512
MOST_NAME = 200


class Crowd(NamedTuple):
    """One program's hour: what came, up to what was usual, and how likely as much is."""

    program: str
    launches: int
    usual: float
    p_value: float


class _Program(msgspec.Struct, array_like=True):
    day: int  # its newest, which the others are discounted to
    counts: list[float]


class _Wire(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    first_hour: int
    programs: dict[str, _Program]


class CrowdDetector:
    """Judges the launches of every program in each hour.

    Examples
    --------
    >>> detector = CrowdDetector()
    >>> for hour in range(24 * 14):
    ...     usual = detector.judge(hour, {"mail": 30 if hour % 24 == 9 else 2})
    >>> [round(c.p_value, 2) > 0.001 for c in detector.judge(24 * 14 + 9, {"mail": 33})]
    [True]
    >>> [c.p_value < 1e-9 for c in detector.judge(24 * 15 + 10, {"matlab": 25})]
    [True]
    """

    def __init__(self) -> None:
        self._first_hour = -1
        self._programs: dict[str, _Program] = {}

    def judge(self, hour: int, launches: Mapping[str, int]) -> list[Crowd]:
        """Judge an hour from those before it, then learn it.

        Parameters
        ----------
        hour
            Hours since the epoch; one that was judged before is judged by what is known now.
        launches
            By program; what is not listed had none.
        """
        if self._first_hour < 0:
            self._first_hour = hour
        found = [
            self._judge(hour, name[:MOST_NAME], count)
            for name, count in sorted(launches.items())
            if count > 0
        ]
        for crowd in found:
            self._learn(hour, crowd.program, crowd.launches)
        while len(self._programs) > MOST_PROGRAMS:
            del self._programs[next(iter(self._programs))]
        return found

    def _judge(self, hour: int, program: str, count: int) -> Crowd:
        shape, exposure = self._posterior(hour, program)
        p_value = tail_of(count, shape, exposure)
        usual = shape / exposure + 3.0 * math.sqrt(shape * (1.0 + exposure)) / exposure
        return Crowd(program, count, usual, p_value)

    def _posterior(self, hour: int, program: str) -> tuple[float, float]:
        """Return the Gamma over the hour's rate: shape, and inverse scale in hours."""
        held = self._programs.get(program)
        seen_days = self._days(hour)
        counts = [0.0] * HOURS if held is None else self._faded(held, hour)
        overall = (sum(counts) + PRIOR_LAUNCHES) / (HOURS * seen_days + PRIOR_HOURS)
        shape = counts[hour % HOURS] + OWN_HOURS * overall
        exposure = seen_days + OWN_HOURS
        weight = min(1.0, MOST_EVIDENCE / exposure)
        return max(shape * weight, 1e-6), exposure * weight

    def _days(self, hour: int) -> float:
        """Days of evidence about each hour of the day, the older ones discounted."""
        days = max((hour - self._first_hour) // HOURS, 0)
        return (1.0 - KEEP_A_DAY**days) / (1.0 - KEEP_A_DAY)

    def _faded(self, held: _Program, hour: int) -> list[float]:
        fade = KEEP_A_DAY ** max(hour // HOURS - held.day, 0)
        return [count * fade for count in held.counts]

    def _learn(self, hour: int, program: str, count: int) -> None:
        held = self._programs.pop(program, None)
        counts = [0.0] * HOURS if held is None else self._faded(held, hour)
        counts[hour % HOURS] += count
        day = hour // HOURS if held is None else max(held.day, hour // HOURS)
        self._programs[program] = _Program(day, counts)

    def to_bytes(self) -> bytes:
        """State as bytes: about 230 bytes a program."""
        return msgspec.msgpack.encode(_Wire(VERSION, self._first_hour, self._programs))

    @classmethod
    def from_bytes(cls, blob: bytes) -> Self:
        """Restore; ValueError if the bytes are none of this version."""
        try:
            wire = msgspec.msgpack.decode(blob, type=_Wire)
        except msgspec.DecodeError as error:
            raise ValueError(f"no state of crowds: {error}") from error
        if wire.version != VERSION or len(wire.programs) > MOST_PROGRAMS:
            raise ValueError(f"crowds of version {wire.version}, this is {VERSION}")
        for program in wire.programs.values():
            _check(program)
        detector = cls()
        detector._first_hour, detector._programs = wire.first_hour, wire.programs
        return detector


def _check(program: _Program) -> None:
    if len(program.counts) != HOURS or not all(0.0 <= c < math.inf for c in program.counts):
        raise ValueError(f"a program has {HOURS} counts of at least 0")


def tail_of(count: int, shape: float, exposure: float) -> float:
    """Chance of `count` or more events in one hour, the rate being Gamma(shape, exposure) an hour.

    Examples
    --------
    >>> tail_of(0, 2.0, 1.0), round(tail_of(1, 1.0, 1.0), 12), round(tail_of(2, 1.0, 1.0), 12)
    (1.0, 0.5, 0.25)
    """
    if count <= 0:
        return 1.0
    log_p = shape * math.log(exposure / (exposure + 1.0))
    log_step = -math.log(exposure + 1.0)
    below, k = math.exp(log_p), 0
    while k + 1 < min(count, 100_000):
        log_p += math.log((shape + k) / (k + 1.0)) + log_step
        below += math.exp(log_p)
        k += 1
    if below < 1.0 - 1e-9:
        return 1.0 - below
    # Far out, where 1 - below has no digits left: the first term of the tail, and its ratio's sum.
    log_p += math.log((shape + k) / (k + 1.0)) + log_step
    ratio = (shape + count) / (count + 1.0) * math.exp(log_step)
    return min(1.0, math.exp(log_p) / max(1.0 - ratio, 1e-9))
