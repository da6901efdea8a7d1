"""Runs `warmfront backtest demand` over a folder of hourly files and prints the ratios to naive.

python tests/bench/bench_demand.py ../shared/data/prepared/demand

With --cost it takes the time of one pool of five resources instead, as the pipeline updates it: a
minute at a time, and at each full hour with the forecasts of the next day and week.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import typer

from schemas.records import DemandObserved, MinuteDemand
from streams.backtest.demand import HORIZONS, Options, run
from streams.pipeline.pool_state import PoolState
from streams.pipeline.pools import PoolFold
from streams.pipeline.resources import RESOURCES

TARGETS = {"mae_to_naive": (0.84, 0.85, 0.92), "winkler_to_naive": (0.66, 0.73, 0.87)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--cost", action="store_true")
    given = parser.parse_args()
    if given.cost:
        typer.echo(cost())
        return 0
    if given.folder is None:
        parser.error("which folder?")
    folder = given.folder
    results = {}
    for file in sorted(folder.glob("*.csv*")):
        results[file.name.split(".")[0]] = run(Options(file, "time", "value"))
        typer.echo(line(file.name.split(".")[0], results[file.name.split(".")[0]]))
    for key, targets in TARGETS.items():
        for horizon, target in zip(HORIZONS, targets, strict=True):
            figures = [r["baselines"][str(horizon)][key] for r in results.values()]
            known = [figure for figure in figures if figure is not None]
            typer.echo(
                f"{key} at {horizon}: mean {np.mean(known):.4f} of {len(known)} files"
                f" (target {target}), worst {max(known):.3f}"
            )
    typer.echo(extremes(results))
    return 0


def cost(weeks: int = 3) -> str:
    """Milliseconds of processor time an update of one pool, by what the update closes."""
    rng = np.random.default_rng(1)
    fold = PoolFold("office", PoolState.empty(1, len(RESOURCES)), {}.get)
    first = 487_000 * 60
    took: dict[str, list[float]] = {"hour": [], "forecast of an hour": [], "minute": []}
    for minute in range(first, first + weeks * 7 * 24 * 60):
        level = int(rng.integers(1, 1000))
        told = MinuteDemand(
            time=minute * 60_000, launches=int(rng.poisson(3.0)), cpu_millicore_ms=level * 60_000,
            memory_kib_ms=level * 60_000, storage_kib_ms=level * 60_000,
            network_byte_ms=level * 60_000, cpu_millicores=level, memory_kib=level,
            storage_kib=level, network_bytes_per_s=level,
        )  # fmt: skip
        observed = DemandObserved(
            pool="office", source_partition=0, source_offset=minute, minutes=[told],
            closed_through=(minute + 1) * 60_000,
        )  # fmt: skip
        before = time.process_time()
        fold.apply(observed)
        spent = 1000.0 * (time.process_time() - before)
        is_hour, is_mark = (minute + 1) % 60 == 0, (minute + 1) % 5 == 0
        kind = "hour" if is_hour else "forecast of an hour" if is_mark else "minute"
        took[kind].append(spent)
    parts = []
    for kind, times in took.items():
        last = np.array(times[len(times) // 3 :])
        parts.append(f"{kind} {np.median(last):.2f} (95 %: {np.quantile(last, 0.95):.2f}) ms")
    every = sum(sum(times[len(times) // 3 :]) for times in took.values())
    count = sum(len(times) - len(times) // 3 for times in took.values())
    return "an update that closes a " + ", ".join(parts) + f"; mean {every / count:.2f} ms a minute"


def extremes(results: dict) -> str:
    """By horizon: the least and most covered night, day and month of all files."""
    lines = []
    for horizon in map(str, HORIZONS):
        groups = [r["horizons"][horizon]["coverage90_by"] for r in results.values()]
        parts = [f"coverage at {horizon}:"]
        for least, most in (("night", "night"), ("day", "day"), ("month_least", "month_most")):
            low = min(g[least] for g in groups if g[least] is not None)
            high = max(g[most] for g in groups if g[most] is not None)
            parts.append(f"{least.split('_')[0]} {low:.3f} to {high:.3f}")
        lines.append(" ".join(parts))
    return "\n".join(lines)


def line(name: str, result: dict) -> str:
    parts = [f"{name:32s}"]
    for horizon, scores in result["horizons"].items():
        naive = result["baselines"][horizon]
        winkler = naive["winkler_to_naive"]
        parts.append(
            f"{naive['mae_to_naive']:.3f} {'    -' if winkler is None else f'{winkler:.3f}'}"
            f" {scores['coverage90']:.3f}"
        )
    return " | ".join(parts) + f" | {result['us_per_row']:.0f} us"


if __name__ == "__main__":
    sys.exit(main())
