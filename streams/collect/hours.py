"""Hours of event time that a replay has to see closed before it goes on.

What all users together did in hour H is known downstream, and used, from 5 minutes after its end.
A replay at full speed therefore waits at that moment of event time until the pipeline has got
there: then it gives what a live run and a backtest give.
"""

HOUR_MS = 3_600_000
# From here on an event has to see what was learnt in the hour before.
APPLIES_MS = 300_000


class OpenHours:
    """The hours with events that are not known to be closed.

    Examples
    --------
    >>> hours = OpenHours()
    >>> hours.note(1_000)
    >>> hours.close_before(HOUR_MS + 299_999) is None, hours.close_before(HOUR_MS + 300_000)
    (True, 0)
    """

    def __init__(self) -> None:
        self._open: list[int] = []

    def note(self, time_ms: int) -> None:
        """Note an event; times never fall."""
        hour = time_ms // HOUR_MS
        if not self._open or self._open[-1] != hour:
            self._open.append(hour)

    def close_before(self, time_ms: int) -> int | None:
        """Take the hours that an event at `time_ms` has to see closed; return the last of them."""
        closed = None
        while self._open and time_ms >= applies_from_ms(self._open[0]):
            closed = self._open.pop(0)
        return closed


def applies_from_ms(hour: int) -> int:
    """Return when what was learnt in an hour begins to apply."""
    return (hour + 1) * HOUR_MS + APPLIES_MS
