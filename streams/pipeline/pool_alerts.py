"""Alerts of one pool: hours whose demand is unlike what was forecast, grouped into incidents."""

from collections.abc import Sequence

from schemas.records import AnomalyAlert
from schemas.topics import ALERTS_ANOMALIES
from streams.models.anomaly import Budget, Incidents, Observation, ResidualDetector
from streams.pipeline.outputs import Output
from streams.pipeline.resources import RESOURCES, UNITS

# Alerts a day and pool; a quiet month stays within it.
ALERTS_PER_DAY = 1.0
HOUR_S = 3600.0


class PoolAlerts:
    """Judges each closed hour against its forecast.

    Parameters
    ----------
    pool
        Its name.
    residuals, incidents
        Saved state, empty at first.
    """

    def __init__(self, pool: str, residuals: Sequence[bytes], incidents: bytes) -> None:
        self._pool = pool
        self._residuals = [
            ResidualDetector.from_bytes(data) if data else ResidualDetector() for data in residuals
        ]
        budget = Budget(per_day=ALERTS_PER_DAY)
        self._incidents = (
            Incidents.from_bytes(incidents, per_day=ALERTS_PER_DAY)
            if incidents
            else Incidents(budget)
        )

    def observe(
        self, row: Sequence[float], expected: Sequence[Sequence[float]], levels: Sequence[float],
        end_ms: int,
    ) -> list[Output]:  # fmt: skip
        """Judge an hour.

        Parameters
        ----------
        row
            What was, one value for each resource.
        expected
            Quantiles that were forecast for it, by resource; empty where there was no forecast.
        levels
            Their levels.
        end_ms
            When the hour ended.
        """
        alerts = self._incidents.tick(end_ms / 1000 - HOUR_S)
        for number, quantiles in enumerate(expected):
            if quantiles:
                seen = self._judge(number, row[number], levels, quantiles, end_ms)
                alerts += self._incidents.observe(f"{self._pool}/{RESOURCES[number]}", seen)
        return [self._output(alert) for alert in alerts]

    def save(self) -> tuple[list[bytes], bytes]:
        """Return the state as bytes."""
        return [detector.to_bytes() for detector in self._residuals], self._incidents.to_bytes()

    def _judge(
        self, number: int, value: float, levels: Sequence[float], quantiles: Sequence[float],
        end_ms: int,
    ) -> Observation:  # fmt: skip
        detector = self._residuals[number]
        judgement = detector.judge(value, levels, quantiles)
        detector.learn(value, levels, quantiles)
        resource = RESOURCES[number]
        return Observation(
            kind="demand",
            time_s=end_ms / 1000,
            score=judgement.score,
            observed=value,
            expected_low=quantiles[0],
            expected_high=quantiles[-1],
            p_value=judgement.p_value,
            what=f"{value:.4g} {UNITS[resource]} in an hour of pool {self._pool}",
        )

    def _output(self, alert: AnomalyAlert) -> Output:
        return Output(ALERTS_ANOMALIES, alert.subject, alert)
