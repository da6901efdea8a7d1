"""What is known ahead: calendar events as a pool's forecasts use them."""

from collections.abc import Iterable, Sequence

import msgspec

from schemas.records import CalendarEvent
from streams.models.demand import Event

# Of the events that are not over, a pool keeps this many, the earliest: 15 KB of its state.
MOST_ENTRIES = 256


class Entry(msgspec.Struct, array_like=True, frozen=True, order=True):
    """One event that may cover a pool's time.

    Parameters
    ----------
    start_ms, end_ms
        From start to before end.
    kind
        What its effect is learnt under.
    uplift
        Expected factor on demand.
    known_from_ms
        Forecasts made before do not know of it.
    """

    start_ms: int
    end_ms: int
    kind: str
    uplift: float = 1.0
    known_from_ms: int = -(2**62)


def entry_of(event: CalendarEvent) -> Entry:
    """Return an event as forecasts use it.

    Examples
    --------
    >>> entry_of(CalendarEvent(event_id="1", kind="LAUNCH", title="v2", start=0, end=60_000))
    ... # doctest: +ELLIPSIS
    Entry(start_ms=0, end_ms=60000, kind='v2', uplift=1.0, known_from_ms=-46...)
    """
    known_from = -(2**62) if event.known_from is None else event.known_from
    uplift = 1.0 if event.expected_uplift is None else max(event.expected_uplift, 0.0)
    return Entry(event.start, event.end, event.category or event.title, uplift, known_from)


def entries_for(events: Iterable[CalendarEvent], pool: str, from_ms: int) -> list[Entry]:
    """Return what concerns a pool and is not over at a time, in the order of their starts."""
    concerning = [
        entry_of(e)
        for e in events
        if not e.cancelled and e.pool in {None, pool} and e.end > max(from_ms, e.start)
    ]
    return sorted(concerning)[:MOST_ENTRIES]


def covering(
    entries: Sequence[Entry], start_ms: int, end_ms: int, now_ms: int
) -> tuple[Event, ...]:
    """Return the events that cover a step, each with its share of it.

    Parameters
    ----------
    entries
        In the order of their starts.
    start_ms, end_ms
        The step.
    now_ms
        When the forecast is made: later announcements are not known.

    Examples
    --------
    >>> covering([Entry(0, 1_800_000, "launch", 2.0)], 0, 3_600_000, 0)
    (Event(kind='launch', uplift=2.0, share=0.5),)
    """
    return tuple(
        Event(
            e.kind,
            e.uplift,
            (min(e.end_ms, end_ms) - max(e.start_ms, start_ms)) / (end_ms - start_ms),
        )
        for e in entries
        if e.start_ms < end_ms and start_ms < e.end_ms and e.known_from_ms <= now_ms
    )


def covering_steps(
    entries: Sequence[Entry], start_ms: int, step_ms: int, steps: int
) -> dict[int, tuple[Event, ...]]:
    """Return the events of the steps ahead that have any: 1 is the step that begins at `start_ms`.

    Examples
    --------
    >>> covering_steps([Entry(10, 20, "launch", 2.0)], 0, 10, 3)
    {2: (Event(kind='launch', uplift=2.0, share=1.0),)}
    """
    end_ms = start_ms + steps * step_ms
    near = [e for e in entries if e.start_ms < end_ms and start_ms < e.end_ms]
    if not near:
        return {}
    found = {
        k + 1: covering(near, start_ms + k * step_ms, start_ms + (k + 1) * step_ms, start_ms)
        for k in range(steps)
    }
    return {step: events for step, events in found.items() if events}


def edges(entries: Sequence[Entry], first: int, end: int, unit_ms: int) -> list[int]:
    """Return the units in (first, end) at which an event begins or ends, rising.

    Examples
    --------
    >>> edges([Entry(120_000, 240_000, "launch")], 0, 60, 60_000)
    [2, 4]
    """
    moments = {moment // unit_ms for e in entries for moment in (e.start_ms, e.end_ms)}
    return sorted(moment for moment in moments if first < moment < end)
