"""Public holidays of a country as calendar events, from the library `holidays`."""

from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays

from schemas.records import CalendarEvent

KIND = "holiday"


class UnknownCountryError(ValueError):
    """There is no such country, or no such part of it; the message names them."""


def parse_country(name: str) -> tuple[str, str | None]:
    """Return the codes of a country and of a part of it.

    Raises
    ------
    UnknownCountryError
        If the library knows none of that name.

    Examples
    --------
    >>> parse_country("DE-BY")
    ('DE', 'BY')
    """
    country, _, part = name.strip().upper().partition("-")
    known = holidays.list_supported_countries(include_aliases=True)
    if country not in known:
        raise UnknownCountryError(f"no holidays of {country!r}; give a code such as DE or US-CA")
    if part and part not in known[country]:
        raise UnknownCountryError(
            f"no part {part!r} of {country}; known: {', '.join(known[country])}"
        )
    return country, part or None


@lru_cache(maxsize=64)
def _of_year(name: str, year: int) -> Any:
    country, part = parse_country(name)
    return holidays.country_holidays(country, subdiv=part, years=year)


def holidays_between(
    name: str, zone: ZoneInfo, start: datetime, end: datetime
) -> list[CalendarEvent]:
    """Return the holidays whose local days overlap a time.

    Parameters
    ----------
    name
        "DE", or "DE-BY" for a part of a country.
    zone
        Where the days are counted.
    start, end
        The time.

    Examples
    --------
    >>> utc = ZoneInfo("UTC")
    >>> year = datetime(2025, 12, 20, tzinfo=utc), datetime(2026, 1, 2, tzinfo=utc)
    >>> [e.title for e in holidays_between("US", utc, *year)]
    ['Christmas Day', "New Year's Day"]
    """
    found = []
    for year in range(start.year, end.year + 2):
        for day, title in sorted(_of_year(name, year).items()):
            begins = datetime.combine(day, time(), zone)
            ends = datetime.combine(day + timedelta(days=1), time(), zone)
            if begins < end and start < ends:
                found.append(_event(name, title, begins, ends))
    return found


def _event(name: str, title: str, begins: datetime, ends: datetime) -> CalendarEvent:
    return CalendarEvent(
        event_id=f"holiday-{name}-{begins:%Y%m%d}",
        kind="HOLIDAY",
        title=title,
        start=round(begins.timestamp() * 1000),
        end=round(ends.timestamp() * 1000),
        category=KIND,
    )
