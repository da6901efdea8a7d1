"""`warmfront replay FILE`: a recording as telemetry."""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
import structlog
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from schemas.pools import PoolsError
from schemas.registry import RegistryUnavailableError
from schemas.settings import Settings
from streams.collect.delivery import DeliveryError
from streams.collect.events import Resource
from streams.collect.exclusive import HeldByAnotherError, NotKeptError
from streams.collect.replay import Replay, ReplayReport
from streams.collect.replay_plan import ReplayOptions
from streams.collect.stopping import until_signalled
from streams.runtime.recordings import Format
from streams.runtime.terminal import Terminal, harmless

BAD_INPUT = 2
STOPPED = 130
UNAVAILABLE = 1
SHOWN_BAD_ROWS = 10

Column = Annotated[str | None, typer.Option(help="Name of the column, where not a usual one.")]


def command(
    file: Annotated[Path, typer.Argument(help="csv, csv.gz, ndjson, parquet or swf.")],
    fmt: Annotated[Format | None, typer.Option("--format", help="Default: by the name.")] = None,
    user: Column = None,
    program: Column = None,
    time: Column = None,
    value: Annotated[str | None, typer.Option(help="Column of a series of measurements.")] = None,
    resource: Annotated[
        str, typer.Option(help="What the values are: CPU, MEMORY, STORAGE or NETWORK.")
    ] = "CPU",
    duration: Column = None,
    wait: Column = None,
    cores: Column = None,
    memory: Column = None,
    speed: Annotated[str, typer.Option(help="max, or seconds of the recording a second.")] = "max",
    shift_to_now: Annotated[
        bool, typer.Option("--shift-to-now", help="Move all times so that the last is now.")
    ] = False,
    prefix: Annotated[
        str | None, typer.Option(help="Topic prefix; old data takes one of its own.")
    ] = None,
    requests: Annotated[
        bool, typer.Option(help="Ask for an instance at each launch, release it at the exit.")
    ] = False,
    pace: Annotated[
        bool, typer.Option(help="Wait at each hour until the workers have closed the one before.")
    ] = True,
    pace_timeout: Annotated[
        float, typer.Option(help="Seconds to wait for an hour.", envvar="WARMFRONT_PACE_TIMEOUT_S")
    ] = 30.0,
    resume: Annotated[
        bool, typer.Option(help="Go on where the same replay was stopped, or begin again.")
    ] = True,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="Name the source so that the page says made up.")
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave bad rows out and name them.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Send a recording's launches, waits, resource use and exits to telemetry.activity."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        options = ReplayOptions(
            fmt=fmt,
            columns={
                "time": time, "user": user, "program": program, "value": value,
                "duration": duration, "wait": wait, "cores": cores, "memory": memory,
            },
            resource=_one_of("resource", resource.upper(), get_args(Resource)),
            speed=_speed(speed),
            shift_to_now=shift_to_now,
            pace=pace,
            pace_timeout_s=pace_timeout,
            requests=requests,
            resume=resume,
            synthetic=synthetic,
            skip_bad=skip_bad,
        )  # fmt: skip
        settings = Settings() if prefix is None else Settings(topic_prefix=prefix)
        report = _replay(settings, file, options, quiet=as_json)
    except (ValueError, HeldByAnotherError, PoolsError) as error:
        _fail(str(error), BAD_INPUT)
    except (DeliveryError, RegistryUnavailableError, NotKeptError) as error:
        _fail(str(error), UNAVAILABLE)
    _show(report, as_json=as_json)
    if report.stopped:
        raise typer.Exit(STOPPED)


def _replay(settings: Settings, file: Path, options: ReplayOptions, *, quiet: bool) -> ReplayReport:
    with until_signalled() as stopped:
        replay = Replay(settings, file, options, stopped=stopped)
        try:
            if replay.plan.rows.bad and not quiet:
                _name_bad(replay)
            with _bar(len(replay.plan.rows)) as progress:
                return replay.run(progress)
        finally:
            replay.close()


@contextmanager
def _bar(rows: int) -> Iterator[Any]:
    console = Terminal(stderr=True)
    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("replay", total=rows)
        yield lambda done, _rows: bar.update(task, completed=done)


def _name_bad(replay: Replay) -> None:
    bad = replay.plan.rows.bad
    for row in bad[:SHOWN_BAD_ROWS]:
        typer.echo(harmless(f"left out: {row}"), err=True)
    if len(bad) > SHOWN_BAD_ROWS:
        typer.echo(f"left out: {len(bad) - SHOWN_BAD_ROWS} more rows", err=True)


def _show(report: ReplayReport, *, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(report).decode())
        return
    table = Table(title="Replay", show_header=False)
    for name, value in msgspec.structs.asdict(report).items():
        table.add_row(name, str(value))
    Terminal().print(table)


def _speed(text: str) -> float:
    if text == "max":
        return math.inf
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not (0 < speed < math.inf):
        raise ValueError(f"--speed {text!r}: give max, or a number above 0")
    return speed


def _one_of(option: str, given: str, allowed: tuple[str, ...]) -> Any:
    if given not in allowed:
        raise ValueError(f"--{option} {given!r}: give one of {', '.join(allowed)}")
    return given


def _fail(message: str, code: int) -> None:
    typer.echo(harmless(f"warmfront replay: {message}"), err=True)
    raise typer.Exit(code)
