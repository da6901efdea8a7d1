"""`warmfront alerts`: incidents as they stand, as they come, and what people say of them."""

import getpass
import json
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer
from confluent_kafka import Producer
from rich.table import Table

from schemas.codec import Codec
from schemas.connection import kafka_config
from schemas.records import AlertFeedback, AnomalyAlert
from schemas.registry import RegistryIds, RegistryUnavailableError
from schemas.settings import Settings
from schemas.topics import ALERTS_ANOMALIES, ALERTS_FEEDBACK
from streams.cli.shown import NOT_FOUND, UNAVAILABLE, coming, fail, plain, records, when
from streams.runtime.alert_bodies import evidence_of
from streams.runtime.terminal import Terminal, harmless

BAD_INPUT = 2
FLUSH_TIMEOUT_S = 30.0
CLASSES = ("INFO", "WARNING", "CRITICAL")
VERDICTS = {"ack": "ACKNOWLEDGED", "reject": "NOT_AN_ANOMALY"}
Wanted = Callable[[AnomalyAlert], bool]


class Action(StrEnum):
    """What to do."""

    LIST = "list"
    ACK = "ack"
    REJECT = "reject"


def command(
    action: Annotated[Action, typer.Argument(help="List, or say what you think.")] = Action.LIST,
    alert: Annotated[
        str | None, typer.Argument(metavar="ID", help="Of the incident, or one of its alerts.")
    ] = None,
    *,
    most: Annotated[int, typer.Option(min=1, help="How many, the latest first.")] = 20,
    subject: Annotated[str | None, typer.Option(help="Only subjects with this in them.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind, such as surprise.")] = None,
    severity: Annotated[str, typer.Option(help="This bad or worse.")] = "INFO",
    still_open: Annotated[bool, typer.Option("--open", help="Only what goes on.")] = False,
    since_hours: Annotated[float | None, typer.Option(help="Begun since then.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what comes.")] = False,
    note: Annotated[str | None, typer.Option(help="With ack or reject: why.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show incidents; `ack ID` says that one is known, `reject ID` that it is no anomaly.

    Both are learned from: the like of it is told again only once it is as bad, or a quarter worse.
    """
    if severity.upper() not in CLASSES:
        fail(f"severity is one of {', '.join(CLASSES)}", BAD_INPUT)
    if action is not Action.LIST:
        _say(VERDICTS[action], alert, note, as_json=as_json)
        return
    wanted = _filter(subject, kind, severity.upper(), since_hours, still_open=still_open)
    latest = [a for a in _incidents() if wanted(a) and alert in {None, a.incident_id, a.alert_id}]
    _show(latest[:most], as_json=as_json)
    if follow:
        _follow(wanted, as_json=as_json)


def _filter(
    subject: str | None, kind: str | None, severity: str, since_hours: float | None, *,
    still_open: bool,
) -> Wanted:  # fmt: skip
    least = CLASSES.index(severity)
    since = None if since_hours is None else datetime.now(UTC) - timedelta(hours=since_hours)

    def wanted(alert: AnomalyAlert) -> bool:
        return (
            (subject is None or subject in alert.subject)
            and (kind is None or alert.kind == kind)
            and CLASSES.index(alert.severity) >= least
            and (since is None or alert.started_at >= since.timestamp() * 1000)
            and not (still_open and alert.ended_at is not None)
        )

    return wanted


def _incidents() -> list[AnomalyAlert]:
    """Return each incident as it was told last, the latest first."""
    incidents: dict[str, AnomalyAlert] = {}
    for alert in records(ALERTS_ANOMALIES, AnomalyAlert):
        incidents[alert.incident_id] = alert
    return sorted(incidents.values(), key=lambda a: a.started_at, reverse=True)


def _follow(wanted: Wanted, *, as_json: bool) -> None:
    seen: set[str] = set()
    for alert in coming(ALERTS_ANOMALIES, AnomalyAlert):
        if wanted(alert) and alert.alert_id not in seen:
            seen.add(alert.alert_id)
            if as_json:
                typer.echo(json.dumps(plain(alert)))
            else:
                typer.echo(harmless(" ".join(_cells(alert))))


def _show(alerts: Iterable[AnomalyAlert], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([plain(alert) for alert in alerts]))
        return
    table = Table("since (UTC)", "subject", "severity", "kind", "observed", "expected", "ended",
                  "what", "incident")  # fmt: skip
    for alert in alerts:
        table.add_row(*_cells(alert))
    Terminal().print(table)


def _cells(alert: AnomalyAlert) -> list[str]:
    return [
        when(alert.started_at), alert.subject, alert.severity, alert.kind,
        f"{alert.observed:.4g}", f"{alert.expected_low:.4g} to {alert.expected_high:.4g}",
        "" if alert.ended_at is None else when(alert.ended_at),
        _what(alert), alert.incident_id,
    ]  # fmt: skip


def _what(alert: AnomalyAlert) -> str:
    """Return what the evidence says in words; evidence that is none, as the text that it is."""
    try:
        return str(evidence_of(alert).get("what", ""))
    except (ValueError, RecursionError):
        return alert.evidence


def _say(verdict: str, name: str | None, note: str | None, *, as_json: bool) -> None:
    """Write an opinion on an incident to alerts.feedback."""
    if name is None:
        fail("which incident? `warmfront alerts` shows their ids", BAD_INPUT)
    found = next((a for a in _all_alerts() if name in {a.incident_id, a.alert_id}), None)
    if found is None:
        fail(f"no incident {name}", NOT_FOUND)
        return
    said = AlertFeedback(
        incident_id=found.incident_id, subject=found.subject, verdict=verdict,  # type: ignore[arg-type]
        time=time.time_ns() // 1_000_000, by=getpass.getuser(), note=note,
    )  # fmt: skip
    _send(said)
    typer.echo(json.dumps(plain(said)) if as_json else f"{verdict.lower()}: {found.incident_id}")


def _all_alerts() -> Iterable[AnomalyAlert]:
    return records(ALERTS_ANOMALIES, AnomalyAlert)


def _send(said: AlertFeedback) -> None:
    settings = Settings()
    codec = Codec(RegistryIds.of(settings), settings.topic_prefix)
    failures: list[str] = []
    producer = Producer(
        {
            **kafka_config(settings),
            "enable.idempotence": True,
            "log_level": 2,
        }
    )
    try:
        value = codec.encode(ALERTS_FEEDBACK, said)
    except RegistryUnavailableError as error:
        fail(str(error), UNAVAILABLE)
    producer.produce(
        settings.topic(ALERTS_FEEDBACK.name), value, said.subject.encode(),
        on_delivery=lambda error, _: failures.append(str(error)) if error else None,
    )  # fmt: skip
    if producer.flush(FLUSH_TIMEOUT_S) or failures:
        fail(failures[0] if failures else "Kafka does not answer", UNAVAILABLE)
