"""`warmfront config`: the settings in force."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from schemas.settings import Settings


def command(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Show every setting, its value and what it is for; secrets are masked."""
    settings = Settings()
    values = settings.model_dump(mode="json")
    if as_json:
        typer.echo(json.dumps(values))
        return
    table = Table("setting", "value", "what it is")
    for name, field in type(settings).model_fields.items():
        table.add_row(name, str(values[name]), field.description or "")
    Console().print(table)
