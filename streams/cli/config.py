"""`warmfront config`: the settings in force, and where each comes from."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from schemas.settings import Settings, secrets_dir, settings_file
from schemas.settings_origin import shown
from streams.runtime.terminal import Terminal


def show_command(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Show every setting, its value, where that comes from and what it is for; secrets masked."""
    settings = shown(Settings())
    if as_json:
        typer.echo(json.dumps({one.name: asdict(one) for one in settings}))
        return
    table = Table("setting", "value", "from", "what it is")
    for one in settings:
        table.add_row(one.name, "" if one.value is None else str(one.value), one.origin, one.about)
    Terminal().print(table)


def path_command() -> None:
    """Print where settings are read from, whether the files are there or not."""
    typer.echo(f"settings: {settings_file().absolute()}")
    typer.echo(f"secrets:  {secrets_dir() or 'none (WARMFRONT_SECRETS_DIR is not set)'}")
