"""`warmfront bench`: what this machine can do, by the benches of the checkout it runs from."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from streams.runtime.terminal import Terminal

CHECKOUT = Path(__file__).resolve().parents[2]
BENCH = "tests.bench.bench_throughput"
FAILED, NO_CHECKOUT = 1, 2


def command(
    pieces: Annotated[
        list[str] | None,
        typer.Argument(
            help="stages, worker, two_workers, the same with half a core each (worker_half,"
            " two_workers_half), answers; raw, faust, quix, bytewax and, with the whole fold,"
            " raw_full, quix_full, bytewax_full. By default all."
        ),
    ] = None,
    *,
    events: Annotated[int, typer.Option(min=800, help="Events of the log.")] = 160_000,
    users: Annotated[int, typer.Option(min=2, help="Users that they are of.")] = 200,
    rounds: Annotated[int, typer.Option(min=1, help="How often each piece runs.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure throughput on this machine, piece by piece; reports/throughput.json keeps it."""
    if not (CHECKOUT / f"{BENCH.replace('.', '/')}.py").exists():
        typer.echo("error: the benches are in the checkout, which an image does not hold", err=True)
        raise typer.Exit(NO_CHECKOUT)
    sizes = ("--events", str(events), "--users", str(users), "--rounds", str(rounds))
    chosen = ("--pieces", *pieces) if pieces else ()
    done = subprocess.run(
        [sys.executable, "-m", BENCH, *sizes, *chosen], cwd=CHECKOUT, stdout=subprocess.PIPE,
        text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise typer.Exit(FAILED)
    if as_json:
        typer.echo(done.stdout, nl=False)
    else:
        _show(json.loads(done.stdout))


def _show(report: dict[str, Any]) -> None:
    machine = report["machine"]
    title = f"{machine['cpus']} cores, {machine['system']}"
    table = Table("piece", "measure", "value", title=title)
    for piece, runs in report["pieces"].items():
        for measure in runs[0]:
            values = ", ".join(f"{run[measure]:,}" for run in runs)
            table.add_row(piece, measure, values)
    Terminal().print(table)
