"""`warmfront forecast [POOL]`: what is expected, as fan charts."""

import json
import shutil
from pathlib import Path
from typing import Annotated

import typer

from schemas.records import DemandForecast
from schemas.topics import FORECASTS_DEMAND
from streams.cli.fan_terminal import terminal_fan
from streams.cli.shown import NOT_FOUND, fail, plain, records
from streams.runtime.terminal import harmless

# A pool gives 60 forecasts of the next hour by resource and hour, and 2 others.
WAY_BACK = 10_000
HORIZONS = ("HOUR", "DAY", "WEEK")
RESOURCES = ("INSTANCES", "CPU", "MEMORY", "STORAGE", "NETWORK")
BAD_INPUT = 2


def command(
    pool: Annotated[
        str | None, typer.Argument(help="Pool, or _total for all together; default: each.")
    ] = None,
    *,
    resource: Annotated[str, typer.Option(help="INSTANCES, CPU, MEMORY, ...")] = "INSTANCES",
    horizon: Annotated[str, typer.Option(help="hour, day or week.")] = "day",
    png: Annotated[Path | None, typer.Option(help="Draw to a PNG.")] = None,
    html: Annotated[Path | None, typer.Option(help="Draw to a page that needs no network.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the newest forecasts as fan charts."""
    wanted, kind = horizon.upper(), resource.upper()
    if wanted not in HORIZONS:
        fail(f"--horizon is hour, day or week, not {horizon}", BAD_INPUT)
    if kind not in RESOURCES:
        fail(f"--resource is one of {', '.join(RESOURCES)}, not {resource}", BAD_INPUT)
    found = newest(pool, kind, wanted)
    if not found:
        fail("no such forecast yet: it comes with the first closed hour of demand", NOT_FOUND)
    try:
        _draw(found, png, html)
    except OSError as error:
        fail(str(error), BAD_INPUT)
    if as_json:
        typer.echo(json.dumps([plain(forecast) for forecast in found]))
    elif png is None and html is None:
        width = shutil.get_terminal_size().columns
        typer.echo(harmless("\n\n".join(terminal_fan(forecast, width) for forecast in found)))


def newest(pool: str | None, resource: str, horizon: str) -> list[DemandForecast]:
    """Return the latest forecast of each pool that is wanted, by the pools' names."""
    latest: dict[str, DemandForecast] = {}
    for record in records(FORECASTS_DEMAND, DemandForecast, WAY_BACK):
        if (record.resource, record.horizon) == (resource, horizon) and pool in {None, record.pool}:
            known = latest.get(record.pool)
            if known is None or record.made_at >= known.made_at:
                latest[record.pool] = record
    return [latest[name] for name in sorted(latest)]


def _draw(forecasts: list[DemandForecast], png: Path | None, html: Path | None) -> None:
    """Draw to files; the libraries take a second to load, and only here they are needed."""
    if png is not None:
        from streams.cli.fan_png import write_png  # noqa: PLC0415

        write_png(png, forecasts)
    if html is not None:
        from streams.cli.fan_html import write_html  # noqa: PLC0415

        write_html(html, forecasts)
