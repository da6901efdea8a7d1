"""Incidents: one alert for each, within the budget, and people's opinions are learned."""

import json
import math

import pytest

from schemas.records import AlertFeedback
from streams.models.anomaly import Budget, Incidents, Observation

DAY_S = 86_400.0
PLENTY = Budget(per_day=1000.0)


def point(time_s, score, observed=90.0, kind="demand", p_value=None):
    return Observation(
        kind=kind, time_s=time_s, score=score, observed=observed,
        expected_low=10.0, expected_high=30.0, p_value=p_value, what="demand of gpu",
    )  # fmt: skip


def feedback(alert, verdict, time_s):
    return AlertFeedback(
        incident_id=alert.incident_id, subject=alert.subject, verdict=verdict,
        time=int(time_s * 1000), by="operator",
    )  # fmt: skip


def changes(alerts):
    return [json.loads(alert.evidence)["change"] for alert in alerts]


def test_a_score_below_the_threshold_opens_nothing():
    assert Incidents(PLENTY).observe("gpu", point(0.0, 0.49)) == []


def test_an_incident_is_one_alert_opened_and_closed():
    incidents = Incidents(PLENTY)
    alerts = [a for k in range(20) for a in incidents.observe("gpu", point(60.0 * k, 0.6))]
    alerts += incidents.tick(19 * 60.0 + 1800.0)
    assert changes(alerts) == ["opened", "closed"]
    assert len({a.incident_id for a in alerts}) == 1
    assert len({a.alert_id for a in alerts}) == 2
    assert (alerts[1].started_at, alerts[1].ended_at) == (0, 19 * 60_000)


def test_an_alert_carries_its_evidence():
    (alert,) = Incidents(PLENTY).observe("gpu", point(5.0, 0.6, p_value=0.002))
    assert (alert.observed, alert.expected_low, alert.expected_high) == (90.0, 10.0, 30.0)
    assert (alert.subject, alert.kind, alert.p_value) == ("gpu", "demand", 0.002)
    evidence = json.loads(alert.evidence)
    assert evidence["what"] == "demand of gpu"
    assert evidence["direction"] == "above"


def test_an_incident_is_updated_only_when_it_becomes_a_class_worse():
    incidents = Incidents(PLENTY)
    scores = (0.6, 0.65, 0.8, 0.7, 0.85, 0.97, 0.99)
    alerts = [a for k, s in enumerate(scores) for a in incidents.observe("gpu", point(60.0 * k, s))]
    assert changes(alerts) == ["opened", "updated", "updated"]
    assert [a.severity for a in alerts] == ["INFO", "WARNING", "CRITICAL"]


def test_kinds_of_one_subject_are_one_incident_and_subjects_are_apart():
    incidents = Incidents(PLENTY)
    first = incidents.observe("gpu", point(0.0, 0.6))
    assert incidents.observe("gpu", point(60.0, 0.6, kind="drift")) == []
    other = incidents.observe("cpu", point(60.0, 0.9))
    assert first[0].incident_id != other[0].incident_id
    (closed, _) = incidents.tick(DAY_S)
    assert json.loads(closed.evidence)["kinds"] == ["demand", "drift"]


def test_after_quiet_a_new_incident_is_opened():
    incidents = Incidents(PLENTY)
    incidents.observe("gpu", point(0.0, 0.6))
    alerts = incidents.observe("gpu", point(7200.0, 0.6))
    assert changes(alerts) == ["closed", "opened"]


@pytest.mark.parametrize("per_day", [0.5, 1.0, 3.0])
def test_a_month_stays_within_the_budget(per_day):
    # Every five minutes one of 20 subjects blips above the threshold: 8,640 candidates.
    incidents = Incidents(Budget(per_day))
    opened = 0
    for k in range(30 * 288):
        seen = point(300.0 * k, 0.5 + (k * 7919 % 450) / 1000)
        opened += changes(incidents.observe(f"s{k * 31 % 20}", seen)).count("opened")
    assert 10 * per_day < opened <= 30 * per_day


@pytest.mark.parametrize("per_day", [0.5, 1.0, 3.0])
def test_a_year_of_storms_stays_within_the_budget_in_each_month_and_each_day(per_day):
    # Every hour another subject has something so strong that no bar holds it back.
    incidents = Incidents(Budget(per_day))
    days = []
    for hour in range(365 * 24):
        alerts = incidents.observe(f"s{hour % 50}", point(3600.0 * hour, 1.0 - 2.0**-40))
        days += [hour // 24] * changes(alerts).count("opened")
    in_a_month = [sum(first <= day < first + 30 for day in days) for first in range(336)]
    assert max(in_a_month) <= 30 * per_day
    assert max(days.count(day) for day in set(days)) <= math.ceil(3 * per_day)
    assert len(days) > 365 * per_day / 3, "and some are told all the year"


def test_the_budget_goes_to_the_strongest():
    # A blip every hour at 0.55 and, each third day, one at 0.98: the strong ones are told.
    incidents = Incidents(Budget(per_day=1.0))
    strong = []
    for hour in range(30 * 24):
        is_strong = hour % 72 == 60
        alerts = incidents.observe(
            f"s{hour % 9}", point(3600.0 * hour, 0.98 if is_strong else 0.55)
        )
        if is_strong:
            strong += changes(alerts)
    assert strong.count("opened") == 10


def test_an_incident_withheld_for_want_of_budget_is_told_when_there_is_some():
    incidents = spent_for_today()
    told = [(k, a) for k in range(1, 120) for a in incidents.observe("gpu", point(900.0 * k, 0.9))]
    assert told[0][0] == 96  # the next day's first quarter of an hour
    assert told[0][1].started_at == 900_000


def test_an_incident_nobody_was_told_of_ends_unheard():
    incidents = spent_for_today()
    incidents.observe("gpu", point(60.0, 0.9))
    assert {a.subject for a in incidents.tick(DAY_S)} == {"s0", "s1", "s2"}


def spent_for_today():
    incidents = Incidents(Budget(per_day=1.0))
    opened = [a for k in range(3) for a in incidents.observe(f"s{k}", point(0.0, 0.95))]
    assert len(opened) == 3
    return incidents


@pytest.mark.parametrize(
    ("verdict", "as_strong_opens"), [("ACKNOWLEDGED", True), ("NOT_AN_ANOMALY", False)]
)
def test_an_opinion_raises_the_bar_for_the_like(verdict, as_strong_opens):
    incidents = Incidents(PLENTY)
    (alert,) = incidents.observe("gpu", point(0.0, 0.8))
    incidents.tick(DAY_S)
    incidents.feedback(feedback(alert, verdict, DAY_S))
    assert incidents.observe("gpu", point(DAY_S, 0.7)) == []
    assert bool(incidents.observe("gpu", point(DAY_S, 0.8))) is as_strong_opens


def test_an_opinion_holds_for_the_like_only_and_fades():
    incidents = Incidents(PLENTY)
    (alert,) = incidents.observe("gpu", point(0.0, 0.8))
    incidents.tick(DAY_S)
    incidents.feedback(feedback(alert, "NOT_AN_ANOMALY", DAY_S))
    assert incidents.observe("gpu", point(DAY_S, 0.8, observed=1.0))
    incidents.tick(2 * DAY_S)
    assert incidents.observe("gpu", point(2 * DAY_S, 0.8)) == []
    assert incidents.observe("gpu", point(90 * DAY_S, 0.8))


def test_an_opinion_on_an_unknown_incident_changes_nothing():
    incidents = Incidents(PLENTY)
    incidents.observe("gpu", point(0.0, 0.8))
    before = incidents.to_bytes()
    stranger = AlertFeedback(
        incident_id="gpu@1", subject="gpu", verdict="NOT_AN_ANOMALY", time=1, by="x"
    )
    incidents.feedback(stranger)
    assert incidents.to_bytes() == before


def test_saved_and_restored_incidents_go_on_alike():
    one = Incidents(Budget(per_day=5.0))
    for k in range(40):
        one.observe(f"s{k % 3}", point(3000.0 * k, 0.4 + (k % 6) / 10))
    other = Incidents.from_bytes(one.to_bytes(), per_day=5.0)
    for k in range(40, 90):
        seen = point(3000.0 * k, 0.4 + (k % 6) / 10)
        assert one.observe(f"s{k % 3}", seen) == other.observe(f"s{k % 3}", seen)
    assert one.to_bytes() == other.to_bytes()


@pytest.mark.parametrize("blob", [b"", b"\x00", b"\x95\x02", b"garbage" * 9])
def test_bytes_that_are_no_incidents_are_refused(blob):
    with pytest.raises(ValueError, match="incidents"):
        Incidents.from_bytes(blob)


def test_a_budget_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no budget"):
        Budget(per_day=0.0)
