"""Quantiles of a forecast by level."""

from schemas.records import DemandForecast

BANDS = ((0.05, 0.95, 0.2), (0.1, 0.9, 0.3), (0.25, 0.75, 0.45))  # low, high, opacity


def quantiles_at(forecast: DemandForecast, level: float) -> list[float]:
    """Return one quantile of each step.

    Raises
    ------
    ValueError
        If the forecast does not state that level.
    """
    at = forecast.levels.index(level)
    return [step.quantiles[at] for step in forecast.steps]
