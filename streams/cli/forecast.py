"""`warmfront forecast [POOL]`: what is expected, as a fan chart in the terminal."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.records import DemandForecast
from schemas.topics import FORECASTS_DEMAND
from streams.cli.shown import NOT_FOUND, fail, plain, records

WAY_BACK = 3000
WIDTH = 48
HORIZONS = ("HOUR", "DAY", "WEEK")


def command(
    pool: Annotated[str | None, typer.Argument(help="Pool; default: all.")] = None,
    *,
    resource: Annotated[str, typer.Option(help="INSTANCES, CPU, MEMORY, ...")] = "INSTANCES",
    horizon: Annotated[str, typer.Option(help="hour, day or week.")] = "day",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the newest forecasts."""
    wanted = horizon.upper()
    if wanted not in HORIZONS:
        fail(f"--horizon is hour, day or week, not {horizon}", 2)
    newest: dict[str, DemandForecast] = {}
    for record in records(FORECASTS_DEMAND, DemandForecast, WAY_BACK):
        if (
            record.horizon == wanted
            and record.resource == resource.upper()
            and pool in {None, record.pool}
        ):
            known = newest.get(record.pool)
            if known is None or record.made_at >= known.made_at:
                newest[record.pool] = record
    if not newest:
        fail("no such forecast yet: it comes with the first closed hour of demand", NOT_FOUND)
    if as_json:
        typer.echo(json.dumps([plain(newest[name]) for name in sorted(newest)]))
        return
    for name in sorted(newest):
        Console().print(fan_chart(newest[name]))


def fan_chart(forecast: DemandForecast) -> Table:
    """Return a forecast as bars: light 5 to 95 %, dark 25 to 75 %, a mark at the median."""
    at = {level: k for k, level in enumerate(forecast.levels)}
    top = max((step.quantiles[at[0.95]] for step in forecast.steps), default=0.0) or 1.0
    title = f"{forecast.pool}: {forecast.resource.lower()}, {forecast.unit} (full width {top:.4g})"
    table = Table(
        "time (UTC)", "", "median", "5 to 95 %", title=title, title_justify="left", box=None
    )
    for step in forecast.steps[:: max(1, len(forecast.steps) // 56)]:
        low, q25, q50, q75, high = (step.quantiles[at[p]] for p in (0.05, 0.25, 0.5, 0.75, 0.95))
        when = datetime.fromtimestamp(step.time / 1000, UTC).strftime("%a %d %H:%M")
        bar = _bar(*(round(v / top * (WIDTH - 1)) for v in (low, q25, q50, q75, high)))
        table.add_row(when, bar, f"{q50:.4g}", f"{low:.4g} to {high:.4g}")
    return table


def _bar(low: int, q25: int, q50: int, q75: int, high: int) -> Text:
    cells = [" "] * WIDTH
    cells[low : high + 1] = "░" * len(cells[low : high + 1])
    cells[q25 : q75 + 1] = "▓" * len(cells[q25 : q75 + 1])
    cells[min(q50, WIDTH - 1)] = "█"
    return Text("".join(cells), style="cyan")
