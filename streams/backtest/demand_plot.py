"""Fan chart of the last two weeks, and reliability of every quantile, as a PNG."""

from pathlib import Path

import numpy as np

from streams.backtest.demand_scores import Floats
from streams.backtest.demand_series import Series
from streams.models.demand import LEVELS
from streams.runtime.recordings import RecordingError

_BANDS = ((0, 6, 0.2), (1, 5, 0.3), (2, 4, 0.4))
_SHOWN_DAYS = 14


def write_plot(path: Path, series: Series, made: dict[int, Floats], first: int) -> None:
    """Draw the forecasts.

    Raises
    ------
    RecordingError
        If matplotlib, which only development installs, is missing.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - drawing is optional
    except ImportError as error:
        raise RecordingError("--plot needs matplotlib") from error
    figure = Figure(figsize=(14, 4 * len(made)))
    axes = figure.subplots(len(made), 2, width_ratios=(3, 1), squeeze=False)
    shown = slice(max(first, len(series.values) - _SHOWN_DAYS * series.day_steps), None)
    for (fan, reliability), (horizon, quantiles) in zip(axes, made.items(), strict=True):
        steps = np.arange(len(series.values))[shown]
        for low, high, alpha in _BANDS:
            band = quantiles[shown, low], quantiles[shown, high]
            fan.fill_between(steps, *band, color="tab:blue", alpha=alpha, linewidth=0)
        fan.plot(steps, series.values[shown], color="black", linewidth=0.8)
        fan.set_title(f"{horizon} steps ahead")
        known = np.isfinite(series.values[first:]) & np.isfinite(quantiles[first:, 0])
        below = series.values[first:, None][known] <= quantiles[first:][known]
        reliability.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
        reliability.plot(LEVELS, below.mean(axis=0), marker="o")
        reliability.set(xlabel="stated probability", ylabel="share below")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
