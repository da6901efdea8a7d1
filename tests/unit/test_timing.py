"""Gaps of transitions, starts of sessions, presence: for people whose habits are known."""

import random
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from schemas.records import Activity
from schemas.topics import PROFILES_USERS
from streams.cli.presence import presence_rows
from streams.models.cycles.session_starts import SessionStarts, first_start
from streams.models.programs import UserPrograms
from streams.models.timing import BINS, GapCounts, gap_bin, gap_quantile, last_launch, transitions
from streams.pipeline.activity import Ways
from streams.runtime.zones import zone_named
from tests.testkit.office import HOUR_MS, START_MS, WAYS
from tests.testkit.people import World, event

DAY_S = 86_400.0
BERLIN = ZoneInfo("Europe/Berlin")


def number(name: str) -> int:
    return sum(name.encode())


def test_gaps_of_a_transition_are_those_of_the_launches() -> None:
    rng, user, at, gaps = random.Random(1), UserPrograms(), 0.0, []
    for _ in range(300):
        user.record("mail", at)
        gaps.append(rng.lognormvariate(4.0, 0.7))
        user.record("editor", at + gaps[-1])
        at += 7200.0
    found = {(g.first, g.then): g for g in transitions(user, GapCounts(), number)}
    told = found["mail", "editor"]
    assert (told.count, told.share) == (300, 1.0)
    for q, said in ((0.1, told.p10_s), (0.5, told.p50_s), (0.9, told.p90_s)):
        assert said == pytest.approx(np.quantile(gaps, q), rel=0.25)
    assert sum(told.shares) == pytest.approx(1.0)
    assert found["editor", "mail"].p50_s > 3600.0


def test_a_rare_transition_takes_after_everybodys() -> None:
    """One gap of two hours, where everybody else takes half a minute."""
    user, population = UserPrograms(), GapCounts()
    user.record("mail", 0.0)
    user.record("editor", 7200.0)
    for _ in range(1000):
        population.add(number("mail"), number("editor"), 30_000)
    (alone,), (shrunk,) = (transitions(user, p, number) for p in (GapCounts(), population))
    assert alone.p50_s > 4000.0
    assert 16.0 <= shrunk.p50_s <= 32.0
    assert shrunk.count == 1


def test_the_profile_tells_gaps_that_go_round_all_users() -> None:
    world = World()
    for k in range(40):
        for second, program in ((0.0, "mail"), (20.0, "editor")):
            world.send(f"user{k % 8}", event("LAUNCH", k * 60.0 + second, program))
    world.send("new", event("LAUNCH", 2 * 3600.0, "mail"))
    world.send("new", event("LAUNCH", 2 * 3600.0 + 600.0, "editor"))
    (gap,) = world.profile("new", START_MS + 3 * HOUR_MS).transitions
    assert (gap.first, gap.then, gap.count) == ("mail", "editor", 1)
    assert gap.gap_s_p50 < 60.0  # ten launches' worth of everybody's 20 s
    assert len(gap.gap_shares) == BINS


def test_the_last_launch_is_what_the_next_gap_counts_from() -> None:
    user = UserPrograms()
    assert last_launch(user) is None
    user.record("vim", 12.5)
    assert last_launch(user) == ("vim", 12_500)


@pytest.mark.parametrize("gap_ms", [0, 1, 999, 1000, 1999, 2000, 65_000, 10**9])
def test_a_gap_lies_within_its_bin(gap_ms: int) -> None:
    place = gap_bin(gap_ms)
    low = 0 if place == 0 else 2 ** (place - 1)
    assert low * 1000 <= gap_ms
    assert place == BINS - 1 or gap_ms < 2**place * 1000
    weights = [float(k == place) for k in range(BINS)]
    assert gap_quantile(weights, 0.0) <= gap_quantile(weights, 0.5) <= gap_quantile(weights, 1.0)


MONDAY_9H = datetime(2024, 9, 30, 9, tzinfo=BERLIN).timestamp()


def workdays_at_nine(starts: SessionStarts, weeks: int) -> None:
    for day in range(7 * weeks):
        local = datetime.fromtimestamp(MONDAY_9H + day * DAY_S, BERLIN).replace(hour=9)
        if local.weekday() < 5:
            starts.observe(local.timestamp(), BERLIN)


def test_sessions_are_expected_when_they_begin_and_not_at_weekends() -> None:
    starts = SessionStarts()
    workdays_at_nine(starts, 3)
    monday = datetime(2024, 10, 21, 0, tzinfo=BERLIN).timestamp()
    expected = starts.expected(monday, BERLIN, [0.01] * 24)
    assert np.argmax(expected) == 9
    assert expected[9] > 0.5
    assert sum(expected) - expected[9] < 0.2
    assert first_start(expected) == pytest.approx(9.5, abs=0.5)
    saturday = monday - 2 * DAY_S
    assert first_start(starts.expected(saturday, BERLIN, [0.01] * 24)) is None


def test_sessions_keep_their_local_hour_when_clocks_change() -> None:
    """In Berlin clocks went back on 2024-10-27: nine o'clock is 8 h UTC afterwards, not 7."""
    starts = SessionStarts()
    workdays_at_nine(starts, 3)
    for month, day, utc_hour in ((10, 21, 7), (10, 28, 8)):
        midnight = datetime(2024, month, day, tzinfo=UTC).timestamp()
        assert np.argmax(starts.expected(midnight, BERLIN, [0.01] * 24)) == utc_hour


def office_weeks(user: str, hour: int, weeks: int) -> list[tuple[str, Activity]]:
    """Work from an hour of UTC on, Monday to Friday: two launches in each of four hours."""
    rows = []
    monday_s = (START_MS // 1000 // 604_800 * 604_800 + 4 * DAY_S) - START_MS / 1000 + 604_800
    for day in range(7 * weeks):
        if day % 7 < 5:
            for k in range(8):
                at = monday_s + day * DAY_S + hour * 3600.0 + k * 1500.0
                rows.append((user, event("LAUNCH", at)))
    return rows


def test_presence_says_who_will_be_active_when() -> None:
    world = World()
    world.play(office_weeks("early", 6, 4) + office_weeks("late", 14, 4))
    end_ms = START_MS + round((5 * 604_800 + 5 * DAY_S) * 1000)
    midnight_ms = end_ms // 86_400_000 * 86_400_000
    while datetime.fromtimestamp(midnight_ms / 1000, UTC).weekday() != 0:
        midnight_ms -= 86_400_000
    profiles = [world.profile(user, midnight_ms) for user in ("early", "late")]
    rows = {row.user: row.presence for row in presence_rows(profiles, midnight_ms)}
    assert 6 <= np.argmax(rows["early"]) <= 9
    assert 14 <= np.argmax(rows["late"]) <= 17
    assert rows["early"][7] > 0.5
    assert rows["early"][16] < 0.2
    begins = {p.user: p.next_session_at for p in profiles}
    assert begins["early"] is not None
    assert (begins["early"] - midnight_ms) / HOUR_MS == pytest.approx(6.5, abs=1.0)


def test_a_presence_forecast_ages_hour_by_hour() -> None:
    world = World()
    world.send("ada", event("LAUNCH", 0.0))
    profile = world.profile("ada", START_MS)
    now, later = (presence_rows([profile], START_MS + h * HOUR_MS)[0].presence for h in (0, 5))
    assert later[:19] == now[5:]
    assert later[19:] == [None] * 5
    assert presence_rows([profile], START_MS + 30 * HOUR_MS) == []


def test_profiles_are_renewed_every_six_hours_also_of_who_is_away() -> None:
    world = World()
    world.send("ada", event("LAUNCH", 0.0))
    for hour in range(1, 40):
        world.tick(START_MS + hour * HOUR_MS)
    written = [p.updated_at for p in world.records(PROFILES_USERS)]
    assert len(written) >= 5
    assert {b - a for a, b in pairwise(written)} == {6 * HOUR_MS}


def test_each_user_has_the_zone_that_their_host_tells() -> None:
    """Both work from 6 h UTC; in Tokyo that is the afternoon."""
    ways = Ways(WAYS.pool_of, ZoneInfo("UTC"), WAYS.normal, zones=zone_named)
    world = World(ways)
    rows = [row for user in ("here", "there", "lost") for row in office_weeks(user, 6, 3)]
    world.play(rows, zones={"there": "Asia/Tokyo", "lost": "Mars/Olympus_Mons"})
    end_ms = START_MS + (5 * 604_800_000)
    profiles = {user: world.profile(user, end_ms) for user in ("here", "there", "lost")}
    assert {u: p.zone for u, p in profiles.items()} == {
        "here": "UTC", "there": "Asia/Tokyo", "lost": "UTC",
    }  # fmt: skip
    busiest = {u: int(np.argmax(p.week_rates)) % 24 for u, p in profiles.items()}
    assert 6 <= busiest["here"] <= 9
    assert 15 <= busiest["there"] <= 18
