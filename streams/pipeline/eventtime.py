"""Event time: minutes, hours, and the watermark of one partition.

A partition's clock is the latest event time it has seen. Its watermark trails by the allowed
lateness: a minute is closed once the watermark has passed its end, and what comes for it later is
late. Closing is arithmetic on indices, so a gap of any length costs the same.
"""

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
HOUR_MINUTES = 60

# An event may be this far ahead of the broker's clock; further ahead the source's clock is wrong,
# and letting it through would close minutes that other users are still in.
FUTURE_TOLERANCE_MS = 300_000


def minute_of(time_ms: int) -> int:
    """Return the minute since the epoch that a time is in.

    Examples
    --------
    >>> minute_of(119_999)
    1
    """
    return time_ms // MINUTE_MS


def hour_of(time_ms: int) -> int:
    """Return the hour since the epoch that a time is in.

    Examples
    --------
    >>> hour_of(7_200_000)
    2
    """
    return time_ms // HOUR_MS


def first_open_minute(clock_ms: int, lateness_ms: int) -> int:
    """Return the first minute that is not closed yet.

    Examples
    --------
    >>> first_open_minute(180_000, 60_000)
    2
    """
    return (clock_ms - lateness_ms) // MINUTE_MS


def stops(open_minute: int, through: int, most_hours: int) -> list[int]:
    """Return where to stop on the way to closing minutes: at full hours, the last ones at most.

    Parameters
    ----------
    open_minute
        First minute that is not closed; 0 where none ever was, and then there is no way.
    through
        First minute that stays open.
    most_hours
        How many full hours at most.

    Examples
    --------
    >>> stops(58, 125, most_hours=6), stops(58, 125, most_hours=1), stops(58, 120, most_hours=6)
    ([60, 120, 125], [120, 125], [60, 120])
    >>> stops(0, 125, most_hours=6)
    [125]
    """
    first, last = open_minute // HOUR_MINUTES + 1, (through - 1) // HOUR_MINUTES
    hours = range(max(first, last - most_hours + 1), last + 1) if open_minute else ()
    return [*(hour * HOUR_MINUTES for hour in hours), through]


def is_future(time_ms: int, appended_ms: int) -> bool:
    """Tell whether an event claims a time that the broker's clock has not reached.

    Examples
    --------
    >>> is_future(1_000_000, 900_000), is_future(1_300_001, 1_000_000)
    (False, True)
    """
    return time_ms > latest_time(appended_ms)


def latest_time(appended_ms: int) -> int:
    """Return the latest time that an event may claim, by the broker's time of its message.

    Examples
    --------
    >>> latest_time(1_000_000)
    1300000
    """
    return appended_ms + FUTURE_TOLERANCE_MS
