"""The time zone that this host is set to, which its users are taken to live in."""

import os
from pathlib import Path

from streams.runtime.zones import zone_named

LOCALTIME = Path("/etc/localtime")
FOLDER = "zoneinfo/"


def host_zone(localtime: Path = LOCALTIME) -> str | None:
    """Return the host's IANA zone: of TZ, else what /etc/localtime points to; None if unknown."""
    for name in (os.environ.get("TZ", "").removeprefix(":"), _linked(localtime)):
        if name and zone_named(name) is not None:
            return name
    return None


def _linked(localtime: Path) -> str:
    _, _, name = str(localtime.resolve()).partition(FOLDER)
    return name
