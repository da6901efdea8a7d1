"""What nobody honest would write to a topic that the allocator reads changes little, and nothing
for good."""

import math

import pytest

from schemas.records import (
    AllocationRequest,
    CalendarEvent,
    Candidate,
    DemandForecast,
    ProgramPrediction,
    Step,
    UserProfile,
)
from schemas.topics import (
    ALLOCATION_REQUESTS,
    CALENDAR_EVENTS,
    FORECASTS_DEMAND,
    PREDICTIONS_PROGRAMS,
    PROFILES_USERS,
)
from tests.testkit.allocator_inbox import Inbox

NOW_MS = 1_750_000_000_000


@pytest.fixture
def inbox():
    inbox = Inbox(NOW_MS)
    yield inbox
    inbox.stop()


@pytest.mark.parametrize("end", [2**62, 253_402_300_800_000])
def test_a_maintenance_that_ends_after_all_calendars_takes_its_capacity(inbox, end) -> None:
    event = CalendarEvent(
        event_id="e", kind="MAINTENANCE", title="rack", start=0, end=end, capacity_left=0.5
    )
    inbox.take(CALENDAR_EVENTS, inbox.codec.encode(CALENDAR_EVENTS, event), b"e")
    inbox.pass_time()
    sizer = inbox.owner.pools["build"].sizer
    assert sizer.capacity_free(inbox.now_ms) == 3
    assert "without an end" in str(sizer.position(inbox.now_ms))


@pytest.mark.parametrize("sensitivity", [math.nan, math.inf, -math.inf, 0.0, -1.0])
def test_a_sensitivity_that_nobody_has_is_passed_over(inbox, sensitivity) -> None:
    profile = UserProfile(
        user="ann", updated_at=NOW_MS, launches=1, zone="", week_rates=[], programs=[],
        sequences=[], presence_24h=[], sensitivity=sensitivity,
    )  # fmt: skip
    inbox.take(PROFILES_USERS, inbox.codec.encode(PROFILES_USERS, profile))
    request = AllocationRequest(
        request_id="r", kind="REQUEST", user="ann", program="tests", pool="build", time=NOW_MS
    )
    inbox.take(ALLOCATION_REQUESTS, inbox.codec.encode(ALLOCATION_REQUESTS, request))
    ledger = inbox.owner.pools["build"].ledger
    assert "r" in ledger.leases
    assert ledger.totals.sensitivity == 1.0


def test_a_chance_that_is_no_number_is_none(inbox) -> None:
    candidate = Candidate(
        program="tests", p_next=0.1, p_1m=0.1, p_5m=math.nan, p_15m=0.5, p_60m=0.5, expected_s=None
    )
    prediction = ProgramPrediction(
        prediction_id="p", user="ann", after_program="mail", made_at=NOW_MS,
        candidates=[candidate], model="m",
    )  # fmt: skip
    inbox.take(PREDICTIONS_PROGRAMS, inbox.codec.encode(PREDICTIONS_PROGRAMS, prediction))
    for _ in range(3):
        inbox.pass_time(60_000)  # within the window that has no chance
    assert math.isfinite(inbox.owner.pools["build"].sizer._intents._expected)


@pytest.mark.parametrize("quantile", [math.nan, math.inf, 1e25, -1e308])
def test_a_forecast_beyond_all_need_is_buried_and_the_last_one_holds(inbox, quantile) -> None:
    for beyond in (2.0, quantile):
        forecast = DemandForecast(
            forecast_id="f", pool="build", resource="INSTANCES", unit="1", made_at=NOW_MS,
            horizon="HOUR", step_s=60, levels=[0.5, 0.9], peak=[2.0, 3.0], model="m",
            steps=[Step(time=NOW_MS, quantiles=[1.0, beyond])],
        )  # fmt: skip
        inbox.take(FORECASTS_DEMAND, inbox.codec.encode(FORECASTS_DEMAND, forecast))
    assert inbox.letters == 1
    assert inbox.owner.pools["build"].sizer._forecast.steps[0].quantiles == [1.0, 2.0]
