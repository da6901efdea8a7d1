"""Judges one pool: hours whose demand is unlike what was forecast, for every resource."""

from collections.abc import Sequence

from streams.models.anomaly import Observation, ResidualDetector
from streams.pipeline.eventtime import HOUR_MS
from streams.pipeline.judged import clock_mark, judged
from streams.pipeline.outputs import Output, output_id
from streams.pipeline.resources import RESOURCES, UNITS


class PoolAlerts:
    """Judges each closed hour against its forecast.

    Parameters
    ----------
    pool
        Its name.
    residuals
        Saved state of each resource's detector, empty at first.
    """

    def __init__(self, pool: str, residuals: Sequence[bytes]) -> None:
        self._pool = pool
        self._residuals = [
            ResidualDetector.from_bytes(data) if data else ResidualDetector() for data in residuals
        ]

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
        stage, hour = f"pool/{self._pool}", end_ms // HOUR_MS
        outputs: list[Output] = []
        for number, quantiles in enumerate(expected):
            if quantiles:
                seen = self._judge(number, row[number], levels, quantiles, end_ms)
                subject = f"{self._pool}/{RESOURCES[number]}"
                outputs += judged(output_id(stage, 0, hour, number), subject, seen)
        # Points of this hour may still come from other stages: only what was before it is over.
        mark = clock_mark(output_id(stage, 0, hour), self._pool, end_ms - HOUR_MS)
        return [*outputs, mark]

    def save(self) -> list[bytes]:
        """Return the state of each resource as bytes."""
        return [detector.to_bytes() for detector in self._residuals]

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
