"""Writes what was forecast: row, horizon and seven quantiles."""

import csv
import gzip
import io
from pathlib import Path

import numpy as np

from streams.backtest.demand_scores import Floats
from streams.backtest.demand_series import Series
from streams.models.demand import LEVELS

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
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("row", "horizon", *(f"q{round(100 * level):02d}" for level in WRITTEN)))
    for row, step in zip(series.rows, series.steps, strict=True):
        for horizon, quantiles in made.items():
            stated = quantiles[step, _COLUMNS]
            if np.isfinite(stated).all():
                writer.writerow((row, horizon, *map(_text, stated)))
    data = text.getvalue().encode()
    # mtime 0: the same forecasts are the same file
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
