"""Probabilistic demand forecasts: experts mixed online, calibrated online, one series at a time."""

from streams.models.demand.levels import LEVELS

__all__ = ["LEVELS"]
