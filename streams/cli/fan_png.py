"""Fan charts of forecasts as a PNG."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from matplotlib.figure import Figure

from schemas.records import DemandForecast
from streams.cli.fan_levels import BANDS, quantiles_at
from streams.cli.fan_terminal import title_of


def write_png(path: Path, forecasts: Sequence[DemandForecast]) -> None:
    """Draw forecasts below each other; raises OSError where the file can't be written."""
    figure = Figure(figsize=(12, 4 * len(forecasts)))
    panels = figure.subplots(len(forecasts), squeeze=False)[:, 0]
    for axes, forecast in zip(panels, forecasts, strict=True):
        times = [datetime.fromtimestamp(step.time / 1000, UTC) for step in forecast.steps]
        for low, high, opacity in BANDS:
            axes.fill_between(
                times, quantiles_at(forecast, low), quantiles_at(forecast, high), step="post",
                color="tab:blue", alpha=opacity, linewidth=0, label=f"{low:.0%} to {high:.0%}",
            )  # fmt: skip
        axes.step(times, quantiles_at(forecast, 0.5), where="post", color="black", label="median")
        axes.set_title(title_of(forecast))
        axes.set_ylabel(forecast.unit)
        axes.legend(loc="upper left")
    figure.autofmt_xdate()
    figure.tight_layout()
    figure.savefig(path, dpi=110, format="png")
