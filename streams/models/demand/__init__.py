"""Probabilistic demand forecasts: experts mixed online, calibrated online, one series at a time."""

from streams.models.demand.events import Event
from streams.models.demand.hourly import ANCHORS, HourlyForecaster
from streams.models.demand.levels import LEVELS

__all__ = ["ANCHORS", "LEVELS", "Event", "HourlyForecaster"]
