"""Writes what was forecast: row, horizon and seven quantiles."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from streams.backtest.demand_scores import Floats
from streams.backtest.demand_series import Series
from streams.models.demand import LEVELS
from streams.runtime.csv_file import write_csv

WRITTEN = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
_COLUMNS = [LEVELS.index(level) for level in WRITTEN]
DIGITS = 12  # significant: far below any error, and the same text on every machine


def rounded(quantiles: Floats) -> Floats:
    """Round to the figures that are written.

    Examples
    --------
    >>> float(rounded(np.array([1 / 3]))[0])
    0.333333333333
    """
    flat = [float(_text(value)) for value in quantiles.ravel()]
    return np.array(flat).reshape(quantiles.shape)


def _text(value: float) -> str:
    return f"{value:.{DIGITS}g}"


def write_out(path: Path, series: Series, made: dict[int, Floats]) -> None:
    """Write the forecasts of the recording's rows by row, then horizon; .gz compresses.

    Rows before anything was known at a horizon are left out.
    """
    header = ("row", "horizon", *(f"q{round(100 * level):02d}" for level in WRITTEN))
    write_csv(path, header, _rows(series, made))


def _rows(series: Series, made: dict[int, Floats]) -> Iterator[tuple[object, ...]]:
    for row, step in zip(series.rows, series.steps, strict=True):
        for horizon, quantiles in made.items():
            stated = quantiles[step, _COLUMNS]
            if np.isfinite(stated).all():
                yield (row, horizon, *map(_text, stated))
