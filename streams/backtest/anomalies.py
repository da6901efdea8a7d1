"""`warmfront backtest anomalies`: scores every row of a recording with the stream's own detector.

A series is a number a row, or several metrics of one machine (`Watch`). Each row is scored from the
rows of its series before it, then learned, so cutting the file after any row leaves the scores of
the rows kept as they were, byte for byte.
"""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress
from rich.table import Table

from streams.backtest.anomalies_plot import SeriesTrace, plot_series
from streams.backtest.anomalies_watch import Watch
from streams.runtime.csv_file import write_csv
from streams.runtime.recordings import Format, RecordingError, read_recording
from streams.runtime.terminal import Terminal

ALERT_THRESHOLD = 0.5
SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Options:
    """What to score: the file, its columns, and where the scores go.

    Parameters
    ----------
    values
        Columns of numbers: one, or each metric of a machine.
    plot
        A picture of one series.
    plot_series
        Which; the file's first where None.
    """

    file: Path
    series: str
    time: str
    values: tuple[str, ...]
    out: Path | None = None
    fmt: Format | None = None
    plot: Path | None = None
    plot_series: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the recording: its series, its time as recorded and in seconds, its values."""

    series: str
    timestamp: str
    time_s: float
    values: tuple[float, ...]


def read_rows(options: Options) -> list[Row]:
    """Read the rows in the file's order; RecordingError says what is wrong with the file."""
    recording = read_recording(options.file, options.fmt)
    metrics = [recording.numbers(name).tolist() for name in options.values]
    return [
        Row(series, timestamp, float(time_s), values)
        for series, timestamp, time_s, values in zip(
            recording.column(options.series),
            recording.column(options.time),
            recording.times(options.time),
            zip(*metrics, strict=True),
            strict=True,
        )
    ]


def score_rows(rows: Iterable[Row], trace: SeriesTrace | None = None) -> Iterator[float]:
    """Score rows as they come, each series by its own detectors.

    Parameters
    ----------
    trace
        Follows the series of its name.
    """
    watches: dict[str, Watch] = {}
    for row in rows:
        watch = watches.get(row.series)
        if watch is None:
            watch = watches[row.series] = Watch(len(row.values))
        if trace is None or trace.name != row.series:
            yield watch.score(row.values, row.time_s)
        else:
            trace.expects(watch.detectors[0], row.time_s, row.values[0])
            score = watch.score(row.values, row.time_s)
            trace.scored(watch.detectors[0], score)
            yield score


def observed_days(rows: Iterable[Row]) -> float:
    """Days that the series were watched, each from its first to its last row, added up."""
    spans: dict[str, tuple[float, float]] = {}
    for row in rows:
        first, last = spans.get(row.series, (row.time_s, row.time_s))
        spans[row.series] = (min(first, row.time_s), max(last, row.time_s))
    return sum(last - first for first, last in spans.values()) / SECONDS_PER_DAY


def write_scores(path: Path, rows: list[Row], scores: list[float]) -> None:
    """Write series, timestamp (as recorded) and score of each row; .gz compresses."""
    write_csv(
        path,
        ("series", "timestamp", "score"),
        (
            (row.series, row.timestamp, f"{score:.6f}")
            for row, score in zip(rows, scores, strict=True)
        ),
    )


def run(options: Options, progress: Progress | None = None) -> dict[str, Any]:
    """Score a recording and count its alerts.

    Returns
    -------
    dict
        rows; alerts (rows with a score of at least 0.5) and alerts_per_day (per day that a series
        was watched); series, threshold and us_per_point (processor time of a metric).
    """
    rows = read_rows(options)
    trace = _trace_of(options, rows)
    Watch(1).score((0.0,), 0.0)  # compiled, or read from the cache, before the clock starts
    started = time.process_time()
    watched = rows if progress is None else progress.track(rows, description="scoring")
    # Alerts are counted on what --out holds, so that a stranger counts the same.
    scores = [round(score, 6) for score in score_rows(watched, trace)]
    elapsed_s = time.process_time() - started
    if options.out is not None:
        write_scores(options.out, rows, scores)
    if options.plot is not None and trace is not None:
        plot_series(options.plot, trace)
    alerts = sum(score >= ALERT_THRESHOLD for score in scores)
    days = observed_days(rows)
    return {
        "rows": len(rows),
        "alerts": alerts,
        "alerts_per_day": alerts / days if days > 0 else 0.0,
        "series": len({row.series for row in rows}),
        "threshold": ALERT_THRESHOLD,
        "us_per_point": 1e6 * elapsed_s / max(len(rows) * len(options.values), 1),
    }


def _trace_of(options: Options, rows: list[Row]) -> SeriesTrace | None:
    """Return what follows the series that shall be drawn.

    Raises
    ------
    RecordingError
        If it is not in the file, or a row of it is several numbers.
    """
    if options.plot is None:
        return None
    if len(options.values) > 1:
        raise RecordingError("--plot draws a series of one --value column")
    names = dict.fromkeys(row.series for row in rows)
    name = next(iter(names), "") if options.plot_series is None else options.plot_series
    if name not in names:
        raise RecordingError(f"no series {name!r} to draw in the file")
    return SeriesTrace(name)


def command(
    file: Annotated[Path, typer.Argument(help="Recording: csv, csv.gz, ndjson or parquet.")],
    *,
    series: Annotated[str, typer.Option(help="Column that names the series.")],
    time: Annotated[str, typer.Option(help="Column of times: ISO 8601 or seconds.")],
    value: Annotated[
        list[str], typer.Option(help="Column of values; once for each metric of a machine.")
    ],
    out: Annotated[Path | None, typer.Option(help="Scores: .csv or .csv.gz.")] = None,
    fmt: Annotated[Format | None, typer.Option("--format", help="Default: by the name.")] = None,
    plot: Annotated[Path | None, typer.Option(help="A series as a picture: .png or .svg.")] = None,
    plot_series: Annotated[str | None, typer.Option(help="Which; default: the first.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score every row of a recording for anomalies."""
    options = Options(file, series, time, tuple(value), out, fmt, plot, plot_series)
    console = Terminal(stderr=True)
    try:
        with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
            result = run(options, bar)
    except (RecordingError, OSError) as error:
        console.error(error)
        raise typer.Exit(2) from error
    if as_json:
        print(json.dumps(result))
    else:
        _print_table(result)


def _print_table(result: dict[str, Any]) -> None:
    table = Table("", "value", title="anomalies")
    for name, figure in result.items():
        table.add_row(name, f"{figure:,.4g}" if isinstance(figure, float) else f"{figure:,}")
    Terminal().print(table)
