"""Forecasts hourly files with statsforecast's AutoETS(24) and MSTL(24, 168) + AutoETS, beside ours.

make bench-baselines
.cache/bench/bin/python tests/bench/bench_statsforecast.py ../shared/data/prepared/demand

A refit takes a second or more, so each file is forecast from a few origins, spread evenly over
what is scored, each from the 8 weeks before it. Ours is scored at the same rows. Printed: absolute
error and Winkler score (90 %) at 1, 24 and 168 hours over those rows, in multiples of the series'
mean, and coverage. statsforecast is no dependency of Warmfront: it is locked in infra/bench.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import typer

from streams.backtest.demand import HORIZONS, forecast_rows
from streams.backtest.demand_calendar import EventCalendar
from streams.backtest.demand_series import Series, read_series
from streams.models.demand import LEVELS

HISTORY, FIRST_SCORED = 8 * 168, 504
LOW, MEDIAN, HIGH = (LEVELS.index(level) for level in (0.05, 0.5, 0.95))


def contenders():
    """Return the makers of statsforecast's models, by name."""
    # Here, as the tests' environment has no statsforecast and reads this file for doctests.
    from statsforecast.models import MSTL, AutoETS  # noqa: PLC0415

    return {
        "AutoETS(24)": lambda: AutoETS(season_length=24),
        "MSTL(24,168)+AutoETS": lambda: MSTL([24, 168], trend_forecaster=AutoETS(model="ZZN")),
    }


def stated_by(make, series: Series, origins: np.ndarray) -> dict[int, np.ndarray]:
    """Return low, median and high by horizon, shape (origins, 3), of a model of statsforecast."""
    found = {h: np.empty((len(origins), 3)) for h in HORIZONS}
    for row, origin in enumerate(origins):
        history = series.values[max(0, origin + 1 - HISTORY) : origin + 1]
        told = make().forecast(y=history, h=max(HORIZONS), level=[90])
        for h in HORIZONS:
            found[h][row] = [told[name][h - 1] for name in ("lo-90", "mean", "hi-90")]
    return found


def ours(series: Series, origins: np.ndarray) -> dict[int, np.ndarray]:
    made = forecast_rows(series, EventCalendar((), series.step_s))
    return {h: made[h][origins + h][:, [LOW, MEDIAN, HIGH]] for h in HORIZONS}


def line(name: str, stated: dict[int, np.ndarray], series: Series, origins: np.ndarray) -> str:
    parts, unit = [f"  {name:22s}"], abs(float(np.mean(series.values)))
    for h in HORIZONS:
        truth, (low, median, high) = series.values[origins + h], stated[h].T
        outside = np.maximum(low - truth, 0.0) + np.maximum(truth - high, 0.0)
        winkler = np.mean(high - low + 20.0 * outside) / unit
        inside = np.mean((low <= truth) & (truth <= high))
        parts.append(f"{np.abs(truth - median).mean() / unit:.3f} {winkler:6.3f} {inside:.2f}")
    return " | ".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--origins", type=int, default=8)
    parser.add_argument("--only", default="", help="Part of the files' names.")
    given = parser.parse_args()
    for file in sorted(f for f in given.folder.glob("*.csv*") if given.only in f.name):
        series = read_series(file, "time", "value", "1h")
        if not np.isfinite(series.values).all():
            typer.echo(f"{file.name}: has gaps, which statsforecast does not take")
            continue
        last = len(series.values) - max(HORIZONS) - 1
        first = min(FIRST_SCORED, last - 1)
        origins = np.unique(np.linspace(first, last, given.origins).astype(int))
        typer.echo(f"{file.name} ({len(origins)} origins)")
        typer.echo(line("warmfront", ours(series, origins), series, origins))
        for name, make in contenders().items():
            typer.echo(line(name, stated_by(make, series, origins), series, origins))
    return 0


if __name__ == "__main__":
    sys.exit(main())
