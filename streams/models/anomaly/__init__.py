"""Anomalies: how unlike its past a series, a user or a forecast's residual is."""

from streams.models.anomaly.budget import Budget
from streams.models.anomaly.crowd import Crowd, CrowdDetector
from streams.models.anomaly.drift import DriftDetector, Shift
from streams.models.anomaly.incidents import Incidents
from streams.models.anomaly.observation import Observation
from streams.models.anomaly.residual import ResidualDetector
from streams.models.anomaly.running_tail import Judgement
from streams.models.anomaly.series import SeriesDetector
from streams.models.anomaly.surprise import Surprise

__all__ = [
    "Budget", "Crowd", "CrowdDetector", "DriftDetector", "Incidents", "Judgement", "Observation",
    "ResidualDetector", "SeriesDetector", "Shift", "Surprise",
]  # fmt: skip
