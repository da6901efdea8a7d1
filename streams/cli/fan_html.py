"""Fan charts of forecasts as one HTML page that needs no network: plotly's script is in it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from schemas.records import DemandForecast
from streams.cli.fan_levels import BANDS, quantiles_at
from streams.cli.fan_terminal import title_of

ROW_PX = 380
BLUE = "31,119,180"


def write_html(path: Path, forecasts: Sequence[DemandForecast]) -> None:
    """Write forecasts below each other; raises OSError where the file can't be written."""
    titles = [title_of(forecast) for forecast in forecasts]
    figure = make_subplots(rows=len(forecasts), cols=1, subplot_titles=titles)
    for row, forecast in enumerate(forecasts, 1):
        for trace in _traces(forecast, legend=row == 1):
            figure.add_trace(trace, row=row, col=1)
        figure.update_yaxes(title_text=forecast.unit, row=row, col=1)
    figure.update_layout(height=ROW_PX * len(forecasts), hovermode="x unified")
    page = figure.to_html(include_plotlyjs=True, full_html=True)
    path.write_text(page, encoding="utf-8")


def _traces(forecast: DemandForecast, *, legend: bool) -> list[Any]:
    times = [datetime.fromtimestamp(step.time / 1000, UTC) for step in forecast.steps]
    traces = [
        _edge(times, forecast, level, f"rgba({BLUE},{opacity})", fill)
        for low, high, opacity in BANDS
        for level, fill in ((low, None), (high, "tonexty"))
    ]
    line = {"color": "black", "shape": "hv"}
    median = quantiles_at(forecast, 0.5)
    return [*traces, go.Scatter(x=times, y=median, name="median", line=line, showlegend=legend)]


def _edge(
    times: list[datetime], forecast: DemandForecast, level: float, color: str, fill: str | None
) -> Any:
    """One edge of a band; the upper one is filled down to the lower."""
    values, line = quantiles_at(forecast, level), {"width": 0, "shape": "hv"}
    return go.Scatter(
        x=times, y=values, name=f"{level:.0%}", fill=fill, fillcolor=color, line=line,
        showlegend=False,
    )  # fmt: skip
