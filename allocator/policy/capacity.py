"""How much of a pool's capacity announced maintenance leaves, now and one launch time ahead."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.records import CalendarEvent


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which part of a pool's capacity is away.

    Parameters
    ----------
    start_ms, end_ms
        From start to before end.
    left
        Share of the pool's cap that can run meanwhile, 0 to 1.
    title
        Its name.
    pool
        The pool it concerns; None for every pool.
    known_from_ms
        Nothing is done about it before this time.
    """

    start_ms: int
    end_ms: int
    left: float
    title: str
    pool: str | None = None
    known_from_ms: int = -(2**62)


@dataclass(frozen=True, slots=True)
class Capacity:
    """Instances of any state that a pool may have.

    Parameters
    ----------
    now, soon
        What can run at this moment, and when what is launched now is ready.
    why
        Which maintenance leaves no more, in words.
    """

    now: int
    soon: int
    why: str

    def most(self, held: int) -> int:
        """How many to have, with so many held.

        Before a window begins nothing is launched that would be ready in it, but what is held
        stays until then; what shall be there when it ends is launched one launch time before.

        Examples
        --------
        >>> Capacity(now=10, soon=4, why="").most(7), Capacity(now=4, soon=10, why="").most(4)
        (7, 10)
        """
        return self.soon if self.soon >= self.now else max(self.soon, min(held, self.now))


def window_of(event: CalendarEvent) -> Window | None:
    """Return the window that an event announces, or None where it takes no capacity.

    Examples
    --------
    >>> rack = CalendarEvent(
    ...     event_id="1", kind="MAINTENANCE", title="rack", start=0, end=60_000, capacity_left=0.5
    ... )
    >>> window_of(rack).left
    0.5
    """
    left = event.capacity_left
    if event.cancelled or left is None or not left < 1.0 or event.end <= event.start:
        return None
    known = -(2**62) if event.known_from is None else event.known_from
    return Window(event.start, event.end, max(left, 0.0), event.title, event.pool, known)


class CapacityCalendar:
    """The windows of all pools, by the key of their event; a later record replaces an earlier."""

    def __init__(self) -> None:
        self._windows: dict[bytes, Window] = {}
        self.version = 0  # rises with every word on a window

    def tell(self, key: bytes, event: CalendarEvent | None) -> None:
        """Take in the newest word on an event; None where it is no more."""
        window = None if event is None else window_of(event)
        if window == self._windows.get(key):
            return
        self.version += 1
        if window is None:
            del self._windows[key]
        else:
            self._windows[key] = window

    def near(self, pool: str, from_ms: int, to_ms: int) -> list[Window]:
        """Return the windows of a pool that touch a time and are known at its start."""
        return [
            window
            for window in self._windows.values()
            if window.pool in {None, pool}
            and window.known_from_ms <= from_ms
            and window.start_ms <= to_ms
            and window.end_ms > from_ms
        ]


def capacity_at(windows: Sequence[Window], cap: int, now_ms: int, lead_s: float) -> Capacity | None:
    """Return what the windows leave of a pool, or None where none of them matters now or soon.

    Windows that overlap take away one after the other: which machines each means is not known, and
    a reserve on machines that are away serves nobody.

    Parameters
    ----------
    windows
        Of the pool.
    cap
        Its instances of any state with nothing away.
    lead_s
        How long a launch takes.

    Examples
    --------
    >>> rack = Window(60_000, 120_000, 0.5, "rack")
    >>> capacity_at([rack], 9, 0, 90.0)
    Capacity(now=9, soon=4, why="maintenance 'rack' until Thu 00:02 UTC")
    >>> capacity_at([rack], 9, 0, 30.0) is None
    True
    """
    soon_ms = now_ms + round(1000 * lead_s)
    meant = [w for w in windows if _covers(w, now_ms) or _covers(w, soon_ms)]
    if not meant:
        return None
    last = max(meant, key=lambda window: window.end_ms)
    why = f"maintenance {last.title!r} {_until(last.end_ms)}"
    return Capacity(_left(meant, cap, now_ms), _left(meant, cap, soon_ms), why)


def _until(end_ms: int) -> str:
    try:
        return f"until {datetime.fromtimestamp(end_ms / 1000, UTC):%a %H:%M} UTC"
    except (ValueError, OverflowError):  # an event may end when no calendar goes so far
        return "without an end"


def _covers(window: Window, at_ms: int) -> bool:
    return window.start_ms <= at_ms < window.end_ms


def _left(windows: Sequence[Window], cap: int, at_ms: int) -> int:
    away = sum(1.0 - window.left for window in windows if _covers(window, at_ms))
    # A third left of nine are three, though 9 x (1 - (1 - 1/3)) is a little less.
    return max(0, math.floor(cap * (1.0 - away) + 1e-9))
