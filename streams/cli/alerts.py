"""`warmfront alerts`: the latest incidents."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from schemas.records import AnomalyAlert
from schemas.topics import ALERTS_ANOMALIES
from streams.cli.shown import plain, records


def command(
    *,
    most: Annotated[int, typer.Option(help="How many, the latest first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show incidents as they stand: one line each, with what was expected."""
    incidents: dict[str, AnomalyAlert] = {}
    for alert in records(ALERTS_ANOMALIES, AnomalyAlert):
        incidents[alert.incident_id] = alert
    latest = sorted(incidents.values(), key=lambda a: a.started_at, reverse=True)[:most]
    if as_json:
        typer.echo(json.dumps([plain(alert) for alert in latest]))
        return
    table = Table("since (UTC)", "subject", "severity", "observed", "expected", "ended", "evidence")
    for alert in latest:
        expected = f"{alert.expected_low:.4g} to {alert.expected_high:.4g}"
        ended = "" if alert.ended_at is None else _when(alert.ended_at)
        table.add_row(
            _when(alert.started_at), alert.subject, alert.severity, f"{alert.observed:.4g}",
            expected, ended, alert.evidence,
        )  # fmt: skip
    Console().print(table)


def _when(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
