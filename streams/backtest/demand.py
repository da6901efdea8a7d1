"""`warmfront backtest demand`: forecasts a series row by row with the stream's own forecaster.

Each row is forecast at 1, 24 and 168 steps from the rows before, scored, then learned, so cutting
the file after any row leaves the forecasts of the rows kept as they were, byte for byte.
"""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfoNotFoundError

import numpy as np
import typer
from rich.progress import Progress

from streams.backtest.demand_baselines import best_naive
from streams.backtest.demand_calendar import EventCalendar, read_events
from streams.backtest.demand_groups import coverage_by_group, groups_of
from streams.backtest.demand_out import rounded, write_out
from streams.backtest.demand_plot import write_plot
from streams.backtest.demand_report import print_report
from streams.backtest.demand_scores import Floats, horizon_scores, mae, winkler90
from streams.backtest.demand_series import Series, read_series, step_seconds
from streams.models.demand import LEVELS, HourlyForecaster
from streams.runtime.holidays_known import UnknownCountryError
from streams.runtime.recordings import Format, RecordingError
from streams.runtime.terminal import Terminal

HORIZONS = (1, 24, 168)
WARM_UP, SHORT_WARM_UP, SHORT_ROWS = 504, 336, 1000


@dataclass(frozen=True, slots=True)
class Options:
    """What to forecast: the file, its columns and step, and where the forecasts go."""

    file: Path
    time: str
    value: str
    freq: str = "1h"
    events: Path | None = None
    holidays: str | None = None
    zone: str = "UTC"
    out: Path | None = None
    plot: Path | None = None
    fmt: Format | None = None


def forecast_rows(
    series: Series, calendar: EventCalendar, progress: Progress | None = None
) -> dict[int, Floats]:
    """Forecast every row of a series.

    Returns
    -------
    dict
        By horizon: quantiles of shape (steps, 8), NaN for steps that nothing was known before.
    """
    count, step_s = len(series.values), series.step_s
    forecaster = HourlyForecaster(HORIZONS, step_s)
    made = {h: np.full((count, len(LEVELS)), np.nan) for h in HORIZONS}
    rows = range(count)
    for row in rows if progress is None else progress.track(rows, description="forecasting"):
        start_s = series.start_s + row * step_s
        forecaster.observe(series.values[row], start_s, calendar.covering(start_s))
        if not forecaster.rows:
            continue
        marked = {h: calendar.covering(start_s + h * step_s) for h in HORIZONS}
        quantiles = forecaster.forecast(HORIZONS, marked)
        for h, issued in zip(HORIZONS, quantiles, strict=True):
            if row + h < count:
                made[h][row + h] = issued
    return made


def run(options: Options, progress: Progress | None = None) -> dict[str, Any]:
    """Forecast and score a recording.

    Returns
    -------
    dict
        n, mean, horizons, baselines (best naive forecasts and the skill against them), and
        us_per_row.

    Raises
    ------
    RecordingError
        If the file can't be read as a series, or is too short to score.
    """
    series = read_series(options.file, options.time, options.value, options.freq, options.fmt)
    calendar = read_events(options.events, series, options.holidays, options.zone)
    started = time.perf_counter()
    made = forecast_rows(series, calendar, progress)
    elapsed_s = time.perf_counter() - started
    # Scores are of what --out holds, so that a stranger computes the same.
    made = {h: rounded(quantiles) for h, quantiles in made.items()}
    if options.out is not None:
        write_out(options.out, series, made)
    first = WARM_UP if len(series.rows) >= SHORT_ROWS else SHORT_WARM_UP
    if len(series.rows) <= first:
        raise RecordingError(f"{len(series.rows)} rows; scores begin at row {first}")
    if options.plot is not None:
        write_plot(options.plot, series, made, int(series.steps[first]))
    result = _scored(series, made, int(series.steps[first]), options.zone)
    result["us_per_row"] = 1e6 * elapsed_s / len(series.values)
    return result


def _scored(series: Series, made: dict[int, Floats], first: int, zone: str) -> dict[str, Any]:
    mean = float(np.nanmean(series.values))
    unit = abs(mean) if mean else 1.0
    horizons, baselines = {}, {}
    for h, quantiles in made.items():
        kept = np.isfinite(series.values) & np.isfinite(quantiles[:, 0])
        kept[:first] = False
        outcomes, stated = series.values[kept], quantiles[kept]
        if not len(outcomes):
            raise RecordingError(f"no row can be scored at horizon {h}")
        groups = groups_of(np.flatnonzero(kept), series.start_s, series.step_s, zone)
        horizons[str(h)] = horizon_scores(outcomes, stated, unit) | {
            "coverage90_by": coverage_by_group(outcomes, stated, groups)
        }
        naive = best_naive(series.values, h, series.day_steps, first)
        baselines[str(h)] = {
            "naive_mae_ratio": naive.mae / unit,
            "naive_winkler90": naive.winkler,
            "mae_to_naive": _ratio(mae(outcomes, stated), naive.mae),
            "winkler_to_naive": _ratio(winkler90(outcomes, stated), naive.winkler),
        }
    return {"n": len(series.rows), "mean": mean, "horizons": horizons, "baselines": baselines}


def _ratio(figure: float, naive: float | None) -> float | None:
    if naive is None or not np.isfinite(naive):
        return None
    return figure / naive if naive > 0.0 else (1.0 if figure == 0.0 else None)


def command(
    file: Annotated[Path, typer.Argument(help="Recording: csv, csv.gz, ndjson or parquet.")],
    *,
    time: Annotated[str, typer.Option(help="Column of times: ISO 8601 or seconds.")],
    value: Annotated[str, typer.Option(help="Column of values.")],
    freq: Annotated[str, typer.Option(help="Step: 1h, 30min, 900s, 1d.")] = "1h",
    events: Annotated[
        Path | None, typer.Option(help="Known ahead: CSV (start,end,kind[,uplift]) or ICS.")
    ] = None,
    holidays: Annotated[
        str | None, typer.Option(help="Country whose holidays are known: DE, US-CA.")
    ] = None,
    zone: Annotated[str, typer.Option(help="Time zone of days without one.")] = "UTC",
    out: Annotated[Path | None, typer.Option(help="Forecasts: .csv or .csv.gz.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Fan chart and reliability: .png.")] = None,
    fmt: Annotated[Format | None, typer.Option("--format", help="Default: by the name.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Forecast a recorded series at 1, 24 and 168 steps and score it against naive forecasts."""
    options = Options(file, time, value, freq, events, holidays, zone, out, plot, fmt)
    console = Terminal(stderr=True)
    try:
        step_seconds(freq)
        with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
            result = run(options, bar)
    except (RecordingError, UnknownCountryError, ZoneInfoNotFoundError, OSError) as error:
        console.error(error)
        raise typer.Exit(2) from error
    if as_json:
        print(json.dumps(result, allow_nan=False))
    else:
        print_report(result, Terminal())
