"""Probabilistic demand forecasts: experts mixed online, calibrated online, one series at a time."""

from streams.models.demand.events import Event
from streams.models.demand.hourly import ANCHORS, HourlyForecaster
from streams.models.demand.levels import LEVELS
from streams.models.demand.minute import MinuteForecaster

MODEL = "demand-1"

__all__ = ["ANCHORS", "LEVELS", "MODEL", "Event", "HourlyForecaster", "MinuteForecaster"]
