"""`warmfront simulate OUT`: synthetic activity of a small office."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from streams.collect.simulator import Simulator, write_rows

BAD_INPUT = 2
A_MONDAY = "2024-01-01"


def command(
    out: Annotated[Path, typer.Argument(help="File to write: .csv or .csv.gz.")],
    users: Annotated[int, typer.Option(min=1, max=10_000, help="People in the office.")] = 12,
    days: Annotated[int, typer.Option(min=1, max=3_660, help="Days.")] = 14,
    seed: Annotated[int, typer.Option(help="One seed gives one office.")] = 1,
    start: Annotated[str, typer.Option(help="First day, ISO 8601, UTC.")] = A_MONDAY,
    until_now: Annotated[
        bool, typer.Option("--until-now", help="Let the days end now, in local time.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Write the launches of a simulated office, for `warmfront replay`. Synthetic."""
    try:
        first_day = datetime.fromisoformat(start)
        now = datetime.now().astimezone()
        if until_now:
            first_day = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(
                days=days
            )
        elif first_day.tzinfo is None:
            first_day = first_day.replace(tzinfo=UTC)
        rows = Simulator(random.Random(seed), users).rows(first_day, days + until_now)
        if until_now:
            rows = [row for row in rows if datetime.fromisoformat(row.time) <= now]
        count = write_rows(out, rows)
    except (ValueError, OSError) as error:
        typer.echo(f"warmfront simulate: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from error
    if as_json:
        print(msgspec.json.encode({"out": str(out), "rows": count, "synthetic": True}).decode())
    else:
        typer.echo(f"{count} synthetic launches in {out}", err=True)
