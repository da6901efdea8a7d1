"""`warmfront groups [NAME]`: what the users of a group have in common."""

import json
from typing import Annotated

import typer
from rich.table import Table

from schemas.records import GroupProfile
from schemas.topics import PROFILES_GROUPS
from streams.cli.shown import NOT_FOUND, fail, keyed, plain
from streams.runtime.terminal import Terminal


def command(
    name: Annotated[str | None, typer.Argument(help="Group, by default all of them.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show sequences of groups of users, as of the last day; none that few users share."""
    told = keyed(PROFILES_GROUPS, GroupProfile)
    newest = {key: record for key, record in told if record and name in {None, key}}
    if not newest:
        fail(f"no group {name or ''} yet: groups are counted at the end of a day", NOT_FOUND)
    found = [newest[key] for key in sorted(newest)]
    if as_json:
        typer.echo(json.dumps([plain(group) for group in found]))
        return
    for group in found:
        Terminal().print(_table(group))


def _table(group: GroupProfile) -> Table:
    users = f"fewer than {group.floor}" if group.users is None else str(group.users)
    table = Table("after", "follows", "probability", "users", box=None)
    table.title = f"{group.group}: {users} users"
    for rule in group.sequences:
        told = f"{rule.probability:.0%} (n = {rule.support}, {rule.low:.0%} to {rule.high:.0%})"
        then = f"{rule.then} within {rule.window_s // 60} min"
        table.add_row(rule.first, then, told, str(rule.users))
    return table
