"""A user's cycle: rates, presence, sessions and what the population learns of it."""

from zoneinfo import ZoneInfo

import pytest

from streams.models.cycles import ClosedSession, Cycles, WeekCounts, WeekRates
from streams.models.cycles.global_trend import GlobalTrend
from streams.models.cycles.session_length import SessionLength

UTC = ZoneInfo("UTC")
MONDAY = 1_704_067_200.0  # 2024-01-01 0 h, a Monday
HOUR, DAY, WEEK = 3600.0, 86_400.0, 604_800.0
PRIOR = WeekRates.flat(launches_per_hour=0.05, active_share=0.02)


def _office_user(weeks, launches_per_hour=6, counts=None):
    cycles = Cycles()
    for week in range(weeks):
        for day in range(5):
            for hour in (8, 9, 10, 13, 14, 15):
                for k in range(launches_per_hour):
                    at = MONDAY + week * WEEK + day * DAY + hour * HOUR + k * 3600 / 6
                    cycles.observe(at, UTC, launch=True, counts=counts)
    return cycles


def test_expected_launches_follow_the_habit():
    cycles = _office_user(weeks=8)
    now = MONDAY + 8 * WEEK
    rates = [cycles.expected_next_hour(now + h * HOUR, UTC, PRIOR) for h in range(24)]
    assert min(rates[h] for h in (8, 9, 10, 13, 14, 15)) > 2.0
    assert max(rates[h] for h in (0, 1, 2, 3, 20, 21, 22, 23)) < 0.3


def test_an_unknown_user_gets_the_population():
    assert Cycles().expected_next_hour(MONDAY, UTC, PRIOR) == pytest.approx(0.05)
    assert Cycles().presence(MONDAY, UTC, PRIOR)[5] == pytest.approx(0.02, rel=0.02)


def test_old_habits_are_forgotten():
    cycles = _office_user(weeks=8)
    for week in range(8, 24):  # now works at night
        for day in range(5):
            cycles.observe(MONDAY + week * WEEK + day * DAY + 22 * HOUR, UTC, launch=True)
    rates = cycles.week_rates(PRIOR, MONDAY + 24 * WEEK, UTC)
    assert rates[22] > rates[9]


def test_presence_is_sure_while_the_user_works_and_fades_at_night():
    cycles = _office_user(weeks=8)
    now = MONDAY + 7 * WEEK + 4 * DAY + 15 * HOUR + 55 * 60  # Friday, just before leaving
    presence = cycles.presence(now, UTC, PRIOR)
    assert len(presence) == 24
    assert all(0.0 <= p <= 1.0 for p in presence)
    assert presence[0] > presence[8]
    assert presence[8] < 0.1


def test_presence_outlasts_the_habit_once_the_user_is_there():
    """A Saturday session: the hours after it began are likelier than the cycle says."""
    cycles = _office_user(weeks=8)
    saturday = MONDAY + 7 * WEEK + 5 * DAY + 12 * HOUR
    before = cycles.presence(saturday, UTC, PRIOR)
    for minute in range(0, 60, 5):
        cycles.observe(saturday + minute * 60, UTC, launch=True)
    after = cycles.presence(saturday + 3590, UTC, PRIOR)
    assert after[0] > before[1] + 0.2


def test_a_user_who_stays_away_is_expected_less():
    cycles = _office_user(weeks=8)
    monday_9h = MONDAY + 8 * WEEK + 9 * HOUR
    next_week = cycles.expected_next_hour(monday_9h, UTC, PRIOR)
    weeks_later = cycles.expected_next_hour(monday_9h + 6 * WEEK, UTC, PRIOR)
    assert weeks_later < 0.6 * next_week


def test_a_gap_of_more_than_half_an_hour_ends_a_session():
    cycles = Cycles()
    assert cycles.observe(MONDAY, UTC, launch=True) is None
    assert cycles.observe(MONDAY + 1800, UTC, launch=False) is None
    assert cycles.session_start_s == MONDAY
    closed = cycles.observe(MONDAY + 1800 + 1801, UTC, launch=True)
    assert closed == ClosedSession(MONDAY, MONDAY + 1800, 1)
    assert cycles.session_start_s == MONDAY + 3601


def test_a_late_event_moves_no_clock_back():
    cycles = Cycles()
    cycles.observe(MONDAY + HOUR, UTC, launch=True)
    cycles.observe(MONDAY + HOUR - 60, UTC, launch=True)
    assert cycles.last_s == MONDAY + HOUR
    assert cycles.session_start_s == MONDAY + HOUR


def test_closed_hours_reach_the_population_once():
    counts = WeekCounts()
    _office_user(weeks=2, launches_per_hour=6, counts=counts)
    assert sum(counts.active) == 2 * 5 * 6 - 1  # the last hour is still open
    assert counts.launches[9] == 12
    assert sum(counts.exposure()) == 7 * 24 + 4 * 24 + 7  # from the first hour to the last


def test_rates_of_the_population_show_its_hours():
    counts = WeekCounts()
    for _ in range(10):
        _office_user(weeks=4, counts=counts)
    rates = WeekRates.from_counts(counts)
    assert rates.launches[9] > 10 * rates.launches[3]
    assert rates.active[9] > 10 * rates.active[3]
    assert WeekRates.from_counts(WeekCounts()) == WeekRates.flat()


def test_a_gap_of_a_century_costs_no_more_than_one_of_an_hour():
    cycles, counts = _office_user(weeks=1), WeekCounts()
    cycles.observe(MONDAY + 100 * 365 * DAY, UTC, launch=True, counts=counts)
    assert sum(counts.exposure()) > 800_000


def test_session_lengths_are_learnt():
    length = SessionLength()
    assert length.expected_s(MONDAY, UTC) is None
    for day in range(60):
        start = MONDAY + day * DAY + 9 * HOUR
        length.observe(ClosedSession(start, start + 2700, 5), UTC)
    assert length.expected_s(MONDAY + 60 * DAY + 9 * HOUR, UTC) == pytest.approx(2700, rel=0.05)


def test_the_trend_learns_the_day_and_ignores_hours_that_are_over():
    trend = GlobalTrend()
    assert trend.expected(2) == [0.0, 0.0]
    for hour in range(24 * 28):
        trend.observe(hour, 200 if 8 <= hour % 24 < 18 else 2)
    before = trend.to_bytes()
    trend.observe(5, 10**6)
    assert trend.to_bytes() == before
    ahead = trend.expected(24)
    assert min(ahead[9:17]) > 5 * max(ahead[:6])


def test_hours_left_out_of_the_trend_are_hours_of_nothing():
    sparse, full = GlobalTrend(), GlobalTrend()
    for hour in range(400):
        if hour % 3 == 0:
            sparse.observe(hour, hour % 11)
        full.observe(hour, hour % 11 if hour % 3 == 0 else 0)
    assert sparse.expected(5) == full.expected(5)
