"""`warmfront acls`: what each process needs of Kafka, to look at or to set."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from confluent_kafka import KafkaException
from rich.table import Table

from schemas.connection import KafkaRefusedError, check_admission
from schemas.roles import BY_NAME, ROLES
from schemas.settings import Settings
from streams.runtime.access import Grant, allow, grants
from streams.runtime.terminal import Terminal

BAD_INPUT = 2
UNAVAILABLE = 3


def command(
    role: Annotated[str, typer.Argument(help=f"One of {', '.join(BY_NAME)}.")] = "",
    principal: Annotated[
        str, typer.Option(help="Set the rules for this one, such as User:worker.")
    ] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what a role may do in Kafka, or all roles; with --principal, allow it there."""
    if (role and role not in BY_NAME) or (principal and not role):
        typer.echo(f"warmfront acls: name a role: {', '.join(BY_NAME)}", err=True)
        raise typer.Exit(BAD_INPUT)
    settings = Settings()
    chosen = [BY_NAME[role]] if role else list(ROLES)
    rules = {one.name: grants(one, settings) for one in chosen}
    if principal:
        _allow(settings, principal, rules[role])
    if as_json:
        shown = {name: [asdict(grant) for grant in some] for name, some in rules.items()}
        typer.echo(json.dumps({"roles": shown, "allowed_to": principal or None}))
        return
    table = Table("role", "operation", "on", "name", "pattern")
    for name, some in rules.items():
        for g in some:
            table.add_row(name, g.operation, g.kind, g.name, g.pattern)
    Terminal().print(table)
    if principal:
        typer.echo(f"{principal} may do this now")


def _allow(settings: Settings, principal: str, rules: list[Grant]) -> None:
    try:
        check_admission(settings)
        allow(settings, principal, rules)
    except (KafkaRefusedError, KafkaException) as error:
        typer.echo(f"warmfront acls: {error}", err=True)
        raise typer.Exit(UNAVAILABLE) from error
