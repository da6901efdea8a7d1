"""Shadow runs: what was prepared ahead of a launch, and whether it paid."""

from collections import Counter
from typing import Any

import msgspec

from schemas.records import ShadowEvent
from streams.dashboard.newest import Newest
from streams.dashboard.paging import Query, page

KEPT = 2_000


class Shadows:
    """The newest events of shadow runs."""

    def __init__(self) -> None:
        self._events = Newest[str, ShadowEvent](KEPT)

    def take(self, record: ShadowEvent) -> None:
        """Keep an event; a repeat is the same event."""
        self._events.put(record.event_id, record)

    def forget(self, user: str) -> None:
        """Drop the runs for a user."""
        self._events.drop_where(lambda event: event.user == user)

    def shown(self, query: Query) -> dict[str, Any]:
        """Return a page of the events, newest first, and sums over all that match."""
        kept = [
            e
            for e in self._events.values()
            if query.matches(e.pool, e.user, e.program, e.kind, e.reason)
        ]
        kept.sort(key=lambda e: e.time)
        return page(reversed(kept), query, msgspec.to_builtins) | {
            "kinds": dict(Counter(e.kind for e in kept)),
            "saved_s": sum(e.saved_s or 0.0 for e in kept),
            "wasted_s": sum(e.wasted_s or 0.0 for e in kept),
            "course": _course(kept),
        }


def _course(events: list[ShadowEvent]) -> list[dict[str, float]]:
    """Return the running sums of seconds saved and wasted, where they change."""
    course = []
    saved = wasted = 0.0
    for event in events:
        if event.saved_s or event.wasted_s:
            saved += event.saved_s or 0.0
            wasted += event.wasted_s or 0.0
            course.append({"time": event.time, "saved_s": saved, "wasted_s": wasted})
    return course
