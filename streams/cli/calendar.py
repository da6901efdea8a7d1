"""`warmfront calendar import FILE.ics` and `warmfront calendar list`: what is known ahead."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import typer
from rich.table import Table

from schemas.codec import Codec
from schemas.records import CalendarEvent
from schemas.registry import RegistryIds, RegistryUnavailableError
from schemas.settings import Settings
from schemas.topics import CALENDAR_EVENTS
from streams.cli.shown import UNAVAILABLE, fail, plain, records, when
from streams.collect.delivery import Delivery, DeliveryError
from streams.runtime.calendar_import import changed_events
from streams.runtime.icalendar_file import Span, first_start, read_calendar
from streams.runtime.recordings import RecordingError
from streams.runtime.terminal import Terminal

BAD_INPUT = 2
DAYS_AHEAD = 400
DELIVERY_TIMEOUT_S = 30.0


def import_command(
    file: Annotated[Path, typer.Argument(help="iCalendar file.")],
    *,
    pool: Annotated[
        str | None, typer.Option(help="Events concern this pool; default: all.")
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help="Zone of times without one; default: setting `zone`.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option("--from", help="Default: the file's first event.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Default: 400 days from now or from the first event.")
    ] = None,
    known_from: Annotated[
        datetime | None,
        typer.Option(help="Event time from which forecasts know of them; default: all along."),
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Show what would be sent; send nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Announce a calendar's events, recurring ones occurrence by occurrence."""
    settings = Settings()
    try:
        local = ZoneInfo(zone or settings.zone)
        span = _span(file, since, until, local)
        events = read_calendar(file, span, local)
    except (RecordingError, ZoneInfoNotFoundError) as error:
        fail(str(error), BAD_INPUT)
        return
    known_ms = None if known_from is None else _milliseconds(known_from)
    stated = [msgspec.structs.replace(e, pool=e.pool or pool, known_from=known_ms) for e in events]
    change = changed_events(stated, known_events(), _milliseconds(span.start))
    if not dry_run:
        _send(settings, change.to_send)
    _tell(file, change.to_send, len(events), change.without_length, as_json=as_json)


def list_command(
    *,
    every: Annotated[bool, typer.Option("--all", help="Also events that are over.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what is known ahead."""
    now_ms = _milliseconds(datetime.now(UTC))
    events = [e for e in known_events() if not e.cancelled and (every or e.end > now_ms)]
    if as_json:
        typer.echo(json.dumps([plain(event) for event in events]))
        return
    Terminal().print(_table(events, f"{len(events)} events"))


def known_events() -> list[CalendarEvent]:
    """Return the newest record of each event on the topic, in the order of their starts."""
    newest = {e.event_id: e for e in records(CALENDAR_EVENTS, CalendarEvent)}
    return sorted(newest.values(), key=lambda e: (e.start, e.end, e.event_id))


def _span(file: Path, since: datetime | None, until: datetime | None, zone: ZoneInfo) -> Span:
    first = since or first_start(file, zone)
    if first is None:
        raise RecordingError(f"{file}: no events in it")
    start = first if first.tzinfo else first.replace(tzinfo=zone)
    if until is None:
        end = max(datetime.now(UTC), start) + timedelta(days=DAYS_AHEAD)
    else:
        end = until if until.tzinfo else until.replace(tzinfo=zone)
    if end <= start:
        raise RecordingError("--until is not after --from")
    return Span(start, end)


def _milliseconds(moment: datetime) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def _send(settings: Settings, events: list[CalendarEvent]) -> None:
    try:
        ids = RegistryIds.of(settings)
        codec = Codec(ids, settings.topic_prefix)
        delivery = Delivery(settings, DELIVERY_TIMEOUT_S)
        for event in events:
            value = codec.encode(CALENDAR_EVENTS, event)
            delivery.produce(settings.topic(CALENDAR_EVENTS.name), event.event_id, value)
        delivery.flush(DELIVERY_TIMEOUT_S)
    except (RegistryUnavailableError, DeliveryError) as error:
        fail(str(error), UNAVAILABLE)


def _tell(
    file: Path, sent: list[CalendarEvent], read: int, without_length: int, *, as_json: bool
) -> None:
    cancelled = sum(event.cancelled for event in sent)
    counts = {
        "read": read, "sent": len(sent), "cancelled": cancelled, "unchanged": read - len(sent),
        "without_length": without_length,
    }  # fmt: skip
    if as_json:
        typer.echo(json.dumps({**counts, "events": [plain(event) for event in sent]}))
        return
    Terminal().print(_table(sent, f"{file.name}: {read} occurrences, {len(sent)} new or changed"))
    if without_length:
        typer.echo(f"{without_length} events have no length and change nothing: give them an end")


def _table(events: list[CalendarEvent], title: str) -> Table:
    table = Table("start (UTC)", "end", "kind", "title", "pool", "uplift", "capacity", title=title)
    for event in events:
        start, end = (when(at, "%a %Y-%m-%d %H:%M") for at in (event.start, event.end))
        uplift = "learnt" if event.expected_uplift is None else f"{event.expected_uplift:g}"
        kind = "CANCELLED" if event.cancelled else event.kind
        left = "all" if event.capacity_left is None else f"{event.capacity_left:.0%}"
        table.add_row(start, end, kind, event.title, event.pool or "all", uplift, left)
    return table
