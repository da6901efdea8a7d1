"""What becomes of a calendar: occurrences, records on the topic, and forecasts that show them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from schemas.records import CalendarEvent, DemandObserved, MinuteDemand
from schemas.topics import FORECASTS_DEMAND
from streams.pipeline.calendar import entry_of
from streams.pipeline.pool_state import PoolState
from streams.pipeline.pools import PoolFold
from streams.pipeline.resources import RESOURCES
from streams.runtime.calendar_import import changed_events
from streams.runtime.holidays_known import UnknownCountryError, holidays_between, parse_country
from streams.runtime.icalendar_file import Span, first_start, read_calendar
from streams.runtime.recordings import RecordingError

BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
SPAN = Span(datetime(2025, 10, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC))
HOUR_MS = 3_600_000
START_HOUR = 487_000  # 2025-07-21T16:00Z

WEEKLY = """UID:release@x
DTSTART;TZID=Europe/Berlin:20251020T090000
DTEND;TZID=Europe/Berlin:20251020T110000
RRULE:FREQ=WEEKLY;COUNT=3
SUMMARY:Weekly release
X-UPLIFT:3
"""
MOVED = """UID:release@x
RECURRENCE-ID;TZID=Europe/Berlin:20251027T090000
DTSTART;TZID=Europe/Berlin:20251028T100000
DTEND;TZID=Europe/Berlin:20251028T110000
SUMMARY:Weekly release
"""
CANCELLED = """UID:release@x
RECURRENCE-ID;TZID=Europe/Berlin:20251103T090000
DTSTART;TZID=Europe/Berlin:20251103T090000
STATUS:CANCELLED
SUMMARY:Weekly release
"""


def calendar(tmp_path, *events: str):
    file = tmp_path / "events.ics"
    body = "".join(f"BEGIN:VEVENT\n{event}END:VEVENT\n" for event in events)
    file.write_text(f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:t\n{body}END:VCALENDAR\n")
    return file


def starts(events) -> list[str]:
    return [f"{datetime.fromtimestamp(e.start / 1000, UTC):%m-%d %H}" for e in events]


def test_a_recurring_event_keeps_its_local_hour_through_daylight_saving(tmp_path):
    events = read_calendar(calendar(tmp_path, WEEKLY), SPAN, UTC_ZONE)
    assert starts(events) == ["10-20 07", "10-27 08", "11-03 08"]  # clocks change on 26 October
    assert {e.kind for e in events} == {"LAUNCH"}
    assert {e.expected_uplift for e in events} == {3.0}


def test_an_occurrence_that_moves_or_is_cancelled_keeps_its_name(tmp_path):
    plain = read_calendar(calendar(tmp_path, WEEKLY), SPAN, UTC_ZONE)
    changed = read_calendar(calendar(tmp_path, WEEKLY, MOVED, CANCELLED), SPAN, UTC_ZONE)
    assert [e.event_id for e in changed] == [e.event_id for e in plain]
    assert starts(changed) == ["10-20 07", "10-28 09", "11-03 08"]
    assert [e.cancelled for e in changed] == [False, False, True]


def test_days_and_times_without_a_zone_are_local(tmp_path):
    day = "UID:a\nDTSTART;VALUE=DATE:20251101\nSUMMARY:Office closed\n"
    floating = "UID:b\nDTSTART:20251102T100000\nDURATION:PT2H\nSUMMARY:Party\n"
    events = read_calendar(calendar(tmp_path, day, floating), SPAN, BERLIN)
    assert starts(events) == ["10-31 23", "11-02 09"]
    assert [e.end - e.start for e in events] == [24 * HOUR_MS, 2 * HOUR_MS]


@pytest.mark.parametrize(
    "event",
    [
        "UID:a\nDTSTART:20251101T100000\nDURATION:PT1H\nX-UPLIFT:much\n",
        "UID:a\nDTSTART:20251101T100000\nDURATION:PT1H\nX-UPLIFT:-1\n",
        "UID:a\nDTSTART;TZID=UTC:20251101T100000\nDURATION:PT1H\nRRULE:FREQ=MINUTELY\n",
    ],
)
def test_what_can_not_be_used_is_refused(tmp_path, event):
    with pytest.raises(RecordingError):
        read_calendar(calendar(tmp_path, event), SPAN, UTC_ZONE)


def test_a_file_that_is_no_calendar_is_refused(tmp_path):
    file = tmp_path / "events.ics"
    file.write_text("hello\n")
    with pytest.raises(RecordingError, match=r"events\.ics"):
        first_start(file, UTC_ZONE)


def test_importing_again_sends_nothing_and_what_is_gone_is_cancelled(tmp_path):
    stated = read_calendar(calendar(tmp_path, WEEKLY), SPAN, UTC_ZONE)
    assert changed_events(stated, stated, 0).to_send == []
    shorter = read_calendar(
        calendar(tmp_path, WEEKLY.replace("COUNT=3", "COUNT=2")), SPAN, UTC_ZONE
    )
    gone = changed_events(shorter, stated, 0).to_send
    assert [(e.event_id, e.cancelled) for e in gone] == [(stated[2].event_id, True)]


def test_an_event_without_length_is_counted_and_left_out(tmp_path):
    moment = "UID:a\nDTSTART:20251101T100000\nSUMMARY:Moment\n"
    change = changed_events(read_calendar(calendar(tmp_path, moment), SPAN, UTC_ZONE), [], 0)
    assert change == ([], 1)


def test_holidays_are_local_days_of_the_country_or_its_part():
    year = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)
    everywhere = {e.title for e in holidays_between("DE", BERLIN, *year)}
    bavaria = {e.title for e in holidays_between("DE-BY", BERLIN, *year)}
    assert everywhere < bavaria
    with pytest.raises(UnknownCountryError, match="XX"):
        parse_country("XX")


# --- in the pool's forecasts


def hourly(hour: int, launches: int) -> DemandObserved:
    """One message that closes an hour with some launches in its sixth minute."""
    levels = dict.fromkeys(
        ("cpu_millicore_ms", "memory_kib_ms", "storage_kib_ms", "network_byte_ms",
         "cpu_millicores", "memory_kib", "storage_kib", "network_bytes_per_s"), 0,
    )  # fmt: skip
    minute = MinuteDemand(time=hour * HOUR_MS + 360_000, launches=launches, **levels)
    return DemandObserved(
        pool="desk", source_partition=0, source_offset=hour,
        closed_through=(hour + 1) * HOUR_MS, minutes=[minute],
    )  # fmt: skip


class Pool:
    """A pool's fold that may be read back from what it saved, as after a crash."""

    def __init__(self, known=()) -> None:
        self.chunks: dict[int, bytes] = {}
        self.known = known
        self.fold = PoolFold("desk", PoolState.empty(1, len(RESOURCES)), self.chunks.get)
        self.fold.adopt(known, START_HOUR * HOUR_MS)
        self.hour = START_HOUR
        self.told = {}

    def play(self, launches) -> None:
        for count in launches:
            step = self.fold.apply(hourly(self.hour, count))
            self.chunks.update(step.chunks)
            forecasts = [o.record for o in step.outputs if o.topic is FORECASTS_DEMAND]
            self.told.update({forecast.forecast_id: forecast for forecast in forecasts})
            self.fold.adopt(self.known, self.fold.now_ms)
            self.hour += 1

    def restart(self) -> None:
        state = PoolState.from_bytes(self.fold.save())
        self.fold = PoolFold("desk", state, self.chunks.get)

    def medians(self, horizon="DAY") -> np.ndarray:
        made = f"desk-INSTANCES-{horizon}-{self.hour * HOUR_MS}"
        return np.array([step.quantiles[3] for step in self.told[made].steps])


def event(first: int, hours: float, **fields) -> CalendarEvent:
    stated = {"kind": "LAUNCH", "title": "launch", "event_id": f"e{first}", **fields}
    start = (START_HOUR + first) * HOUR_MS
    return CalendarEvent(start=start, end=start + round(hours * HOUR_MS), **stated)


STEADY = [20] * 100


def test_a_forecast_issued_before_a_known_event_shows_it():
    pool = Pool([event(110, 3, expected_uplift=2.0)])
    pool.play(STEADY)
    medians = pool.medians()
    assert medians[10:13] == pytest.approx(2.0 * medians[9], rel=0.1)
    assert medians[13] == pytest.approx(medians[9], rel=0.1)


def test_the_next_hour_by_minute_shows_it_too():
    calm, warned = Pool(), Pool([event(100, 1, expected_uplift=4.0)])
    for pool in (calm, warned):
        pool.play(STEADY)
    peaks = [
        pool.told[f"desk-INSTANCES-HOUR-{pool.hour * HOUR_MS}"].steps[5].quantiles[-1]
        for pool in (calm, warned)
    ]
    assert peaks[1] > 1.5 * peaks[0]


def test_an_announced_uplift_is_corrected_by_what_such_events_did():
    days = [event(24 * day + 9, 8, expected_uplift=2.0) for day in range(2, 16)]
    pool = Pool(days)
    wave = [60 if day >= 2 and 9 <= hour < 17 else 20 for day in range(15) for hour in range(24)]
    pool.play(wave)
    medians = pool.medians()
    assert medians[9:17].mean() == pytest.approx(60.0, rel=0.15)  # announced: 40
    assert medians[:9].mean() == pytest.approx(20.0, rel=0.15)


def test_maintenance_takes_demand_away_and_is_no_part_of_the_usual():
    pool = Pool([event(50, 10, kind="MAINTENANCE", expected_uplift=0.0)])
    pool.play(STEADY[:45])
    assert (pool.medians()[5:15] == 0.0).all()
    pool.play([20] * 5 + [0] * 10 + [20])
    assert pool.medians()[0] == pytest.approx(20.0, rel=0.1)


def test_events_of_other_pools_cancelled_and_not_yet_known_ones_do_not_count():
    told = Pool(
        [
            event(110, 3, expected_uplift=2.0, pool="other"),
            event(110, 3, expected_uplift=2.0, cancelled=True),
            event(110, 3, expected_uplift=2.0, known_from=(START_HOUR + 105) * HOUR_MS),
        ]
    )
    calm = Pool()
    for pool in (told, calm):
        pool.play(STEADY)
    assert (told.medians() == calm.medians()).all()
    for pool in (told, calm):
        pool.play([20] * 6)
    assert told.medians()[5] > 1.5 * calm.medians()[5]


def test_a_restart_does_not_show_though_the_calendar_has_changed_since():
    """What comes again meets the calendar that its first run met: it is in the state."""
    days = [event(24 * day + 9, 8, expected_uplift=2.0) for day in range(2, 6)]
    calm, crashed = Pool(days), Pool(days)
    calm.play([20] * 90)
    crashed.play([20] * 60)
    crashed.restart()
    crashed.known = []
    saved, hour = crashed.fold.save(), crashed.hour
    crashed.play([20])
    first = dict(crashed.told)
    crashed.fold, crashed.hour = (
        PoolFold("desk", PoolState.from_bytes(saved), crashed.chunks.get), hour,
    )  # fmt: skip
    crashed.known = days
    crashed.play([20] * 30)
    assert {name: crashed.told[name] for name in first} == first
    assert crashed.told == calm.told


@pytest.mark.parametrize(("stated", "left"), [("0.5", 0.5), ("25%", 0.25), ("0", 0.0), ("1", 1.0)])
def test_maintenance_may_leave_a_share_of_the_capacity(tmp_path, stated, left):
    file = calendar(tmp_path, f"{WEEKLY}X-CAPACITY:{stated}\n")
    events = read_calendar(file, SPAN, UTC_ZONE)
    assert {e.capacity_left for e in events} == {left}


@pytest.mark.parametrize("stated", ["half", "1.5", "-0.1", "120%", "nan", ""])
def test_a_capacity_that_is_no_share_is_refused(tmp_path, stated):
    with pytest.raises(RecordingError, match="X-CAPACITY"):
        read_calendar(calendar(tmp_path, f"{WEEKLY}X-CAPACITY:{stated}\n"), SPAN, UTC_ZONE)


def test_capacity_that_is_away_does_not_change_what_is_asked_for(tmp_path):
    away = entry_of(event(0, 2.0, capacity_left=0.25))
    assert away == entry_of(event(0, 2.0))
