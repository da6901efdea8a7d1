"""Local hours: zones, and days of 23 and 25 hours."""

from zoneinfo import ZoneInfo

import pytest

from streams.models.cycles import Cycles, WeekRates
from streams.models.cycles.local_hour import hours_between, is_repeated, local_hour

BERLIN = ZoneInfo("Europe/Berlin")
WINTER_BEGINS = 1729980000.0  # Sunday 2024-10-27 0 h in Berlin: 25 h
SUMMER_BEGINS = 1743289200.0  # Sunday 2025-03-30 0 h in Berlin: 23 h
HOUR = 3600.0


def test_the_day_that_clocks_go_back_has_25_hours_and_two_of_them_are_two_o_clock():
    hours = [at - 144 for at, _ in hours_between(WINTER_BEGINS, WINTER_BEGINS + 25 * HOUR, BERLIN)]
    assert hours == [0, 1, 2, 2, *range(3, 24)]


def test_the_day_that_clocks_go_forward_has_23_hours_and_none_is_two_o_clock():
    hours = [at - 144 for at, _ in hours_between(SUMMER_BEGINS, SUMMER_BEGINS + 23 * HOUR, BERLIN)]
    assert hours == [0, 1, *range(3, 24)]


def test_forecasts_sum_over_the_hours_that_there_are():
    rates = WeekRates.flat(launches_per_hour=2.0)
    cycles = Cycles()
    for start, hours in ((WINTER_BEGINS, 25), (SUMMER_BEGINS, 23)):
        expected = cycles.expected_launches(start, start + hours * HOUR, BERLIN, rates)
        assert expected == pytest.approx(2.0 * hours)


def test_zones_of_half_hours_have_their_own_hours():
    kolkata = ZoneInfo("Asia/Kolkata")
    assert local_hour(0.0, kolkata) == 5
    assert local_hour(1800.0, kolkata) == 6
    pieces = hours_between(0.0, HOUR, kolkata)
    assert [share for _, share in pieces] == [0.5, 0.5]


def test_only_the_hour_that_comes_twice_is_repeated():
    first = local_hour(WINTER_BEGINS, BERLIN)
    assert [is_repeated(first + k, BERLIN) for k in range(5)] == [False, False, True, False, False]


def test_a_habit_keeps_its_local_hour_across_the_change():
    """9 o'clock stays 9 o'clock, though it comes an hour later by UTC."""
    cycles = Cycles()
    monday_9h = 1727679600.0  # 2024-09-30 9 h in Berlin
    for week in range(4):
        for minute in range(0, 60, 5):
            cycles.observe(monday_9h + week * 168 * HOUR + minute * 60, BERLIN, launch=True)
    rates = WeekRates.flat(launches_per_hour=0.01)
    after = monday_9h + 4 * 168 * HOUR + HOUR  # 2024-10-28, in winter time
    nine, eight = (cycles.expected_next_hour(t, BERLIN, rates) for t in (after, after - HOUR))
    assert nine > 5 * eight
