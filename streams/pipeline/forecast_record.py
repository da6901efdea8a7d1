"""Writes forecasts as records, with ids that a repeat gives again."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from schemas.records import DemandForecast, Step
from schemas.topics import FORECASTS_DEMAND
from streams.pipeline.outputs import Output
from streams.pipeline.resources import UNITS, ResourceName

DAY_STEPS = tuple(range(1, 25))
WEEK_STEPS = tuple(range(1, 169))
STEP_MS = {"HOUR": 60_000, "DAY": 3_600_000, "WEEK": 3_600_000}


def forecast_output(
    pool: str, resource: ResourceName, horizon: str, made_at_ms: int,
    quantiles: npt.NDArray[np.float64], peak: npt.NDArray[np.float64], levels: Sequence[float],
    model: str,
) -> Output:  # fmt: skip
    """Return a forecast's record.

    Parameters
    ----------
    pool, resource, horizon
        What is forecast: HOUR in minutes, DAY and WEEK in hours.
    made_at_ms
        Event time at which all that was known is in it; the first step begins then.
    quantiles
        Of shape (steps, levels), in the resource's unit.
    peak
        Of shape (levels,): quantiles of the largest step.
    levels
        Probabilities of the quantiles.
    model
        Name and version of the model.
    """
    step_ms = STEP_MS[horizon]
    record = DemandForecast(
        forecast_id=f"{pool}-{resource}-{horizon}-{made_at_ms}",
        pool=pool,
        resource=resource,
        unit=UNITS[resource],
        made_at=made_at_ms,
        horizon=horizon,  # type: ignore[arg-type]
        step_s=step_ms // 1000,
        steps=[
            Step(time=made_at_ms + k * step_ms, quantiles=row.tolist())
            for k, row in enumerate(quantiles)
        ],
        levels=list(levels),
        peak=peak.tolist(),
        model=model,
    )
    return Output(FORECASTS_DEMAND, pool, record)
