"""Anomalies: how unlike its past a series, a user or a forecast's residual is."""

from streams.models.anomaly.residual import ResidualDetector
from streams.models.anomaly.running_tail import Judgement
from streams.models.anomaly.series import SeriesDetector
from streams.models.anomaly.surprise import Surprise

__all__ = ["Judgement", "ResidualDetector", "SeriesDetector", "Surprise"]
