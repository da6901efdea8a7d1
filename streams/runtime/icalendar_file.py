"""Reads iCalendar files: every occurrence of recurring events, in UTC."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

from schemas.records import CalendarEvent
from streams.runtime.recordings import RecordingError

MOST_OCCURRENCES = 20_000
# Words in the categories or the title that tell what an event is.
_KINDS = (
    ("MAINTENANCE", ("maintenance", "wartung", "downtime", "outage")),
    ("HOLIDAY", ("holiday", "feiertag", "vacation")),
    ("LAUNCH", ("launch", "release", "go-live", "rollout")),
)


@dataclass(frozen=True, slots=True)
class Span:
    """The time to look at: occurrences that overlap it are read."""

    start: datetime
    end: datetime


def read_calendar(path: Path, span: Span, zone: ZoneInfo) -> list[CalendarEvent]:
    """Return the occurrences in a file, in the order of their starts.

    Parameters
    ----------
    path
        The .ics file. `X-UPLIFT` states an expected factor on demand (0: maintenance that takes
        all demand away), `X-CAPACITY` the share of capacity that is left, `X-POOL` one pool.
    span
        Where recurring events end.
    zone
        The zone of dates and times that state none.

    Raises
    ------
    RecordingError
        If the file is no calendar, or states what can't be used.
    """
    calendar = _parsed(path)
    for component in calendar.walk("VEVENT"):
        _check_rule(component)
    try:
        found = recurring_ical_events.of(calendar).between(span.start, span.end)
    except ValueError as error:
        raise RecordingError(f"{path}: {error}") from error
    if len(found) > MOST_OCCURRENCES:
        raise RecordingError(
            f"{path}: {len(found)} occurrences, at most {MOST_OCCURRENCES}; narrow --from, --until"
        )
    events = [_event(component, zone) for component in found]
    return sorted(events, key=lambda e: (e.start, e.end, e.event_id))


def first_start(path: Path, zone: ZoneInfo) -> datetime | None:
    """Return when the first event of a file begins, or None where there is none."""
    events = _parsed(path).walk("VEVENT")
    return min((_moment(e["DTSTART"].dt, zone) for e in events if "DTSTART" in e), default=None)


def _parsed(path: Path) -> Any:
    try:
        return icalendar.Calendar.from_ical(path.read_bytes())
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path}: {error}") from error


def _check_rule(component: Any) -> None:
    """Refuse what recurs by the minute: a year of it takes minutes to lay out."""
    rules = component.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        if rule.get("FREQ", [""])[0].upper() in {"MINUTELY", "SECONDLY"}:
            raise RecordingError(f"event {component.get('SUMMARY')}: recurs more than hourly")


def _event(component: Any, zone: ZoneInfo) -> CalendarEvent:
    title = str(component.get("SUMMARY", "event"))
    category = next(_categories(component), None)
    begins = component["DTSTART"].dt
    start = _moment(begins, zone)
    # What recurs is known by the moment it would have had, so that one that moves keeps its name.
    original = component.get("RECURRENCE-ID")
    named = start if original is None else _moment(original.dt, zone)
    return CalendarEvent(
        event_id=f"{component.get('UID', title)}/{named:%Y%m%dT%H%M%S%z}",
        kind=_kind(category, title),  # type: ignore[arg-type]
        title=title,
        start=_milliseconds(start),
        end=_milliseconds(_end(component, begins, zone)),
        pool=str(component["X-POOL"]) if "X-POOL" in component else None,
        expected_uplift=_uplift(component, title),
        cancelled=str(component.get("STATUS", "")).upper() == "CANCELLED",
        category=category,
        capacity_left=_capacity_left(component, title),
    )


def _end(component: Any, begins: date, zone: ZoneInfo) -> datetime:
    if "DTEND" in component:
        return _moment(component["DTEND"].dt, zone)
    if isinstance(begins, datetime):
        return _moment(begins, zone)
    return _moment(begins + timedelta(days=1), zone)


def _categories(component: Any) -> Iterator[str]:
    stated = component.get("CATEGORIES")
    for part in stated if isinstance(stated, list) else [stated]:
        yield from (str(category) for category in getattr(part, "cats", None) or [])


def _kind(category: str | None, title: str) -> str:
    """Tell an event's kind from its words.

    Examples
    --------
    >>> _kind("Release", "v2"), _kind(None, "Network maintenance"), _kind(None, "Party")
    ('LAUNCH', 'MAINTENANCE', 'OTHER')
    """
    for text in (category or "", title):
        for kind, words in _KINDS:
            if any(word in text.lower() for word in words):
                return kind
    return "OTHER"


def _uplift(component: Any, title: str) -> float | None:
    stated = component.get("X-UPLIFT")
    if stated is None:
        return None
    try:
        uplift = float(stated)
    except ValueError as error:
        raise RecordingError(f"event {title!r}: X-UPLIFT {stated} is no number") from error
    if not 0.0 <= uplift < math.inf:
        raise RecordingError(f"event {title!r}: X-UPLIFT {stated} is no factor of at least 0")
    return uplift


def _capacity_left(component: Any, title: str) -> float | None:
    stated = component.get("X-CAPACITY")
    if stated is None:
        return None
    text = str(stated).strip()
    try:
        left = float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
    except ValueError as error:
        raise RecordingError(f"event {title!r}: X-CAPACITY {stated} is no number") from error
    if not 0.0 <= left <= 1.0:
        raise RecordingError(f"event {title!r}: X-CAPACITY {stated} is no share from 0 to 1")
    return left


def _moment(moment: date | datetime, zone: ZoneInfo) -> datetime:
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
