"""What has to be sent so that the calendar's topic says what a file says."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from schemas.records import CalendarEvent


class Change(NamedTuple):
    """Records to send, and how many events of the file last no time and are left out."""

    to_send: list[CalendarEvent]
    without_length: int


def changed_events(
    stated: Sequence[CalendarEvent], known: Sequence[CalendarEvent], from_ms: int
) -> Change:
    """Return what is new or changed, and cancellations of what a file no longer holds.

    Parameters
    ----------
    stated
        The occurrences that the file states.
    known
        The newest records on the topic.
    from_ms
        Occurrences before this are left as they are.

    Examples
    --------
    >>> old = CalendarEvent(event_id="a/1", kind="OTHER", title="t", start=10, end=20)
    >>> new = CalendarEvent(event_id="a/2", kind="OTHER", title="t", start=30, end=40)
    >>> [(e.event_id, e.cancelled) for e in changed_events([new], [old], 0).to_send]
    [('a/2', False), ('a/1', True)]
    >>> changed_events([new], [new], 0).to_send
    []
    """
    before = {event.event_id: event for event in known}
    usable = [event for event in stated if event.end > event.start or event.cancelled]
    sent = [e for e in usable if not _says_the_same(before.get(e.event_id), e)]
    ids = {event.event_id for event in usable}
    series = {_series(event) for event in stated}
    gone = [
        msgspec.structs.replace(event, cancelled=True)
        for event in known
        if not event.cancelled
        and _series(event) in series
        and event.event_id not in ids
        and event.start >= from_ms
    ]
    return Change(sent + gone, len(stated) - len(usable))


def _says_the_same(known: CalendarEvent | None, event: CalendarEvent) -> bool:
    if known is None:
        return event.cancelled
    return known == event or (known.cancelled and event.cancelled)


def _series(event: CalendarEvent) -> str:
    return event.event_id.rpartition("/")[0]
