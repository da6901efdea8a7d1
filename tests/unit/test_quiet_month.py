"""A quiet month through the detectors and the desk: the alert budget holds, and is not why."""

import json
import math
import random
from collections.abc import Iterator
from statistics import NormalDist

import pytest

from schemas.records import AnomalyAlert
from streams.models.anomaly import Observation, ResidualDetector, SeriesDetector, Surprise
from streams.pipeline.desk import AlertDesk
from streams.pipeline.judged import judged
from streams.pipeline.outputs import output_id

DAYS, HOUR_S, DAY_S = 30, 3600.0, 86_400.0
START_S = 1_764_000_000.0 // DAY_S * DAY_S
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
POOLS = tuple(f"pool{k}" for k in range(6))
USERS = tuple(f"user{k}" for k in range(30))
METRICS = ("cpu", "network")
# Shares of what a person launches: habits, and once in a while something rare.
HABITS = (0.4, 0.3, 0.2, 0.09, 0.009, 0.001)
# Days before the month, from which the detectors learn what is usual.
LEARNED_DAYS = 10

Seen = tuple[str, Observation]


def busy(time_s: float) -> float:
    """Share of the day's peak, as offices have it."""
    return 0.2 + 0.8 * max(0.0, math.sin(2.0 * math.pi * (time_s % DAY_S) / DAY_S - 1.3))


def demand(chance: random.Random, days: int) -> Iterator[Seen]:
    """Hours of each pool against a forecast that is right: normal, of the variance of a count."""
    detectors = {pool: ResidualDetector() for pool in POOLS}
    for hour in range(24 * days):
        time_s = START_S + hour * HOUR_S
        for pool, detector in detectors.items():
            law = NormalDist(100.0 * busy(time_s), math.sqrt(100.0 * busy(time_s)))
            value = chance.gauss(law.mean, law.stdev)
            quantiles = [law.inv_cdf(level) for level in LEVELS]
            score = detector.score(value, LEVELS, quantiles)
            yield f"{pool}/INSTANCES", told("demand", time_s, score, value)


def launches(chance: random.Random, days: int) -> Iterator[Seen]:
    """Forty launches a working day of each person, of probabilities that are right."""
    detectors = {user: Surprise() for user in USERS}
    for day in range(days):
        for k in range(40):
            time_s = START_S + day * DAY_S + 8 * HOUR_S + k * 900.0
            for user, detector in detectors.items():
                (p,) = chance.choices(HABITS, HABITS)
                yield f"user/{user}", told("surprise", time_s, detector.score(p), -math.log2(p))


def metrics(chance: random.Random, days: int) -> Iterator[Seen]:
    """Five-minute points with the day's rhythm and noise."""
    detectors = {name: SeriesDetector(512) for name in METRICS}
    for k in range(288 * days):
        time_s = START_S + 300.0 * k
        for name, detector in detectors.items():
            value = 50.0 * busy(time_s) + chance.gauss(0.0, 1.0)
            yield f"host/{name}", told("series", time_s, detector.score(value, time_s), value)


def told(kind: str, time_s: float, score: float, value: float) -> Observation:
    return Observation(
        kind=kind, time_s=time_s, score=score, observed=value, expected_low=0.0, expected_high=100.0
    )


@pytest.fixture(scope="module")
def quiet() -> list[Seen]:
    """What the detectors say of forty days in which nothing happens: the last thirty of them."""
    chance, days = random.Random(1), LEARNED_DAYS + DAYS
    seen = [*demand(chance, days), *launches(chance, days), *metrics(chance, days)]
    counted = START_S + LEARNED_DAYS * DAY_S
    return sorted((s for s in seen if s[1].time_s >= counted), key=lambda s: s[1].time_s)


def opened(seen: list[Seen], per_day: float) -> list[AnomalyAlert]:
    desk, alerts = AlertDesk(per_day), []
    for place, (subject, point) in enumerate(seen):
        for output in judged(output_id(subject, 0, place), subject, point):
            alerts += [told.record for told in desk.observe(output.record)]
    return [alert for alert in alerts if json.loads(alert.evidence)["change"] == "opened"]


def test_a_quiet_month_stays_within_one_alert_a_day(quiet) -> None:
    alerts = opened(quiet, per_day=1.0)
    days = [alert.started_at // 86_400_000 for alert in alerts]
    assert len(alerts) <= DAYS
    assert max(days.count(day) for day in days) <= 3
    assert len(opened(quiet, per_day=1000.0)) > DAYS, "the budget had something to hold back"


def test_what_happens_in_a_quiet_month_is_told_in_spite_of_the_budget(quiet) -> None:
    at_s = START_S + (LEARNED_DAYS + 20) * DAY_S + 10 * HOUR_S
    outage = [("pool2/INSTANCES", told("demand", at_s + k, 0.9999, 0.0)) for k in range(3)]
    seen = sorted([*quiet, *outage], key=lambda s: s[1].time_s)
    alerts = opened(seen, per_day=1.0)
    assert len(alerts) <= DAYS
    found = [(alert.subject, alert.started_at) for alert in alerts]
    assert ("pool2/INSTANCES", round(1000 * at_s)) in found
