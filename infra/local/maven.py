"""The address of the Maven repository that artifacts come from; none is written in this project."""

import os
from pathlib import Path
from xml.etree import ElementTree as ET

ADDRESS_VARIABLE = "WARMFRONT_MAVEN_URL"


def maven_home() -> Path:
    return Path.home() / ".m2"


def repository_url() -> str:
    """Return the base URL: WARMFRONT_MAVEN_URL, else a mirror of central, else the public one.

    Mirrors are those of the user's ~/.m2/settings.xml.

    The public default is the one that the `jgo` package ships.
    """
    chosen = os.environ.get(ADDRESS_VARIABLE) or mirror_of_central(maven_home() / "settings.xml")
    return (chosen or _public_central()).rstrip("/")


def mirror_of_central(settings: Path) -> str | None:
    """Return the mirror that a Maven settings file names for central, if it does."""
    try:
        root = ET.parse(settings).getroot()  # noqa: S314 - the user's own file
    except (OSError, ET.ParseError):
        return None
    for mirror in root.iterfind("{*}mirrors/{*}mirror"):
        url = mirror.findtext("{*}url", "").strip()
        if url and _covers_central(mirror.findtext("{*}mirrorOf", "")):
            return url
    return None


def _covers_central(mirror_of: str) -> bool:
    names = {name.strip() for name in mirror_of.split(",")}
    return "!central" not in names and bool(names & {"*", "central", "external:*"})


def _public_central() -> str:
    from jgo.maven import MavenContext  # noqa: PLC0415 - 0.2 s, needed for a download only

    return str(MavenContext().remote_repos["central"])
