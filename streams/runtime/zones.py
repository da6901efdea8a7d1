"""Time zones by name, as telemetry tells them: what is no zone is none, and costs nothing twice."""

from datetime import tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@lru_cache(maxsize=1024)
def zone_named(name: str) -> tzinfo | None:
    """Return an IANA time zone, or None where there is none of that name.

    Examples
    --------
    >>> zone_named("Europe/Berlin"), zone_named("../etc/passwd")
    (zoneinfo.ZoneInfo(key='Europe/Berlin'), None)
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
