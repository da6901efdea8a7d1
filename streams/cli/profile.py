"""`warmfront profile USER`: how a person works, in the terminal."""

import json
from collections.abc import Callable
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from schemas.records import UserProfile
from schemas.settings import Settings
from schemas.topics import PROFILES_USERS
from streams.cli.heat import day_line, shades
from streams.cli.shown import NOT_FOUND, fail, keyed, plain, user_id, when
from streams.runtime.terminal import Terminal

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MINUTE_S = 60.0


def command(
    user: Annotated[str, typer.Argument(help="User, or the id as on the topics (the pseudonym).")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a user's week, sequences and their timing, programs, data, and what waiting costs."""
    found = newest(user)
    if found is None:
        fail(f"no profile of {user!r} yet: profiles are written every six hours", NOT_FOUND)
        return
    if as_json:
        typer.echo(json.dumps(plain(found)))
        return
    console = Terminal()
    console.print(_headline(found), _week(found), _coming(found))
    console.print(_sequences(found), _transitions(found), _programs(found), _data(found))


def newest(user: str) -> UserProfile | None:
    """Return the last profile of a user, given by name or by pseudonym; None if taken back."""
    ids = {user, user_id(Settings(), user)}
    found = None
    for key, record in keyed(PROFILES_USERS, UserProfile):
        if key in ids:
            found = record
    return found


def _headline(profile: UserProfile) -> Text:
    text = Text.assemble((profile.user, "bold"), f", {profile.launches} launches")
    if profile.sensitivity is not None:
        cost = _cost(profile.sensitivity, profile.sensitivity_low, profile.sensitivity_high)
        text.append(f"\na waited minute costs {cost} times the normal")
    return text


def _cost(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return ""
    return (
        f"{value:.1f}" if low is None or high is None else f"{value:.1f} ({low:.1f} to {high:.1f})"
    )


def _week(profile: UserProfile) -> Table:
    top = max(profile.week_rates, default=0.0)
    title = f"launches an hour, at most {top:.1f} ({profile.zone})"
    table = Table("", "0     6     12    18    ", title=title, box=None)
    for number, day in enumerate(DAYS):
        table.add_row(day, shades(profile.week_rates[24 * number : 24 * number + 24], top))
    return table


def _coming(profile: UserProfile) -> Table:
    """The 24 hours from when the profile was written, by UTC."""
    title = f"the 24 hours from {when(profile.updated_at)} UTC"
    table = Table("", "hour by hour", "", title=title, box=None)
    likely = sum(profile.presence_24h)
    table.add_row("active", day_line(profile.presence_24h), f"{likely:.1f} hours expected")
    begins = "not likely"
    if profile.next_session_at is not None:
        begins = f"next {when(profile.next_session_at, '%a %H:%M')} UTC"
    if profile.next_session_length_s is not None:
        begins += f", for {profile.next_session_length_s / MINUTE_S:.0f} min"
    table.add_row("session begins", day_line(profile.session_starts_24h), begins)
    return table


def _sequences(profile: UserProfile) -> Table:
    table = Table("after", "follows", "probability", title="sequences", box=None)
    for rule in profile.sequences:
        told = f"{rule.probability:.0%} (n = {rule.support}, {rule.low:.0%} to {rule.high:.0%})"
        table.add_row(rule.first, f"{rule.then} within {rule.window_s // 60} min", told)
    return table


def _transitions(profile: UserProfile) -> Table:
    table = Table("after", "next", "share", "median", "10 to 90 %", title="gaps", box=None)
    for t in profile.transitions:
        spread = f"{span(t.gap_s_p10)} to {span(t.gap_s_p90)}"
        table.add_row(t.first, t.then, f"{t.share:.0%}", span(t.gap_s_p50), spread)
    return table


def span(seconds: float) -> str:
    """Return a time span for people.

    Examples
    --------
    >>> span(45.2), span(150.0), span(7200.0)
    ('45 s', '2.5 min', '2.0 h')
    """
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400.0 else f"{seconds / 3600:.1f} h"


def _programs(profile: UserProfile) -> Table:
    table = Table(
        "program", "share", "cores p50 / p95", "memory", "storage", "disk/s", "network/s",
        "runs for", "a waited minute costs", title="programs", box=None,
    )  # fmt: skip
    for use in profile.programs:
        table.add_row(
            use.program,
            f"{use.share:.0%}",
            _pair(use.cpu_cores_p50, use.cpu_cores_p95, lambda v: f"{v:.2f}"),
            _pair(use.memory_bytes_p50, use.memory_bytes_p95, amount),
            _pair(use.storage_bytes_p50, use.storage_bytes_p95, amount),
            _pair(use.disk_bytes_per_s_p50, use.disk_bytes_per_s_p95, amount),
            _pair(use.network_bytes_per_s_p50, use.network_bytes_per_s_p95, amount),
            _pair(use.duration_s_p50, use.duration_s_p95, span),
            _cost(use.sensitivity, use.sensitivity_low, use.sensitivity_high),
        )
    return table


def _pair(median: float | None, most: float | None, shown: Callable[[float], str]) -> str:
    return "" if median is None or most is None else f"{shown(median)} / {shown(most)}"


def amount(size: float) -> str:
    """Return bytes for people.

    Examples
    --------
    >>> amount(0.0), amount(3 * 2**20), amount(5.5 * 2**30)
    ('0', '3.0 MiB', '5.5 GiB')
    """
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size:.0f}"


def _data(profile: UserProfile) -> Table:
    table = Table("program", "data (hashed)", "touched by", title="data", box=None)
    for use in profile.programs:
        for touch in use.data:
            table.add_row(use.program, touch.data_ref, f"{touch.p:.0%} of its runs")
    return table
