"""`warmfront backtest programs`: how well the next program of each user is predicted."""

import json
import time as clock
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress
from rich.table import Table

from streams.backtest.programs_baselines import baselines
from streams.backtest.programs_play import Played, play
from streams.backtest.programs_rows import Launch, ProgramsOptions, read_launches
from streams.backtest.programs_within import score_within, stated
from streams.runtime.csv_file import write_csv
from streams.runtime.recordings import Format, RecordingError
from streams.runtime.terminal import Terminal


def run(options: ProgramsOptions, bar: Progress | None = None) -> dict[str, Any]:
    """Play the recording, write --out and --out-within, and return the JSON's content.

    Raises
    ------
    RecordingError
        If the file can't be read, or has no times where they are needed.
    """
    launches, timed = read_launches(options)
    if options.out_within is not None and not timed:
        raise RecordingError("--out-within needs --time: which column holds the time?")
    bar = bar or Progress(disable=True)
    task = bar.add_task("launches", total=len(launches))
    started_s = clock.perf_counter()
    played = play(
        launches, timed=timed, switches=options.switches, neural=options.neural,
        report=lambda rows: bar.update(task, completed=rows),
    )  # fmt: skip
    elapsed_s = clock.perf_counter() - started_s
    if options.out is not None:
        write_csv(options.out, ("row", "rank", "program", "p"), _ranked_rows(launches, played))
    if options.out_within is not None:
        write_csv(options.out_within, ("row", "program", "p"), _within_rows(launches, played))
    return {
        **_scores(launches, played),
        "within_5m": score_within(launches, played) if timed else None,
        "baselines": baselines(launches, switches=options.switches),
        "events_per_s": len(launches) / elapsed_s if elapsed_s else 0.0,
    }


def _scores(launches: list[Launch], played: Played) -> dict[str, Any]:
    scored = len(played.ranked)
    hits = [0, 0, 0]
    for place, candidates in played.ranked:
        names = [c.program for c in candidates]
        for k, depth in enumerate((1, 3, 5)):
            hits[k] += launches[place].program in names[:depth]
    one, three, five = (h / scored if scored else None for h in hits)
    loss = sum(played.losses) / scored if scored else None
    return {
        "events": len(launches), "scored": scored, "top1": one, "top3": three, "top5": five,
        "log_loss": loss,
    }  # fmt: skip


def _ranked_rows(launches: list[Launch], played: Played) -> Iterable[tuple[Any, ...]]:
    for place, candidates in played.ranked:
        for rank, candidate in enumerate(candidates, 1):
            yield launches[place].row, rank, candidate.program, repr(candidate.p_next)


def _within_rows(launches: list[Launch], played: Played) -> Iterable[tuple[Any, ...]]:
    for place, launch in enumerate(launches):
        for program, p in stated(played, place):
            yield launch.row, program, repr(p)


def command(
    file: Annotated[Path, typer.Argument(help="Recording: csv, csv.gz, ndjson, parquet or swf.")],
    *,
    user: Annotated[str | None, typer.Option(help="Column of the user.")] = None,
    program: Annotated[str | None, typer.Option(help="Column of the program.")] = None,
    time: Annotated[str | None, typer.Option(help="Column of times: ISO 8601 or seconds.")] = None,
    switches: Annotated[bool, typer.Option("--switches", help="Drop consecutive repeats.")] = False,
    neural: Annotated[
        bool, typer.Option("--neural", help="Let a small neural net per user have a say.")
    ] = False,
    fmt: Annotated[Format | None, typer.Option("--format", help="Default: by the name.")] = None,
    out: Annotated[Path | None, typer.Option(help="Ranked programs: .csv or .csv.gz.")] = None,
    out_within: Annotated[
        Path | None, typer.Option(help="Probabilities within 5 min: .csv or .csv.gz.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Predict each user's next program in a recording, and score it."""
    console = Terminal(stderr=True)
    options = ProgramsOptions(
        file, user, program, time,
        switches=switches, neural=neural, format=fmt, out=out, out_within=out_within,
    )  # fmt: skip
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            result = run(options, bar)
    except (RecordingError, OSError) as error:
        console.error(error)
        raise typer.Exit(2) from error
    if as_json:
        print(json.dumps(result, allow_nan=False))
    else:
        _show(result)


def _show(result: dict[str, Any]) -> None:
    table = Table("predictor", "top 1", "top 3", title=f"{result['scored']:,} launches scored")
    for name, scores in ({"warmfront": result} | result["baselines"]).items():
        shares = (scores["top1"], scores["top3"])
        table.add_row(name, *("-" if share is None else f"{share:.1%}" for share in shares))
    Terminal().print(table)
