"""Reads announced events: CSV (start,end,kind[,uplift]) or iCalendar with recurring events."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from zoneinfo import ZoneInfo

from streams.backtest.demand_series import Series
from streams.models.demand import Event
from streams.pipeline.calendar import Entry, covering, entry_of
from streams.runtime.holidays_known import holidays_between
from streams.runtime.icalendar_file import Span, read_calendar
from streams.runtime.recordings import RecordingError, read_recording

AHEAD_S = 168 * 86400.0  # events beyond the end of the series that a forecast may still reach


class EventCalendar:
    """Looks up which events cover a step.

    Examples
    --------
    >>> calendar = EventCalendar([Entry(0, 7_200_000, "launch", 2.0)], 3600.0)
    >>> [len(calendar.covering(t)) for t in (0.0, 3600.0, 7200.0)]
    [1, 1, 0]
    """

    def __init__(self, entries: Sequence[Entry], step_s: float) -> None:
        self._entries = sorted(entries)
        self._starts = [e.start_ms for e in self._entries]
        # The first entry that is not over at a time can't be before the last end seen so far.
        self._ends = list(accumulate((e.end_ms for e in self._entries), max))
        self._step_ms = round(1000 * step_s)

    def covering(self, start_s: float) -> tuple[Event, ...]:
        """Events of the step that begins at a time, in the order of their starts."""
        start_ms = round(1000 * start_s)
        last = bisect_left(self._starts, start_ms + self._step_ms)
        first = bisect_left(self._ends, start_ms + 1)
        return covering(self._entries[first:last], start_ms, start_ms + self._step_ms, start_ms)


def read_events(
    path: Path | None, series: Series, country: str | None = None, zone: str = "UTC"
) -> EventCalendar:
    """Read the events that a series can meet; RecordingError says what is wrong with the file.

    Parameters
    ----------
    path
        The events; None for none.
    country
        Adds its public holidays: "DE", or "DE-BY" for a part of it.
    zone
        The zone of dates and of times that state none.
    """
    local = ZoneInfo(zone)
    end_s = series.start_s + len(series.values) * series.step_s + AHEAD_S
    span = Span(datetime.fromtimestamp(series.start_s, UTC), datetime.fromtimestamp(end_s, UTC))
    entries: list[Entry] = []
    if path is not None and path.suffix.lower() == ".ics":
        entries += [entry_of(e) for e in read_calendar(path, span, local) if not e.cancelled]
    elif path is not None:
        entries += _read_csv(path)
    if country:
        known = holidays_between(country, local, span.start, span.end)
        entries += [entry_of(event) for event in known]
    return EventCalendar([e for e in entries if e.end_ms > e.start_ms], series.step_s)


def _read_csv(path: Path) -> list[Entry]:
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
    return [Entry(round(1000 * s), round(1000 * e), kind, uplift) for s, e, kind, uplift in rows]
