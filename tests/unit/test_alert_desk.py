"""The desk of incidents: one budget and one memory for what all stages find unlikely."""

import json

import pytest

from schemas.records import AlertFeedback, AnomalyAlert, AnomalyObservation
from streams.pipeline.desk import AlertDesk
from streams.pipeline.outputs import output_id
from streams.pipeline.state_version import OtherVersionError

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def point(
    place: int, score: float = 0.9, time_ms: int = 0, subject: str = "user/ada",
    kind: str = "surprise", source: str = "profile",
) -> AnomalyObservation:  # fmt: skip
    return AnomalyObservation(
        observation_id=output_id(source, 0, place), subject=subject, kind=kind,
        time=time_ms or place * 60_000, score=score, observed=12.0, expected_low=0.0,
        expected_high=7.0, what="first matlab",
    )  # fmt: skip


def clock(hour: int, pool: str = "office") -> AnomalyObservation:
    return point(hour, 0.0, hour * HOUR_MS, pool, "clock", f"pool/{pool}")


def alerts(desk: AlertDesk, *points: AnomalyObservation) -> list[AnomalyAlert]:
    return [output.record for p in points for output in desk.observe(p)]


def opinion(alert: AnomalyAlert, verdict: str, time_ms: int) -> AlertFeedback:
    return AlertFeedback(
        incident_id=alert.incident_id, subject=alert.subject, verdict=verdict, time=time_ms, by="op"
    )


def changes(told: list[AnomalyAlert]) -> list[str]:
    return [json.loads(alert.evidence)["change"] for alert in told]


def test_a_repeat_of_a_point_tells_nothing_and_changes_nothing() -> None:
    desk = AlertDesk(1.0)
    assert changes(alerts(desk, point(7))) == ["opened"]
    before = desk.to_bytes()
    assert alerts(desk, point(7), point(6), point(1)) == []
    assert desk.to_bytes() == before


def test_redelivery_after_a_restart_tells_nothing_twice() -> None:
    points = [point(n, 0.4 + 0.01 * n, subject=f"user/{n % 3}") for n in range(60)]
    once = AlertDesk(5.0)
    expected = alerts(once, *points)
    crashed = AlertDesk(5.0)
    told = alerts(crashed, *points[:40])
    restarted = AlertDesk.from_bytes(crashed.to_bytes(), 5.0)
    told += alerts(restarted, *points[20:])
    assert expected
    assert told == expected
    assert restarted.to_bytes() == once.to_bytes()


def test_an_incident_is_closed_by_the_pool_that_is_farthest_behind() -> None:
    desk = AlertDesk(1.0)
    alerts(desk, clock(0), clock(0, "build"), point(1))
    assert alerts(desk, clock(5)) == []
    assert changes(alerts(desk, clock(5, "build"))) == ["closed"]


def test_all_kinds_share_one_budget() -> None:
    desk = AlertDesk(1.0)
    told: list[AnomalyAlert] = []
    for day in range(40):
        for k, kind in enumerate(("surprise", "drift", "demand", "crowd", "silence")):
            at_ms = day * DAY_MS + k * HOUR_MS
            told += alerts(desk, point(day * 10 + k, 0.9, at_ms, f"{kind}/x", kind, kind))
    days = [a.started_at // DAY_MS for a in told if json.loads(a.evidence)["change"] == "opened"]
    assert len(days) > 0
    assert max(sum(first <= d < first + 30 for d in days) for first in range(11)) <= 30


def test_what_was_no_anomaly_must_be_exceeded_to_be_told_again() -> None:
    desk = AlertDesk(100.0)
    (alert,) = alerts(desk, point(1, 0.8))
    assert desk.feedback(opinion(alert, "NOT_AN_ANOMALY", 60_000), offset=0)
    alerts(desk, clock(3))
    assert alerts(desk, point(300, 0.8)) == []
    assert changes(alerts(desk, point(301, 0.95))) == ["opened"]


def test_an_opinion_counts_once_however_often_its_message_comes() -> None:
    desk = AlertDesk(100.0)
    (alert,) = alerts(desk, point(1, 0.8))
    assert desk.feedback(opinion(alert, "NOT_AN_ANOMALY", 60_000), offset=4)
    before = desk.to_bytes()
    assert not desk.feedback(opinion(alert, "NOT_AN_ANOMALY", 60_000), offset=4)
    assert desk.to_bytes() == before
    again = AlertDesk.from_bytes(before, 100.0)
    assert not again.feedback(opinion(alert, "NOT_AN_ANOMALY", 60_000), offset=3)


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_point_that_makes_no_sense_never_enters_the_state(score: float) -> None:
    desk = AlertDesk(1.0)
    before = desk.to_bytes()
    with pytest.raises(ValueError, match="finite"):
        desk.observe(point(1, score))
    assert desk.to_bytes() == before


def test_a_point_without_a_place_is_refused() -> None:
    nameless = AnomalyObservation(
        observation_id="x", subject="s", kind="k", time=0, score=0.9, observed=0.0,
        expected_low=0.0, expected_high=0.0, what="",
    )  # fmt: skip
    with pytest.raises(ValueError, match="no stage"):
        AlertDesk(1.0).observe(nameless)


@pytest.mark.parametrize("data", [b"", b"\x93", b"\x95\xff\xc4\x00\x80\x80\x00"])
def test_bytes_that_are_no_desk_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="desk"):
        AlertDesk.from_bytes(data, 1.0)


def test_a_desk_of_another_release_is_no_hostile_one() -> None:
    with pytest.raises(OtherVersionError, match="desk of version 99, this release reads 1"):
        AlertDesk.from_bytes(b"\x95\x63\xc4\x00\x80\x80\x00", 1.0)
