"""`warmfront presence`: who will be active when, over the next 24 hours."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple

import typer
from rich.table import Table

from schemas.records import UserProfile
from schemas.topics import PROFILES_USERS
from streams.cli.heat import day_line
from streams.cli.shown import keyed, when
from streams.runtime.terminal import Terminal

HOURS = 24
HOUR_MS = 3_600_000


class Row(NamedTuple):
    """A user's chances of being active, hour by hour; None beyond what the profile says."""

    user: str
    presence: list[float | None]
    next_session_at: int | None


def command(
    *,
    at: Annotated[
        datetime | None, typer.Option(help="Moment in UTC from which to look ahead, else now.")
    ] = None,
    most: Annotated[int, typer.Option(help="Users shown, those most present first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how likely each user is active in each of the next 24 hours, and how many will be."""
    begin_ms = round((time.time() if at is None else at.replace(tzinfo=UTC).timestamp()) * 1000)
    profiles: dict[str, UserProfile] = {}
    for key, record in keyed(PROFILES_USERS, UserProfile):
        if record is None:
            profiles.pop(key, None)
        else:
            profiles[key] = record
    rows = presence_rows(list(profiles.values()), begin_ms)
    expected = [sum(row.presence[k] or 0.0 for row in rows) for k in range(HOURS)]
    if as_json:
        users = [row._asdict() for row in rows]
        typer.echo(json.dumps({"from": begin_ms, "expected_users": expected, "users": users}))
        return
    Terminal().print(_table(rows[:most], expected, begin_ms))


def presence_rows(profiles: list[UserProfile], begin_ms: int) -> list[Row]:
    """Return the users' chances from a moment on, those most present first.

    Parameters
    ----------
    profiles
        As written, some hours ago: their forecasts begin at `updated_at`.
    begin_ms
        The moment. Hours are counted from it; each takes the forecast of the hour that it is most
        within.
    """
    rows = []
    for profile in profiles:
        late = round((begin_ms - profile.updated_at) / HOUR_MS)
        ahead = [_at(profile.presence_24h, late + k) for k in range(HOURS)]
        if any(p is not None for p in ahead):
            rows.append(Row(profile.user, ahead, profile.next_session_at))
    return sorted(rows, key=lambda row: (-sum(p or 0.0 for p in row.presence), row.user))


def _at(presence: list[float], hour: int) -> float | None:
    return presence[hour] if 0 <= hour < len(presence) else None


def _table(rows: list[Row], expected: list[float], begin_ms: int) -> Table:
    begin = datetime.fromtimestamp(begin_ms / 1000, UTC)
    table = Table("user", "24 hours", "next session (UTC)", box=None)
    table.title = f"active from {begin:%Y-%m-%d %H:%M} UTC, hour by hour"
    for row in rows:
        begins = ""
        if row.next_session_at is not None:
            begins = when(row.next_session_at, "%a %H:%M")
        table.add_row(row.user, day_line([p or 0.0 for p in row.presence]), begins)
    peak = max(range(HOURS), key=expected.__getitem__)
    busiest = begin + timedelta(hours=peak)
    table.caption = f"most users at {busiest:%a %H:%M} UTC: {expected[peak]:.1f} expected"
    return table
