"""Reads announced events: CSV (start,end,kind[,uplift]) or iCalendar with recurring events."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

import icalendar
import recurring_ical_events

from streams.backtest.demand_series import Series
from streams.models.demand import Event
from streams.runtime.recordings import RecordingError, read_recording

AHEAD_S = 168 * 86400.0  # events beyond the end of the series that a forecast may still reach


@dataclass(frozen=True, slots=True)
class Announced:
    """An event and the time it covers, from start to before end, unix seconds."""

    start_s: float
    end_s: float
    event: Event


class EventCalendar:
    """Looks up which events cover a moment.

    Examples
    --------
    >>> calendar = EventCalendar([Announced(0.0, 7200.0, Event("launch", 2.0))])
    >>> [len(calendar.covering(t)) for t in (0.0, 3600.0, 7200.0)]
    [1, 1, 0]
    """

    def __init__(self, announced: Sequence[Announced]) -> None:
        self._announced = sorted(announced, key=lambda a: (a.start_s, a.end_s, a.event.kind))
        self._starts = [a.start_s for a in self._announced]
        self._longest_s = max((a.end_s - a.start_s for a in self._announced), default=0.0)

    def covering(self, time_s: float) -> list[Event]:
        """Events at a moment, in the order of their starts."""
        last = bisect_right(self._starts, time_s)
        first = bisect_right(self._starts, time_s - self._longest_s - 1.0)
        return [a.event for a in self._announced[first:last] if time_s < a.end_s]


def read_events(path: Path, series: Series) -> EventCalendar:
    """Read the events that a series can meet; RecordingError says what is wrong with the file."""
    if path.suffix.lower() != ".ics":
        return EventCalendar(_read_csv(path))
    end_s = series.start_s + len(series.values) * series.step_s + AHEAD_S
    try:
        calendar = icalendar.Calendar.from_ical(path.read_bytes())
        found = recurring_ical_events.of(calendar).between(
            datetime.fromtimestamp(series.start_s, UTC), datetime.fromtimestamp(end_s, UTC)
        )
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path}: {error}") from error
    return EventCalendar([_announced(event) for event in found])


def _read_csv(path: Path) -> list[Announced]:
    recording = read_recording(path, "csv")
    uplifts = [1.0] * recording.rows
    if "uplift" in recording.columns:
        uplifts = [1.0 if math.isnan(u) else float(u) for u in recording.numbers("uplift")]
    if any(not 0.0 <= uplift < math.inf for uplift in uplifts):
        raise RecordingError(f"{path}: an uplift is a factor of at least 0")
    rows = zip(
        recording.times("start"), recording.times("end"), recording.column("kind"), uplifts,
        strict=True,
    )  # fmt: skip
    return [Announced(float(s), float(e), Event(kind, uplift)) for s, e, kind, uplift in rows]


def _announced(event: icalendar.Event) -> Announced:
    """The kind is the first category, else the summary; X-UPLIFT states the factor."""
    categories = event.get("CATEGORIES")
    listed = getattr(categories, "cats", None) or []
    kind = str(listed[0] if listed else event.get("SUMMARY", "event"))
    try:
        uplift = float(event.get("X-UPLIFT", 1.0))
    except ValueError as error:
        raise RecordingError(f"event {kind!r}: X-UPLIFT is no number") from error
    start = event["DTSTART"].dt
    end = event["DTEND"].dt if "DTEND" in event else start
    return Announced(_seconds(start), _seconds(end), Event(kind, uplift))


def _seconds(moment: date | datetime) -> float:
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time(), UTC)
    return moment.timestamp() if moment.tzinfo else moment.replace(tzinfo=UTC).timestamp()
