"""Good records of every topic that the allocator reads, for tests to tamper with."""

import msgspec

from schemas.records import AllocationRequest, AnomalyAlert, CalendarEvent
from schemas.topics import (
    ALERTS_ANOMALIES,
    ALLOCATION_REQUESTS,
    CALENDAR_EVENTS,
    FORECASTS_DEMAND,
    PREDICTIONS_PROGRAMS,
    PROFILES_USERS,
    Topic,
)
from tests.testkit.allocator_inbox import POOLS
from tests.testkit.office import HOUR_MS, START_MS, activities, log_of, played


def requests() -> list[tuple[str, msgspec.Struct]]:
    """Wishes of all kinds, a few for each of some ids, so that they meet each other's leases."""
    made = []
    for number in range(40):
        pool = sorted(POOLS)[number % len(POOLS)]
        for kind in ("REQUEST", "EXTEND", "RELEASE", "CANCEL"):
            request = AllocationRequest(
                request_id=f"r{number}", kind=kind, user=f"user{number % 5}", program="tests",
                pool=pool, time=START_MS, deadline=START_MS + HOUR_MS,
                priority=None if number % 2 else number % 10,
            )  # fmt: skip
            made.append((pool, request))
    return made


def alert(pool: str) -> AnomalyAlert:
    return AnomalyAlert(
        alert_id="a/0", incident_id="a", subject=f"pool/{pool}", kind="crowd", severity="WARNING",
        started_at=START_MS, observed=9.0, expected_low=1.0, expected_high=4.0, p_value=0.001,
        evidence="{}",
    )  # fmt: skip


def good_records(seed: int) -> dict[Topic, list[tuple[str, msgspec.Struct]]]:
    """Records as they are in an office of a few hours, with their keys, by topic."""
    offline = played(log_of(activities(seed, 120, 30.0), 1), 1)
    found = {
        topic: [(key, record) for key, record in offline.outputs[topic.name] if record is not None]
        for topic in (FORECASTS_DEMAND, PREDICTIONS_PROGRAMS, PROFILES_USERS)
    }
    found[ALLOCATION_REQUESTS] = requests()
    found[ALERTS_ANOMALIES] = [(f"pool/{pool}", alert(pool)) for pool in POOLS]
    found[CALENDAR_EVENTS] = [
        (f"e{number}", CalendarEvent(
            event_id=f"e{number}", kind="MAINTENANCE", title="rack", start=START_MS,
            end=START_MS + HOUR_MS, pool=pool, capacity_left=0.5, known_from=START_MS,
        )) for number, pool in enumerate([None, *sorted(POOLS)])
    ]  # fmt: skip
    return found
