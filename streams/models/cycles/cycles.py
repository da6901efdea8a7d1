"""A user's daily and weekly cycle: when launches, sessions and presence are to be expected."""

from datetime import tzinfo
from typing import Annotated

import msgspec

from streams.models.cycles.local_hour import (
    HOUR_S,
    OFFSET_VALID_S,
    hour_of_week,
    hours_between,
    is_repeated,
    local_hour,
)
from streams.models.cycles.persistence import Persistence, arrivals, chain
from streams.models.cycles.recent_level import RecentLevel, scale_odds
from streams.models.cycles.section import decode_section, encode_section
from streams.models.cycles.sessions import ClosedSession, Sessions
from streams.models.cycles.week_activity import WeekActivity
from streams.models.cycles.week_counts import WeekCounts
from streams.models.cycles.week_posterior import WeekPosterior
from streams.models.cycles.week_rates import WeekRates

_VERSION = 1
_NO_SLOT = -(2**62)
_LEVEL_FADE = 0.5 ** (1.0 / 72.0)  # a busy or idle day says half as much about one three days later

_Byte = Annotated[int, msgspec.Meta(ge=0, le=255)]
_Count = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]


class _State(msgspec.Struct, array_like=True):
    half_life_weeks: float
    week: bytes
    slot: int
    recent: float
    recent_hour: int
    hours: _Byte
    stays: _Byte
    stays_expected: _Count
    start_s: float | None
    last_s: float | None
    session_launches: _Count


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
    2.0
    >>> round(cycles.expected_next_hour(next_monday + 6 * 3600, zone, prior), 1)
    0.0

    References
    ----------
    Gelman et al., Bayesian Data Analysis (2013), 2.6: the Gamma-Poisson model.
    """

    __slots__ = (
        "_half_life_weeks", "_persistence", "_recent", "_sessions", "_slot", "_week",
    )  # fmt: skip

    def __init__(self, half_life_weeks: float = 6.0) -> None:
        if not 0.01 <= half_life_weeks <= 1000.0:
            raise ValueError(f"half_life_weeks {half_life_weeks} is not within 0.01..1000")
        self._half_life_weeks = half_life_weeks
        self._week = WeekActivity(half_life_weeks)
        self._sessions = Sessions()
        self._persistence = Persistence()
        self._recent = RecentLevel()
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
        self._recent.observe(hour)

    def _close(self, hour: int, new_hour: int, zone: tzinfo, counts: WeekCounts | None) -> None:
        launches = self._week.open_launches
        following = hour_of_week(hour + 1)
        level = self._level(self._week.own_share(hour), hour + 1)
        alone = scale_odds(self._week.own_active(following, hour), level)
        self._persistence.observe(new_hour == hour + 1, alone)
        self._week.fold(hour, launches / 2.0 if is_repeated(hour, zone) else launches)
        if counts is not None:
            counts.add_hour(hour, launches)
            counts.add_exposure(hour, new_hour - 1)

    def _level(self, mean: float, hour: int) -> float:
        first = self._week.first_hour
        return 1.0 if first is None else self._recent.factor(hour, first, mean)

    def expected_next_hour(self, now_s: float, zone: tzinfo, rates: WeekRates) -> float:
        """Launches to be expected in the hour from now on: O(1)."""
        return self.expected_launches(now_s, now_s + HOUR_S, zone, rates)

    def expected_launches(
        self, start_s: float, end_s: float, zone: tzinfo, rates: WeekRates
    ) -> float:
        """Launches to be expected in [start_s, end_s): O(hours).

        How busy the user is these days counts too, less with every hour ahead.
        """
        posterior = self._posterior(start_s, zone, rates)
        level = self._level(posterior.active_share(), posterior.hour)
        expected, ahead = 0.0, 0.0
        for at, share in hours_between(start_s, end_s, zone):
            expected += posterior.launches(at) * share * level ** (_LEVEL_FADE**ahead)
            ahead += share
        return expected

    def presence(
        self, now_s: float, zone: tzinfo, rates: WeekRates, hours: int = 24
    ) -> list[float]:
        """Probability of activity in each of the next `hours` hours; the first begins now."""
        return self.day_ahead(now_s, zone, rates, hours)[0]

    def arrivals(
        self, now_s: float, zone: tzinfo, rates: WeekRates, hours: int = 24
    ) -> list[float]:
        """Probability that the user, being away, turns up in each of the next `hours` hours."""
        return self.day_ahead(now_s, zone, rates, hours)[1]

    def day_ahead(
        self, now_s: float, zone: tzinfo, rates: WeekRates, hours: int = 24
    ) -> tuple[list[float], list[float]]:
        """Return `presence` and `arrivals`, which share most of their work."""
        cycle, stays = self._active_by_hour(now_s, zone, rates, hours), self._persistence.share()
        last_s = self._sessions.last_s
        active = 1.0 if last_s is not None and now_s - last_s < HOUR_S else 0.0
        return chain(cycle, active, stays), arrivals(cycle, stays)

    def _active_by_hour(
        self, now_s: float, zone: tzinfo, rates: WeekRates, hours: int
    ) -> list[float]:
        """What the cycle and these days say of the hour before now and of each coming one."""
        posterior = self._posterior(now_s, zone, rates)
        level = self._level(posterior.active_share(), posterior.hour)
        return [
            scale_odds(_any_active(posterior, now_s + k * HOUR_S, zone), level)
            for k in range(-1, hours)
        ]

    def week_rates(self, rates: WeekRates, now_s: float, zone: tzinfo) -> list[float]:
        """Expected launches in each of the 168 hours of a usual local week, from Monday 0 h."""
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
                self._recent.active, self._recent.hour,
                persistence.hours, persistence.stays, persistence.expected,
                sessions.start_s, sessions.last_s, sessions.launches,
            ),
        )  # fmt: skip

    @classmethod
    def from_bytes(cls, data: bytes) -> "Cycles":
        state = decode_section("cycles", _VERSION, _DECODER, data)
        cycles = cls(state.half_life_weeks)
        cycles._week = WeekActivity.from_bytes(state.week, state.half_life_weeks)
        cycles._slot = state.slot
        cycles._persistence = Persistence(state.hours, state.stays, state.stays_expected)
        cycles._recent = RecentLevel(state.recent, state.recent_hour)
        sessions = cycles._sessions
        sessions.start_s, sessions.last_s = state.start_s, state.last_s
        sessions.launches = state.session_launches
        return cycles

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cycles) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # the state changes


def _any_active(posterior: WeekPosterior, start_s: float, zone: tzinfo) -> float:
    idle = 1.0
    for at, share in hours_between(start_s, start_s + HOUR_S, zone):
        idle *= (1.0 - posterior.active(at)) ** share
    return 1.0 - idle
