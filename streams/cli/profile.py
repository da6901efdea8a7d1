"""`warmfront profile USER`: how a person works, in the terminal."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.records import UserProfile
from schemas.topics import PROFILES_USERS
from streams.cli.shown import NOT_FOUND, fail, plain, records

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SHADES = " ░▒▓█"


def command(
    user: Annotated[
        str, typer.Argument(help="User, as on the topics (a pseudonym, if configured).")
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a user's week, sequences, programs and sensitivity to waiting."""
    found: UserProfile | None = None
    for record in records(PROFILES_USERS, UserProfile):
        if record.user == user:
            found = record
    if found is None:
        fail(f"no profile of {user!r} yet: profiles are written every six hours", NOT_FOUND)
        return
    if as_json:
        typer.echo(json.dumps(plain(found)))
        return
    console = Console()
    console.print(_headline(found), _week(found), _sequences(found), _programs(found))


def _headline(profile: UserProfile) -> Text:
    text = Text.assemble((profile.user, "bold"), f", {profile.launches} launches")
    if profile.sensitivity is not None:
        low, high = profile.sensitivity_low, profile.sensitivity_high
        text.append(f"\na waited minute costs {profile.sensitivity:.1f} times the normal")
        text.append(f" ({low:.1f} to {high:.1f})" if low is not None and high is not None else "")
    return text


def _week(profile: UserProfile) -> Table:
    top = max(profile.week_rates, default=0.0) or 1.0
    table = Table(
        "", "0     6     12    18    ", title=f"launches an hour ({profile.zone})", box=None
    )
    for number, day in enumerate(DAYS):
        rates = profile.week_rates[24 * number : 24 * number + 24]
        shades = (SHADES[min(len(SHADES) - 1, round(r / top * (len(SHADES) - 1)))] for r in rates)
        table.add_row(day, "".join(shades))
    return table


def _sequences(profile: UserProfile) -> Table:
    table = Table("after", "follows", "probability", title="sequences", box=None)
    for rule in profile.sequences:
        told = f"{rule.probability:.0%} (n = {rule.support}, {rule.low:.0%} to {rule.high:.0%})"
        table.add_row(rule.first, f"{rule.then} within {rule.window_s // 60} min", told)
    return table


def _programs(profile: UserProfile) -> Table:
    table = Table(
        "program",
        "share",
        "cores p95",
        "memory p95",
        "runs for (median)",
        title="programs",
        box=None,
    )
    for use in profile.programs:
        cores = "" if use.cpu_cores_p95 is None else f"{use.cpu_cores_p95:.2f}"
        memory = "" if use.memory_bytes_p95 is None else f"{use.memory_bytes_p95 / 2**20:.0f} MiB"
        runs = "" if use.duration_s_p50 is None else f"{use.duration_s_p50 / 60:.1f} min"
        table.add_row(use.program, f"{use.share:.0%}", cores, memory, runs)
    return table
