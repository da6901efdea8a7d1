"""A user's daily and weekly cycle: when launches, sessions and presence are to be expected."""

from datetime import tzinfo

import msgspec

from streams.models.cycles.local_hour import (
    HOUR_S,
    OFFSET_VALID_S,
    hour_of_week,
    is_repeated,
    local_hour,
    utc_offset_s,
)
from streams.models.cycles.persistence import Persistence, chain
from streams.models.cycles.section import decode_section, encode_section
from streams.models.cycles.sessions import ClosedSession, Sessions
from streams.models.cycles.week_activity import WeekActivity
from streams.models.cycles.week_counts import WeekCounts
from streams.models.cycles.week_posterior import WeekPosterior
from streams.models.cycles.week_rates import WeekRates

_VERSION = 1
_NO_SLOT = -(2**62)


class _State(msgspec.Struct, array_like=True):
    half_life_weeks: float
    week: bytes
    slot: int
    stays: int
    leaves: int
    start_s: float | None
    last_s: float | None
    session_launches: int


_DECODER = msgspec.msgpack.Decoder(_State)


class Cycles:
    """Hour-of-week rates, session and presence of one user, in event time and local time.

    Parameters
    ----------
    half_life_weeks
        Weeks after which an observed hour weighs half.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> zone, monday_9h = ZoneInfo("Europe/Berlin"), 1718607600.0
    >>> cycles = Cycles()
    >>> for week in range(8):
    ...     for minute in range(0, 50, 10):
    ...         at = monday_9h + week * 604800 + minute * 60
    ...         _ = cycles.observe(at, zone, launch=True)
    >>> prior = WeekRates.flat(launches_per_hour=0.01, active_share=0.01)
    >>> next_monday = monday_9h + 8 * 604800
    >>> round(cycles.expected_next_hour(next_monday, zone, prior), 1)
    3.2
    >>> round(cycles.expected_next_hour(next_monday + 6 * 3600, zone, prior), 1)
    0.0

    References
    ----------
    Gelman et al., Bayesian Data Analysis (2013), 2.6: the Gamma-Poisson model.
    """

    __slots__ = ("_half_life_weeks", "_hour", "_launches", "_persistence", "_sessions", "_slot",
                 "_week")  # fmt: skip

    def __init__(self, half_life_weeks: float = 6.0) -> None:
        if not 0.01 <= half_life_weeks <= 1000.0:
            raise ValueError(f"half_life_weeks {half_life_weeks} is not within 0.01..1000")
        self._half_life_weeks = half_life_weeks
        self._week = WeekActivity(half_life_weeks)
        self._sessions = Sessions()
        self._persistence = Persistence()
        self._slot = _NO_SLOT  # newest quarter hour: the zone is looked up once for each

    def observe(
        self, time_s: float, zone: tzinfo, *, launch: bool, counts: WeekCounts | None = None
    ) -> ClosedSession | None:
        """Take in any event of the user; return the session that it proves over.

        Parameters
        ----------
        time_s
            Unix seconds. A late event counts to the open hour.
        zone
            The user's time zone.
        launch
            Whether it launches a program; anything else only shows presence.
        counts
            The population's delta, which gets the hours that the event closes.
        """
        slot = int(time_s // OFFSET_VALID_S)
        if slot > self._slot:
            self._advance(slot, zone, counts)
        if launch:
            self._week.open_launches += 1
        return self._sessions.observe(time_s, launch=launch)

    def _advance(self, slot: int, zone: tzinfo, counts: WeekCounts | None) -> None:
        self._slot = slot
        hour = local_hour(slot * OFFSET_VALID_S, zone)
        opened = self._week.open_hour
        if hour == opened:
            return
        if opened is not None:
            self._close(opened, hour, zone, counts)
        self._week.open(hour)

    def _close(self, hour: int, new_hour: int, zone: tzinfo, counts: WeekCounts | None) -> None:
        launches = self._week.open_launches
        self._week.fold(hour, launches / 2.0 if is_repeated(hour, zone) else launches)
        self._persistence.observe(new_hour - hour)
        if counts is not None:
            counts.add_hour(hour, launches)
            counts.add_exposure(hour, new_hour - 1)

    def expected_next_hour(self, now_s: float, zone: tzinfo, rates: WeekRates) -> float:
        """Launches to be expected in the hour from now on: O(1)."""
        return self.expected_launches(now_s, now_s + HOUR_S, zone, rates)

    def expected_launches(
        self, start_s: float, end_s: float, zone: tzinfo, rates: WeekRates
    ) -> float:
        """Launches to be expected in [start_s, end_s): O(hours)."""
        posterior = self._posterior(start_s, zone, rates)
        return sum(posterior.launches(at) * share for at, share in _hours(start_s, end_s, zone))

    def presence(
        self, now_s: float, zone: tzinfo, rates: WeekRates, hours: int = 24
    ) -> list[float]:
        """Probability of activity in each of the next `hours` hours; the first begins now."""
        posterior = self._posterior(now_s, zone, rates)
        base = [_any_active(posterior, now_s + k * HOUR_S, zone) for k in range(-1, hours)]
        last_s = self._sessions.last_s
        active = 1.0 if last_s is not None and 0.0 <= now_s - last_s < HOUR_S else 0.0
        return chain(base, active, self._persistence.stay_probability())

    def week_rates(self, rates: WeekRates, now_s: float, zone: tzinfo) -> list[float]:
        """Expected launches in each of the 168 hours of the local week, from Monday 0 h."""
        posterior = self._posterior(now_s, zone, rates)
        return [posterior.launches(at) for at in range(168)]

    def _posterior(self, now_s: float, zone: tzinfo, rates: WeekRates) -> WeekPosterior:
        return WeekPosterior(self._week, rates, local_hour(now_s, zone))

    @property
    def session_start_s(self) -> float | None:
        return self._sessions.start_s

    @property
    def last_s(self) -> float | None:
        return self._sessions.last_s

    def to_bytes(self) -> bytes:
        sessions, persistence = self._sessions, self._persistence
        return encode_section(
            _VERSION,
            _State(
                self._half_life_weeks, self._week.to_bytes(), self._slot,
                persistence.stays, persistence.leaves,
                sessions.start_s, sessions.last_s, sessions.launches,
            ),
        )  # fmt: skip

    @classmethod
    def from_bytes(cls, data: bytes) -> "Cycles":
        state = decode_section("cycles", _VERSION, _DECODER, data)
        cycles = cls(state.half_life_weeks)
        cycles._week = WeekActivity.from_bytes(state.week, state.half_life_weeks)
        cycles._slot = state.slot
        cycles._persistence = Persistence(state.stays, state.leaves)
        sessions = cycles._sessions
        sessions.start_s, sessions.last_s = state.start_s, state.last_s
        sessions.launches = state.session_launches
        return cycles

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cycles) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # the state changes


def _hours(start_s: float, end_s: float, zone: tzinfo) -> list[tuple[int, float]]:
    """Hours of the week that real time start..end passes through, and how much of each (hours)."""
    pieces = []
    at_s = start_s
    while at_s < end_s:
        offset = utc_offset_s(at_s, zone)
        wall_s = at_s + offset
        until_s = min(end_s, at_s + HOUR_S - wall_s % HOUR_S)
        pieces.append((hour_of_week(int(wall_s // HOUR_S)), (until_s - at_s) / HOUR_S))
        at_s = until_s
    return pieces


def _any_active(posterior: WeekPosterior, start_s: float, zone: tzinfo) -> float:
    idle = 1.0
    for at, share in _hours(start_s, start_s + HOUR_S, zone):
        idle *= (1.0 - posterior.active(at)) ** share
    return 1.0 - idle
