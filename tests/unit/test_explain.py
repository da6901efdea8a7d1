"""`warmfront explain` tells why, from what the allocator wrote, repeats and all."""

from schemas.records import AllocationEvent, ReserveAction, ReserveStatus
from streams.cli.explain import look_up, story


def status(time: int, **fields) -> ReserveStatus:
    known = {
        "pool": "office", "target": 3, "ready": 2, "building": 1, "leased": 4, "cap": 9, "hits": 9,
        "misses": 1, "hit_rate": 0.9, "target_hit_rate": 0.95, "idle_instance_hours": 1.0,
        "lead_time_s": 90.0, "reason": "2 requests expected; bound by max",
    }  # fmt: skip
    return ReserveStatus(**known | {"time": time} | fields)


def action(time: int, verb: str, outcome: str, instance_id: str | None, reason: str):
    return ReserveAction(
        action_id=f"office-1/{verb}/{outcome}", pool="office", time=time, verb=verb,
        intent_id="office-1", instance_id=instance_id, outcome=outcome, reason=reason,
    )  # fmt: skip


ACTIONS = [
    action(1_000, "CREATE", "PLANNED", None, "2 requests expected"),
    action(2_000, "CREATE", "DONE", "i-1", "2 requests expected"),
    action(2_000, "CREATE", "DONE", "i-1", "2 requests expected"),
    action(9_000, "DELETE", "PLANNED", "i-1", "the cloud says ERROR"),
]
EVENTS = [
    AllocationEvent(
        event_id="r/ASSIGNED", request_id="r", kind="ASSIGNED", pool="office", instance_id="i-1",
        tier="active", wait_ms=0, time=5_000, reason="the oldest", user="ann", program="mail",
    ),
    AllocationEvent(
        event_id="x", kind="BUILT", pool="office", instance_id="i-2", time=6_000, reason="ready"
    ),
]  # fmt: skip


def test_an_instance_is_told_from_its_intent_to_its_end_by_either_id() -> None:
    told = look_up("i-1", [status(1)], ACTIONS, EVENTS)
    assert [line.split("  ", 1)[1] for line in story(told)] == [
        "create planned: 2 requests expected",
        "create done: 2 requests expected",
        "assigned to r of ann from active after 0.0 s: the oldest",
        "delete planned: the cloud says ERROR",
    ]
    assert story(look_up("office-1", [], ACTIONS, EVENTS)) == story(told)


def test_a_pool_is_told_with_its_reason_its_floor_its_forecast_and_its_flags() -> None:
    now = status(
        7_000, floor="anomaly in office/CPU", forecast=1.5, forecast_high=4.0, intents=0.7,
        demand_1h=12, forecast_1h=9.0, forecast_1h_high=20.0, flags=["too small"],
    )  # fmt: skip
    lines = story(look_up("office", [now, status(3)], ACTIONS, EVENTS))
    assert lines[-6:] == [
        "target 3: 2 requests expected; bound by max",
        "held at a reactive policy's size: anomaly in office/CPU",
        "forecast for a lead time: 1.5, at most 4",
        "expected of the people active now: 0.7",
        "last hour: 12 requests, forecast 9, at most 20",
        "wrong: too small",
    ]


def test_who_is_unknown_is_told_nothing_of() -> None:
    told = look_up("nobody", [status(1)], ACTIONS, EVENTS)
    assert (told.status, told.actions, told.events) == (None, [], [])
