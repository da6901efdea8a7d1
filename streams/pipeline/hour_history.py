"""The hourly history that forecasters are folded from, saved in chunks of a week."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from streams.models.demand import Event

CHUNK_HOURS = 168


class Hour(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """One closed hour.

    Parameters
    ----------
    values
        One for each resource.
    events
        The events that covered it, as the forecasters learnt it: kind, uplift and share.
    """

    values: list[float]
    events: list[tuple[str, float, float]] = msgspec.field(default_factory=list)


class HourHistory:
    """Hours in order; `append` gives the chunk to save, so that a week is one small write an hour.

    Examples
    --------
    >>> history = HourHistory()
    >>> saved = dict([history.append([1.0], ()), history.append([2.0], ())])
    >>> [hour.values for hour in HourHistory.saved(2, saved.get)]
    [[1.0], [2.0]]
    """

    def __init__(self) -> None:
        self.hours = 0
        self._chunk: list[Hour] = []

    def append(self, values: Sequence[float], events: Sequence[Event]) -> tuple[int, bytes]:
        """Add an hour; return the number and the bytes of the chunk that it is in."""
        self.take(Hour(list(values), [(e.kind, e.uplift, e.share) for e in events]))
        return (self.hours - 1) // CHUNK_HOURS, msgspec.msgpack.encode(self._chunk)

    def take(self, hour: Hour) -> None:
        """Go on from an hour that was saved."""
        if self.hours % CHUNK_HOURS == 0:
            self._chunk = []
        self._chunk.append(hour)
        self.hours += 1

    @staticmethod
    def saved(hours: int, chunk: Callable[[int], bytes | None]) -> Iterator[Hour]:
        """Give the saved hours, in order.

        Raises
        ------
        ValueError
            If a chunk that is counted on is missing, short or no history.
        """
        for number in range(-(-hours // CHUNK_HOURS)):
            wanted = min(CHUNK_HOURS, hours - number * CHUNK_HOURS)
            try:
                found = msgspec.msgpack.decode(chunk(number) or b"\x90", type=list[Hour])
            except msgspec.DecodeError as error:
                raise ValueError(f"chunk {number} of the history: {error}") from error
            if len(found) < wanted:
                raise ValueError(f"chunk {number} of the history has {len(found)} hours")
            yield from found[:wanted]


def events_of(hour: Hour) -> tuple[Event, ...]:
    """Return the events of an hour as forecasters take them."""
    return tuple(Event(kind, uplift, share) for kind, uplift, share in hour.events)
