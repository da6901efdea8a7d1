"""Open batches: events of each user that wait to leave together, since cost is per message."""

from dataclasses import dataclass, field

from schemas.records import Activity


@dataclass(slots=True)
class _Open:
    since_s: float
    events: list[Activity] = field(default_factory=list)


class OpenBatches:
    """Events waiting per user, in the order in which the batches were opened.

    Parameters
    ----------
    max_events
        Size at which a batch is complete.
    max_age_s
        Age at which it is due.

    Examples
    --------
    >>> waiting = OpenBatches(max_events=2, max_age_s=1.0)
    >>> event = Activity(seq=0, time=0, kind="LAUNCH", program="vim")
    >>> waiting.add("ada", event, now_s=0.0) is None, len(waiting.add("ada", event, now_s=0.1))
    (True, 2)
    """

    def __init__(self, max_events: int, max_age_s: float) -> None:
        self._max_events = max_events
        self._max_age_s = max_age_s
        self._open: dict[str, _Open] = {}

    def add(self, user: str, event: Activity, now_s: float) -> list[Activity] | None:
        """Add an event; return the user's batch if that completes it."""
        batch = self._open.get(user)
        if batch is None:
            batch = self._open[user] = _Open(now_s)
        batch.events.append(event)
        if len(batch.events) < self._max_events:
            return None
        del self._open[user]
        return batch.events

    def due(self, now_s: float) -> list[tuple[str, list[Activity]]]:
        """Take the batches that have waited long enough, the oldest first."""
        due: list[tuple[str, list[Activity]]] = []
        for user, batch in self._open.items():
            if now_s - batch.since_s < self._max_age_s:
                break  # later ones were opened later
            due.append((user, batch.events))
        for user, _ in due:
            del self._open[user]
        return due

    def drain(self) -> list[tuple[str, list[Activity]]]:
        """Take all batches, the oldest first."""
        drained = [(user, batch.events) for user, batch in self._open.items()]
        self._open.clear()
        return drained
