"""Turns a forecast by the minute into what the reserve asks: requests within a launch time."""

import math

import numpy as np

from schemas.records import DemandForecast


def within_lead(forecast: DemandForecast, lead_s: float) -> tuple[float, float]:
    """Return the median and the highest quantile of the sum over the next lead time.

    Steps are taken as independent, so their distances from the median add up as variances do; how
    far the result is to be trusted is for the policy to learn.

    Examples
    --------
    >>> from schemas.records import Step
    >>> steps = [Step(time=60_000 * k, quantiles=[1.0, 4.0]) for k in range(60)]
    >>> hour = DemandForecast(
    ...     forecast_id="f", pool="office", resource="INSTANCES", unit="launches", made_at=0,
    ...     horizon="HOUR", step_s=60, steps=steps, levels=[0.5, 0.95], peak=[1.0, 4.0], model="m",
    ... )
    >>> within_lead(hour, 240.0)
    (4.0, 10.0)
    """
    if not forecast.steps or not forecast.levels:
        return 0.0, 0.0
    levels = np.asarray(forecast.levels)
    middle, top = int(np.argmin(np.abs(levels - 0.5))), int(np.argmax(levels))
    count = lead_s / max(forecast.step_s, 1)
    mean = variance = 0.0
    for number, step in enumerate(forecast.steps[: math.ceil(count)]):
        share = min(1.0, count - number)
        median = max(step.quantiles[middle], 0.0)
        mean += share * median
        variance += share * max(step.quantiles[top] - median, 0.0) ** 2
    return mean, mean + math.sqrt(variance)
