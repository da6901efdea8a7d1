"""Anomalies: how unlike its past a series, a user or a forecast's residual is."""

from streams.models.anomaly.series import SeriesDetector

__all__ = ["SeriesDetector"]
