"""`warmfront backtest reserve`: what the warm reserve would have hit and cost on a recording."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.progress import Progress
from rich.table import Table

from allocator.policy.knobs import ReserveKnobs
from allocator.policy.reserve import ReservePolicy
from streams.backtest.reserve_baselines import WARM_UP_S, Hindsight
from streams.backtest.reserve_cost import cost
from streams.backtest.reserve_hindsight import best_blocks, price_of_hits
from streams.backtest.reserve_report import (
    first_after_idle,
    hit_rate_by_hour,
    missed_without_warning,
    plot_front,
)
from streams.backtest.reserve_run import Replayed, ReserveReplay, Trace
from streams.backtest.reserve_told import print_cost, print_front, print_hours, print_promise
from streams.runtime.csv_file import write_csv
from streams.runtime.recordings import SWF_ROLES, Format, Recording, RecordingError, read_recording
from streams.runtime.terminal import Terminal, harmless


@dataclass(frozen=True, slots=True)
class ReserveOptions:
    """What to play and against which promise.

    Parameters
    ----------
    time, user, program
        Column names; swf needs none. Users and programs sharpen the policy where known.
    lead_time_s
        Seconds from launch to ready.
    target_hit_rate
        The promise.
    """

    file: Path
    time: str | None = None
    user: str | None = None
    program: str | None = None
    lead_time_s: float = 90.0
    target_hit_rate: float = 0.99
    format: Format | None = None
    out: Path | None = None
    baselines: bool = True
    plot: Path | None = None
    front: bool = False
    quiet_hours: bool | None = None


FRONT = (0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995)


def run(options: ReserveOptions) -> dict[str, Any]:
    """Play the recording, write --out and return the JSON's content.

    Raises
    ------
    RecordingError
        If the file can't be read, or is too short to score.
    """
    recording = read_recording(options.file, options.format)
    trace, as_text = read_trace(recording, options)
    played = play(trace, options.target_hit_rate, options)
    if options.out is not None:
        write_actions(options.out, played, iso=as_text)
    scored = score(trace, played) | {"baselines": {}}
    scored["cost"] = cost(trace, played, options.lead_time_s)
    scored["hit_rate_by_hour"] = hit_rate_by_hour(trace, played)
    scored["first_after_idle"] = first_after_idle(trace, played)
    unforeseen = missed_without_warning(trace, played, options.lead_time_s)
    scored["missed_without_warning"] = unforeseen
    if options.baselines and scored["requests"]:
        scored |= compare(trace, options, scored["paid_mean"])
    if (options.front or options.plot is not None) and scored["requests"]:
        scored |= play_front(trace, options, scored["baselines"])
    return scored


def play(trace: Trace, target_hit_rate: float, options: ReserveOptions) -> Replayed:
    """Play a trace with a fresh policy, with a progress bar where there is a terminal."""
    knobs = ReserveKnobs(
        target_hit_rate=target_hit_rate, lead_time_s=options.lead_time_s,
        quiet_hours=options.quiet_hours,
    )  # fmt: skip
    replay = ReserveReplay(trace, ReservePolicy(knobs), options.lead_time_s)
    console = Terminal(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"requests at {target_hit_rate:.1%}", total=len(trace.times))
        return replay.run(lambda rows: bar.update(task, completed=rows))


def compare(trace: Trace, options: ReserveOptions, paid_mean: float) -> dict[str, Any]:
    """The simple policies tuned in hindsight, the best sizes per block in hindsight, and regret."""
    hindsight = Hindsight(trace.times, options.lead_time_s)
    target = options.target_hit_rate
    hourly = best_blocks(hindsight, target, 3_600.0)
    half_hourly = best_blocks(hindsight, target, 1_800.0)
    baselines = hindsight.best(target, trace.epoch_s)
    costs = {name: row["paid_mean"] for name, row in baselines.items() if row}
    costs |= {"best_hourly": hourly.paid_mean, "best_half_hourly": half_hourly.paid_mean}
    span_s = float(trace.times[-1]) - hindsight.start_s
    arrivals = float((trace.times >= hindsight.start_s).sum()) / max(span_s, 1.0)
    return {
        "baselines": baselines,
        "best_hourly": {"hit_rate": hourly.hit_rate, "paid_mean": hourly.paid_mean},
        "best_half_hourly": {
            "hit_rate": half_hourly.hit_rate,
            "paid_mean": half_hourly.paid_mean,
        },
        "regret_against": {name: paid_mean - paid for name, paid in costs.items()},
        "regret": paid_mean - hourly.paid_mean,
        "floor": arrivals * options.lead_time_s,  # instances that building alone costs
    }


def play_front(trace: Trace, options: ReserveOptions, baselines: dict[str, Any]) -> dict[str, Any]:
    """Play other promises too: the front of hit rate and cost, plotted and priced."""
    points = []
    for target in FRONT:
        scored = score(trace, play(trace, target, options))
        points.append({"target": target} | {k: scored[k] for k in ("hit_rate", "paid_mean")})
    if options.plot is not None:
        plot_front(options.plot, points, baselines)
    return {"front": points, "price_of_hits": price_of_hits(points)}


def read_trace(recording: Recording, options: ReserveOptions) -> tuple[Trace, bool]:
    """The requests in order of time, and whether the file states times as ISO 8601."""
    swf = options.time is None and "submit_s" in recording.columns
    name = SWF_ROLES["time"] if swf else options.time
    if name is None:
        raise RecordingError("give --time: which column holds the time of each request?")
    times = recording.numbers(name) if swf else recording.times(name)
    if not len(times) or not np.isfinite(times).all():
        raise RecordingError(f"column {name!r} holds no times or has empty ones")
    order = np.argsort(times, kind="stable")
    users = _sorted_column(recording, options.user or (SWF_ROLES["user"] if swf else None), order)
    programs = _sorted_column(
        recording, options.program or (SWF_ROLES["program"] if swf else None), order
    )
    trace = Trace(times[order], users, programs, recording.epoch_s if swf else 0.0)
    return trace, not swf and _is_iso(recording.column(name)[0])


def _sorted_column(recording: Recording, name: str | None, order: Any) -> list[str]:
    if name is None:
        return []
    values = recording.column(name)
    return [values[row] for row in order]


def _is_iso(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return True
    return False


def score(trace: Trace, played: Replayed) -> dict[str, Any]:
    """Hit rate, paid and ready means and launches, from 24 h after the first request on.

    A recording of less than a day has nothing to score: its means are None.
    """
    start_s = float(trace.times[0]) + WARM_UP_S
    scored = trace.times >= start_s
    requests = int(scored.sum())
    span_s = float(trace.times[-1]) - start_s
    launched = sum(n for at, n in played.actions if n > 0 and at >= start_s)
    return {
        "requests": requests,
        "hit_rate": _share(float(played.hits[scored].sum()), requests),
        "paid_mean": _share(played.paid_s, span_s),
        "ready_mean": _share(played.ready_s, span_s),
        "launched_per_request": _share(launched, requests),
    }


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def write_actions(path: Path, played: Replayed, *, iso: bool) -> None:
    """Write time, action and count of every action, in order; .gz is compressed."""
    write_csv(
        path,
        ("time", "action", "count"),
        ((_stamp(at) if iso else at, _verb(count), abs(count)) for at, count in played.actions),
    )


def _verb(count: int) -> str:
    return "launch" if count > 0 else "terminate"


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def command(
    file: Annotated[Path, typer.Argument(help="Recording: csv, csv.gz, ndjson, parquet or swf.")],
    time: Annotated[str | None, typer.Option(help="Column of the request's time.")] = None,
    lead_time: Annotated[str, typer.Option(help="From launch to ready, like 90s or 2m.")] = "90s",
    target_hit_rate: Annotated[float, typer.Option(help="Share of warm hits to keep.")] = 0.99,
    user: Annotated[str | None, typer.Option(help="Column of the user.")] = None,
    program: Annotated[str | None, typer.Option(help="Column of the program.")] = None,
    fmt: Annotated[Format | None, typer.Option("--format", help="Default: by the name.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the front of hits and cost (PNG).")
    ] = None,
    front: Annotated[
        bool, typer.Option("--front", help="Play seven promises: the front, and what 0.1 % costs.")
    ] = False,
    quiet_hours: Annotated[
        bool | None,
        typer.Option(help="Standing floors where a crowd could break an hour; default from 98 %."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write each action (.csv or .csv.gz).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Play a recording against the warm reserve: hits, cost, and the simple policies' best."""
    try:
        options = ReserveOptions(
            file, time, user, program, lead_seconds(lead_time), target_hit_rate, fmt, out,
            plot=plot, front=front, quiet_hours=quiet_hours,
        )  # fmt: skip
        result = run(options)
    except (RecordingError, ValueError, OSError) as error:
        typer.echo(harmless(f"error: {error}"), err=True)
        raise typer.Exit(2) from None
    if as_json:
        print(json.dumps(result))
        return
    _show(result, target_hit_rate)


def lead_seconds(text: str) -> float:
    """Seconds of a duration such as 90s, 2m, 1.5m or 90.

    Examples
    --------
    >>> lead_seconds("90s"), lead_seconds("1.5m"), lead_seconds("45")
    (90.0, 90.0, 45.0)
    """
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    scale = units.get(text[-1:])
    try:
        return float(text[:-1]) * scale if scale else float(text)
    except ValueError:
        raise ValueError(f"--lead-time {text!r} is no duration like 90s or 2m") from None


def _show(result: dict[str, Any], target_hit_rate: float) -> None:
    table = Table("policy", "hit rate", "paid mean", "launched/request")
    table.add_row("warmfront", *_cells(result))
    for name, row in result["baselines"].items():
        table.add_row(name, *(_cells(row) if row else ("not reached", "", "")))
    Terminal().print(table)
    if not result["requests"]:
        return
    print_cost(result)
    print_promise(result, target_hit_rate)
    print_hours(result["hit_rate_by_hour"], target_hit_rate)
    if "front" in result:
        print_front(result["front"], result["price_of_hits"], result["baselines"])


def _cells(row: dict[str, Any]) -> tuple[str, str, str]:
    if row["hit_rate"] is None:
        return ("nothing scored", "", "")
    return (
        f"{row['hit_rate']:.2%}",
        f"{row['paid_mean']:.2f}",
        f"{row['launched_per_request']:.2f}",
    )
