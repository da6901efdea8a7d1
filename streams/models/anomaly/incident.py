"""One subject's incidents: opened by a strong observation, kept by the like, closed by quiet.

Pure: every function takes a state and returns the next one and the alerts to emit. An incident is
one alert, opened and later closed; in between it is updated only when it becomes a class worse.
"""

import json
from typing import Literal

import msgspec

from schemas.records import AnomalyAlert
from streams.models.anomaly.budget import Budget
from streams.models.anomaly.observation import Observation

Severity = Literal["INFO", "WARNING", "CRITICAL"]

QUIET_S = 1800.0
# An incident lasts while its observations stay at this share of the shipped threshold's strength.
LASTS_FROM = 0.5
WARNING_FROM, CRITICAL_FROM = 2.0, 4.0
MOST_BARS = 16
HALF_LIFE_S = 30 * 86_400.0  # an opinion is forgotten by half in a month
REJECTED, ACKNOWLEDGED = 1.25, 1.0  # how far the like must exceed what was judged


class Incident(msgspec.Struct, frozen=True, array_like=True):
    """What is open: since when, its strongest observation, and whether it was told."""

    started_s: float
    last_s: float
    peak: Observation
    points: int
    severity: Severity | None  # as told last; None while withheld by the budget
    kinds: tuple[str, ...]


class Bar(msgspec.Struct, frozen=True, array_like=True):
    """Strength the like of a judged incident must reach; set at a time, fading from then."""

    like: str
    strength: float
    set_s: float

    def at(self, time_s: float) -> float:
        """Return the strength needed at a time."""
        age_s = max(time_s - self.set_s, 0.0)
        return self.strength * float(0.5 ** (age_s / HALF_LIFE_S))


class Subject(msgspec.Struct, frozen=True, array_like=True):
    """All that is known of one subject's incidents."""

    current: Incident | None = None
    last: Incident | None = None  # the last told, so that an opinion on it finds what it was
    bars: tuple[Bar, ...] = ()


Step = tuple[Subject, Budget, list[AnomalyAlert]]


def severity_of(strength: float) -> Severity:
    """Class of a strength: scores of 0.5, 0.75 and 0.94 begin a class each."""
    if strength >= CRITICAL_FROM:
        return "CRITICAL"
    return "WARNING" if strength >= WARNING_FROM else "INFO"


def observe(name: str, subject: Subject, budget: Budget, seen: Observation) -> Step:
    """Take an observation of a subject: close what went quiet, then open, extend or update."""
    subject, alerts = expire(name, subject, seen.time_s)
    if subject.current is None:
        if seen.strength < bar_for(subject, seen):
            return subject, budget, alerts
        incident = Incident(seen.time_s, seen.time_s, seen, 0, None, ())
        subject = msgspec.structs.replace(subject, current=incident)
    subject = _extended(subject, seen)
    subject, budget, told = _tell(name, subject, budget, seen)
    return subject, budget, alerts + told


def expire(name: str, subject: Subject, time_s: float) -> tuple[Subject, list[AnomalyAlert]]:
    """Close an incident that has been quiet for half an hour; one never told ends unheard."""
    current = subject.current
    if current is None or time_s - current.last_s < QUIET_S:
        return subject, []
    if current.severity is None:
        return msgspec.structs.replace(subject, current=None), []
    closed = msgspec.structs.replace(subject, current=None, last=current)
    return closed, [_alert(name, current, "closed")]


def bar_for(subject: Subject, seen: Observation) -> float:
    """Strength that an observation needs to open an incident."""
    bars = [bar.at(seen.time_s) for bar in subject.bars if bar.like == seen.like]
    return max([1.0, *bars])


def judged(subject: Subject, incident_start_s: float, verdict: str, time_s: float) -> Subject:
    """Learn an opinion on an incident: the like must from now on be stronger.

    An acknowledged incident is true but known: the like counts again once it is as strong.
    Something that was no anomaly must be exceeded by a quarter. Both fade by half in a month.
    """
    for incident in (subject.current, subject.last):
        if incident is not None and incident.started_s == incident_start_s:
            factor = REJECTED if verdict == "NOT_AN_ANOMALY" else ACKNOWLEDGED
            bar = Bar(incident.peak.like, factor * incident.peak.strength, time_s)
            others = [b for b in subject.bars if b.like != bar.like]
            return msgspec.structs.replace(subject, bars=(*others, bar)[-MOST_BARS:])
    return subject


def _extended(subject: Subject, seen: Observation) -> Subject:
    current = subject.current
    if current is None or seen.strength < LASTS_FROM:
        return subject
    kinds = current.kinds if seen.kind in current.kinds else (*current.kinds, seen.kind)
    longer = msgspec.structs.replace(
        current,
        last_s=max(current.last_s, seen.time_s),
        peak=seen if seen.strength > current.peak.strength else current.peak,
        points=current.points + 1,
        kinds=kinds,
    )
    return msgspec.structs.replace(subject, current=longer)


def _tell(name: str, subject: Subject, budget: Budget, seen: Observation) -> Step:
    current = subject.current
    if current is None:
        return subject, budget, []
    severity = severity_of(current.peak.strength)
    if current.severity is None:
        # Withheld for want of budget, it is told later if it is still as strong then.
        if not budget.admits(seen.strength, seen.time_s):
            return subject, budget, []
        budget, change = budget.spend(seen.time_s), "opened"
    elif severity == current.severity:
        return subject, budget, []
    else:
        change = f"updated-{severity}"
    told = msgspec.structs.replace(current, severity=severity)
    alert = _alert(name, told, change)
    return msgspec.structs.replace(subject, current=told), budget, [alert]


def incident_id(name: str, started_s: float) -> str:
    """Identity of an incident: its subject and when it started, the same in every replay."""
    return f"{name}@{round(started_s * 1000)}"


def _alert(name: str, incident: Incident, change: str) -> AnomalyAlert:
    peak = incident.peak
    identity = incident_id(name, incident.started_s)
    evidence = {
        "change": change.partition("-")[0],
        "what": peak.what,
        "direction": peak.direction,
        "kinds": incident.kinds,
        "points": incident.points,
        "peak_score": round(peak.score, 6),
        "peak_at_ms": round(peak.time_s * 1000),
    }
    return AnomalyAlert(
        alert_id=f"{identity}/{change}",
        incident_id=identity,
        subject=name,
        kind=peak.kind,
        severity=incident.severity or "INFO",
        started_at=round(incident.started_s * 1000),
        ended_at=round(incident.last_s * 1000) if change == "closed" else None,
        observed=peak.observed,
        expected_low=peak.expected_low,
        expected_high=peak.expected_high,
        p_value=peak.p_value,
        evidence=json.dumps(evidence),
    )
