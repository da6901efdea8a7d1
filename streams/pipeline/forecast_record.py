"""Writes forecasts as records, with ids that a repeat gives again."""

import numpy as np
import numpy.typing as npt

from schemas.records import DemandForecast, Step
from schemas.topics import FORECASTS_DEMAND
from streams.models.demand import LEVELS, MODEL
from streams.models.demand.peak import peak
from streams.pipeline.outputs import Output
from streams.pipeline.resources import UNITS, ResourceName

HOUR_STEPS = 60
DAY_STEPS = tuple(range(1, 25))
WEEK_STEPS = tuple(range(1, 169))
STEP_MS = {"HOUR": 60_000, "DAY": 3_600_000, "WEEK": 3_600_000}


def steps_of(made_at_ms: int, step_ms: int, quantiles: npt.NDArray[np.float64]) -> list[Step]:
    """Return the steps of a forecast; the array is unpacked whole, not row by row."""
    rows = enumerate(quantiles.tolist())
    return [Step(time=made_at_ms + k * step_ms, quantiles=row) for k, row in rows]


def forecast_output(
    pool: str, resource: ResourceName, horizon: str, made_at_ms: int,
    quantiles: npt.NDArray[np.float64], means: npt.NDArray[np.float64],
) -> Output:  # fmt: skip
    """Return a forecast's record.

    Parameters
    ----------
    pool, resource, horizon
        What is forecast: HOUR in minutes, DAY and WEEK in hours.
    made_at_ms
        Event time at which all that was known is in it; the first step begins then.
    quantiles
        At `LEVELS`, of shape (steps, 8), in the resource's unit.
    means
        Expected value of each step, of shape (steps,).
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
        steps=steps_of(made_at_ms, step_ms, quantiles),
        levels=list(LEVELS),
        peak=peak(quantiles).tolist(),
        model=MODEL,
        means=means.tolist(),
    )
    return Output(FORECASTS_DEMAND, pool, record)


def day_and_week(
    pool: str, resource: ResourceName, made_at_ms: int, week: npt.NDArray[np.float64],
    means: npt.NDArray[np.float64],
) -> list[Output]:  # fmt: skip
    """Return the records of a week by the hour, shape (168, 8) with means (168,), and its day."""
    day = len(DAY_STEPS)
    return [
        forecast_output(pool, resource, "DAY", made_at_ms, week[:day], means[:day]),
        forecast_output(pool, resource, "WEEK", made_at_ms, week, means),
    ]
