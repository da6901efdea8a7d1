"""Local hours of the week, from Monday 0 h, with daylight saving.

Hours are counted on the wall clock: local hour = floor((time + offset) / 3600). On the day that
clocks go back one local hour lasts two real hours, on the day that they go forward one is missing;
whatever sums over real hours (forecasts) gets days of 25 and 23 h right.
"""

from datetime import UTC, datetime, tzinfo

HOUR_S = 3600
WEEK_HOURS = 168
MONDAY_HOURS = 72  # 1970-01-01 was a Thursday: its first hour is hour 72 of the week

# Offsets change on the quarter hour at the finest (Lord Howe: half an hour, at half past), so a
# zone look-up (1.3 us) is needed once in 900 s and not per event.
OFFSET_VALID_S = 900


def utc_offset_s(time_s: float, zone: tzinfo) -> int:
    """Seconds that wall clocks in `zone` are ahead of UTC at a moment.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> utc_offset_s(1718445600, ZoneInfo("Europe/Berlin"))
    7200
    """
    offset = datetime.fromtimestamp(time_s, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def local_hour(time_s: float, zone: tzinfo) -> int:
    """Hours of wall clock since 1970-01-01 0 h local.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> local_hour(0.0, ZoneInfo("Asia/Kolkata"))
    5
    """
    return int((time_s + utc_offset_s(time_s, zone)) // HOUR_S)


def hour_of_week(hour: int) -> int:
    """Hour of the week 0..167 of a local hour; 0 is Monday 0 h.

    Examples
    --------
    >>> hour_of_week(0)  # a Thursday
    72
    """
    return (hour + MONDAY_HOURS) % WEEK_HOURS


def week_of(hour: int) -> int:
    """Number of the week (from Monday) that a local hour is in.

    Examples
    --------
    >>> week_of(95), week_of(96)  # Sunday 23 h and Monday 0 h
    (0, 1)
    """
    return (hour + MONDAY_HOURS) // WEEK_HOURS


def is_repeated(hour: int, zone: tzinfo) -> bool:
    """Whether clocks going back make this local hour last two real hours.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> two = local_hour(1729990800, ZoneInfo("Europe/Berlin"))  # 2024-10-27 03:00 +02:00
    >>> is_repeated(two, ZoneInfo("Europe/Berlin"))
    True
    >>> is_repeated(two - 1, ZoneInfo("Europe/Berlin"))
    False
    """
    wall = datetime.fromtimestamp(hour * HOUR_S, UTC).replace(tzinfo=zone)
    first, second = wall.utcoffset(), wall.replace(fold=1).utcoffset()
    return first is not None and second is not None and second < first


def hours_between(start_s: float, end_s: float, zone: tzinfo) -> list[tuple[int, float]]:
    """Hours of the week that real time passes through, and how much of each it takes (h).

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> midnight = 1729980000.0  # Sunday 2024-10-27 0 h: clocks go back at 3
    >>> [at - 144 for at, _ in hours_between(midnight, midnight + 14400, ZoneInfo("Europe/Berlin"))]
    [0, 1, 2, 2]
    """
    pieces = []
    at_s = start_s
    while at_s < end_s:
        wall_s = at_s + utc_offset_s(at_s, zone)
        until_s = min(end_s, at_s + HOUR_S - wall_s % HOUR_S)
        pieces.append((hour_of_week(int(wall_s // HOUR_S)), (until_s - at_s) / HOUR_S))
        at_s = until_s
    return pieces
