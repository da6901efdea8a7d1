"""What an alert looks like to others: a plain webhook, and Alertmanager's API version 2."""

import json
from datetime import UTC, datetime
from typing import Any

from schemas.records import AnomalyAlert


def evidence_of(alert: AnomalyAlert) -> dict[str, Any]:
    """Return an alert's evidence. Whoever may write to the topic may write anything there.

    Raises
    ------
    ValueError
        If it is no JSON object.
    RecursionError
        If it is nested deeper than can be read.
    """
    evidence = json.loads(alert.evidence)
    if not isinstance(evidence, dict):
        raise ValueError("evidence that is no object")  # noqa: TRY004 - a message's fault, not ours
    return evidence


def webhook_body(alert: AnomalyAlert) -> dict[str, Any]:
    """Return an alert as a flat JSON object, its times in ISO 8601.

    Examples
    --------
    >>> alert = AnomalyAlert(
    ...     alert_id="a/opened", incident_id="a", subject="office/CPU", kind="demand",
    ...     severity="WARNING", started_at=0, observed=9.0, expected_low=1.0, expected_high=4.0,
    ...     evidence='{"what": "9 cores"}',
    ... )
    >>> body = webhook_body(alert)
    >>> body["started_at"], body["status"], body["evidence"]["what"]
    ('1970-01-01T00:00:00+00:00', 'firing', '9 cores')
    """
    return {
        "alert_id": alert.alert_id, "incident_id": alert.incident_id, "subject": alert.subject,
        "kind": alert.kind, "severity": alert.severity, "status": _status(alert),
        "started_at": _iso(alert.started_at),
        "ended_at": None if alert.ended_at is None else _iso(alert.ended_at),
        "observed": alert.observed, "expected_low": alert.expected_low,
        "expected_high": alert.expected_high, "p_value": alert.p_value,
        "evidence": evidence_of(alert),
    }  # fmt: skip


def alertmanager_body(alert: AnomalyAlert) -> list[dict[str, Any]]:
    """Return an alert as POST /api/v2/alerts takes it.

    The labels name the incident and stay the same over its life, so that Alertmanager knows the
    end as that of the beginning; the severity changes and is an annotation besides.

    Examples
    --------
    >>> alert = AnomalyAlert(
    ...     alert_id="a/closed", incident_id="a", subject="office/CPU", kind="demand",
    ...     severity="WARNING", started_at=0, ended_at=60_000, observed=9.0, expected_low=1.0,
    ...     expected_high=4.0, evidence='{"what": "9 cores"}',
    ... )
    >>> (body,) = alertmanager_body(alert)
    >>> body["labels"]["incident"], body["endsAt"]
    ('a', '1970-01-01T00:01:00+00:00')
    """
    evidence = evidence_of(alert)
    body = {
        "labels": {
            "alertname": "WarmfrontAnomaly", "incident": alert.incident_id,
            "subject": alert.subject, "kind": alert.kind,
        },
        "annotations": {
            "summary": str(evidence.get("what", alert.kind)),
            "severity": alert.severity.lower(),
            "description": f"observed {alert.observed:.4g}, "
            f"expected {alert.expected_low:.4g} to {alert.expected_high:.4g}",
            "evidence": alert.evidence,
            "alert_id": alert.alert_id,
        },
        "startsAt": _iso(alert.started_at),
    }  # fmt: skip
    if alert.ended_at is not None:
        # Alertmanager refuses an end before the start.
        body["endsAt"] = _iso(max(alert.ended_at, alert.started_at + 1))
    return [body]


def _status(alert: AnomalyAlert) -> str:
    return "firing" if alert.ended_at is None else "resolved"


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat()
