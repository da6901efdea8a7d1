"""Runs `warmfront backtest demand` over a folder of hourly files and prints the ratios to naive.

python tests/bench/bench_demand.py ../shared/data/prepared/demand
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import typer

from streams.backtest.demand import HORIZONS, Options, run

TARGETS = {"mae_to_naive": (0.84, 0.85, 0.92), "winkler_to_naive": (0.66, 0.73, 0.87)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
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
