"""Sessions: runs of activity without a gap of more than half an hour."""

from dataclasses import dataclass

# Gap that ends a session, the 30 min of web analytics (Catledge and Pitkow 1995 found 25.5 min).
SESSION_GAP_S = 1800.0


@dataclass(frozen=True, slots=True)
class ClosedSession:
    """A session that is over: times in unix seconds, and the launches in it."""

    start_s: float
    end_s: float
    launches: int

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s


class Sessions:
    """The user's open session.

    A session's end is known only once the next event comes more than half an hour later; that
    event returns it.

    Examples
    --------
    >>> sessions = Sessions()
    >>> [sessions.observe(t, launch=True) for t in (0.0, 600.0)]
    [None, None]
    >>> sessions.observe(10_000.0, launch=True)
    ClosedSession(start_s=0.0, end_s=600.0, launches=2)
    """

    __slots__ = ("last_s", "launches", "start_s")

    def __init__(self) -> None:
        self.start_s: float | None = None
        self.last_s: float | None = None
        self.launches = 0

    def observe(self, time_s: float, *, launch: bool) -> ClosedSession | None:
        """Take in an event; a late one counts, and moves no border."""
        last = self.last_s
        if last is None or time_s - last > SESSION_GAP_S:
            return self._start(time_s, launch)
        if time_s > last:
            self.last_s = time_s
        if launch:
            self.launches += 1
        return None

    def _start(self, time_s: float, launch: bool) -> ClosedSession | None:
        closed = None
        if self.start_s is not None and self.last_s is not None:
            closed = ClosedSession(self.start_s, self.last_s, self.launches)
        self.start_s = self.last_s = time_s
        self.launches = int(launch)
        return closed

    def is_open(self, now_s: float) -> bool:
        """Whether the last session may still go on at a moment."""
        return self.last_s is not None and now_s - self.last_s <= SESSION_GAP_S
