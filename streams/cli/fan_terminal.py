"""A forecast's fan chart in the terminal."""

from typing import Any

import plotext

from schemas.records import DemandForecast
from streams.cli.fan_levels import quantiles_at
from streams.cli.shown import when

HEIGHT = 16
TICKS = 6
OUTER, INNER, MIDDLE = "░", "▒", "█"


def terminal_fan(forecast: DemandForecast, width: int) -> str:
    """Return a chart: light 5 to 95 %, darker 25 to 75 %, full blocks at the median.

    Parameters
    ----------
    forecast
        What is drawn.
    width
        Columns of the terminal.
    """
    figure = plotext.figure.clear()
    figure.theme("colorless")
    figure.plot_size(width, HEIGHT)
    figure.title(title_of(forecast))
    _band(figure, forecast, 0.05, 0.95, OUTER)
    _band(figure, forecast, 0.25, 0.75, INNER)
    edges = [k + side for k in range(len(forecast.steps)) for side in (0.0, 0.5, 1.0)]
    median = [q for q in quantiles_at(forecast, 0.5) for _ in range(3)]
    figure.draw(figure.signal(edges, median, marker=MIDDLE).lines())
    every = max(1, len(forecast.steps) // TICKS)
    labels = [when(step.time, "%a %H:%M") for step in forecast.steps[::every]]
    figure.ruler("x").ticks(list(range(0, len(forecast.steps), every)), labels)
    chart = str(plotext.uncolorize(str(figure.build())))
    return chart + "\n" + summary_of(forecast)


def title_of(forecast: DemandForecast) -> str:
    """Say what a chart shows."""
    return (
        f"{forecast.pool}: {forecast.resource.lower()} ({forecast.unit}), next"
        f" {forecast.horizon.lower()}, made {when(forecast.made_at)} UTC"
    )


def summary_of(forecast: DemandForecast) -> str:
    """Say the peak and the first step in figures."""
    low, median, high = (forecast.peak[forecast.levels.index(p)] for p in (0.05, 0.5, 0.95))
    first = [quantiles_at(forecast, p)[0] for p in (0.05, 0.5, 0.95)]
    return (
        f"{OUTER} 5 to 95 %  {INNER} 25 to 75 %  {MIDDLE} median"
        f" | next step {first[1]:.4g} ({first[0]:.4g} to {first[2]:.4g})"
        f" | peak {median:.4g} ({low:.4g} to {high:.4g})"
    )


def _band(figure: Any, forecast: DemandForecast, low: float, high: float, marker: str) -> None:
    pairs = zip(quantiles_at(forecast, low), quantiles_at(forecast, high), strict=True)
    for k, (bottom, top) in enumerate(pairs):
        figure.draw(figure.rectangle((k, k + 1), (bottom, top), marker=marker))
