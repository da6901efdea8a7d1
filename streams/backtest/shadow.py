"""`warmfront backtest shadow`: seconds saved against instance-minutes wasted, as a curve.

Predictions are made once, by the same code as in the stream; then each policy is played under each
budget. The rule to beat always prepares the most frequent next program, and may choose in
hindsight how long it waits.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress
from rich.table import Table

from allocator.policy.shadow import Preparation
from streams.backtest.programs_play import play
from streams.backtest.programs_rows import Launch, ProgramsOptions, read_launches
from streams.backtest.shadow_play import (
    Budget,
    ByValue,
    Options,
    Policy,
    Replay,
    Run,
    options_of,
)
from streams.backtest.shadow_plot import plot_curve
from streams.backtest.shadow_rule import TTLS_S, MostFrequent, least_prices
from streams.runtime.csv_file import write_csv
from streams.runtime.recordings import Format, RecordingError
from streams.runtime.terminal import Terminal

BUDGETS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
OURS = "warmfront"


@dataclass(frozen=True, slots=True)
class Declared:
    """What is declared of the steps that every program is taken to begin with.

    Parameters
    ----------
    saves_s, ttl_s, rebuild_s
        See `Preparation`.
    price_s
        Least that an instance-minute counts as, in seconds of waiting, however much may be spent;
        None: learned from what the rule to beat earns a minute.
    """

    saves_s: float = 20.0
    ttl_s: float = 900.0
    rebuild_s: float = 60.0
    price_s: float | None = None

    @property
    def preparation(self) -> Preparation:
        """The steps as the policies take them."""
        return Preparation(self.saves_s, self.saves_s, 0.0, self.ttl_s, self.rebuild_s)

    def least_prices(self, launches: Sequence[Launch]) -> list[float]:
        """Return the least price at each launch."""
        if self.price_s is None:
            return least_prices(launches, self.preparation)
        return [self.price_s] * len(launches)


@dataclass(frozen=True, slots=True)
class Curve:
    """One policy under one budget."""

    policy: str
    budget: float
    runs: list[Run]

    def point(self, launches: int) -> dict[str, Any]:
        """Return what it saved and wasted."""
        saved_s = sum(run.saved_s for run in self.runs)
        wasted_min = sum(run.wasted_min for run in self.runs)
        return {
            "policy": self.policy,
            "budget_min_per_launch": self.budget,
            "runs": len(self.runs),
            "hits": sum(run.hit for run in self.runs),
            "saved_s": saved_s,
            "wasted_min": wasted_min,
            "saved_s_per_wasted_min": saved_s / wasted_min if wasted_min else None,
            "wasted_min_per_launch": wasted_min / launches if launches else 0.0,
        }


def curves(
    launches: Sequence[Launch], options: Options, steps: Preparation, least: Sequence[float]
) -> Iterable[Curve]:
    """Play every policy under every budget."""
    for per_launch in BUDGETS:
        policies: dict[str, Policy] = {OURS: ByValue(launches, options, steps, least)}
        for ttl_s in TTLS_S:
            policies[f"most frequent, {ttl_s:g} s"] = MostFrequent(launches, steps, ttl_s)
        for name, policy in policies.items():
            replay = Replay(launches, steps, Budget(per_launch))
            yield Curve(name, per_launch, replay.play(policy))


def run(
    options: ProgramsOptions, declared: Declared, bar: Progress | None = None
) -> tuple[dict[str, Any], list[Curve]]:
    """Play the recording; return the JSON's content and every run.

    Raises
    ------
    RecordingError
        If the file can't be read, or has no times.
    """
    launches, timed = read_launches(options)
    if not timed:
        raise RecordingError("shadow runs need times: which column holds them?")
    bar = bar or Progress(disable=True)
    task = bar.add_task("predictions", total=len(launches))
    played = play(
        launches, timed=True, switches=options.switches,
        report=lambda rows: bar.update(task, completed=rows),
    )  # fmt: skip
    task = bar.add_task("budgets", total=len(BUDGETS) * (1 + len(TTLS_S)))
    found, steps, least = [], declared.preparation, declared.least_prices(launches)
    for curve in curves(launches, options_of(played.after, steps), steps, least):
        found.append(curve)
        bar.update(task, advance=1)
    points = [curve.point(len(launches)) for curve in found]
    price_s = sum(least) / len(least) if least else None
    return {
        "launches": len(launches),
        "least_price_s": price_s,
        "points": points,
        "ahead": ahead(points),
    }, found


def ahead(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Compare at each budget: what is saved, and saved per wasted minute, over the best rule's."""
    compared = []
    for budget in BUDGETS:
        at = [p for p in points if p["budget_min_per_launch"] == budget]
        ours = next(p for p in at if p["policy"] == OURS)
        rules = [p for p in at if p["policy"] != OURS]
        most_s = max(p["saved_s"] for p in rules)
        most_rate = max(p["saved_s_per_wasted_min"] or 0.0 for p in rules)
        compared.append(
            {
                "budget_min_per_launch": budget,
                "saved_ratio": ours["saved_s"] / most_s if most_s else None,
                "rate_ratio": (ours["saved_s_per_wasted_min"] or 0.0) / most_rate
                if most_rate
                else None,
            }
        )
    return compared


def _write(path: Path, found: Iterable[Curve]) -> None:
    header = ("policy", "budget", "row", "user", "program", "start", "hit", "saved_s", "wasted_min")
    rows = (
        (curve.policy, curve.budget, r.row, r.user, r.program, r.start_s, int(r.hit), r.saved_s,
         r.wasted_min)
        for curve in found for r in curve.runs
    )  # fmt: skip
    write_csv(path, header, rows)


def command(
    file: Annotated[Path, typer.Argument(help="Recording: csv, csv.gz, ndjson, parquet or swf.")],
    *,
    user: Annotated[str | None, typer.Option(help="Column of the user.")] = None,
    program: Annotated[str | None, typer.Option(help="Column of the program.")] = None,
    time: Annotated[str | None, typer.Option(help="Column of times: ISO 8601 or seconds.")] = None,
    switches: Annotated[bool, typer.Option("--switches", help="Drop consecutive repeats.")] = False,
    fmt: Annotated[Format | None, typer.Option("--format", help="Default: by the name.")] = None,
    saves_s: Annotated[float, typer.Option(min=0.1, help="Seconds that the steps save.")] = 20.0,
    ttl_s: Annotated[float, typer.Option(min=1, help="How long they are good for.")] = 900.0,
    rebuild_s: Annotated[float, typer.Option(min=0, help="Seconds of a rebuild.")] = 60.0,
    price_s: Annotated[
        float | None,
        typer.Option(min=0, help="Least that an instance-minute is worth, in s; else learned."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Every run: .csv or .csv.gz.")] = None,
    plot: Annotated[Path | None, typer.Option(help="The curve: .png or .svg.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Prepare likely next programs under budgets, and report what was saved and wasted."""
    console = Terminal(stderr=True)
    options = ProgramsOptions(file, user, program, time, switches=switches, format=fmt)
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            result, found = run(options, Declared(saves_s, ttl_s, rebuild_s, price_s), bar)
        if out is not None:
            _write(out, found)
        if plot is not None:
            plot_curve(plot, result["points"], file.name)
    except (RecordingError, OSError) as error:
        console.error(error)
        raise typer.Exit(2) from error
    if as_json:
        print(json.dumps(result, allow_nan=False))
    else:
        _show(result)


def _show(result: dict[str, Any]) -> None:
    columns = ("policy", "min a launch", "runs", "hits", "saved s", "wasted min", "s per min")
    table = Table(*columns, title=f"{result['launches']:,} launches")
    for p in result["points"]:
        rate = p["saved_s_per_wasted_min"]
        table.add_row(
            p["policy"], f"{p['budget_min_per_launch']:g}", f"{p['runs']:,}", f"{p['hits']:,}",
            f"{p['saved_s']:,.0f}", f"{p['wasted_min']:,.0f}",
            "-" if rate is None else f"{rate:.1f}",
        )  # fmt: skip
    Terminal().print(table)
