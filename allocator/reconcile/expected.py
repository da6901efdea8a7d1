"""Turns a forecast by the minute into what the reserve asks: requests within a launch time."""

import math
from collections.abc import Sequence

import numpy as np

from schemas.records import DemandForecast


def within_lead(
    forecast: DemandForecast, leads_s: Sequence[float], time_s: float
) -> tuple[float, float]:
    """Return the mean and an upper quantile of the demand within the lead time from `time_s` on.

    Steps are taken as independent, so their distances from the median add up as variances do; how
    far the result is to be trusted is for the policy to learn.

    Parameters
    ----------
    leads_s
        Equally likely lead times; that they differ widens the result.

    Examples
    --------
    >>> from schemas.records import Step
    >>> steps = [Step(time=60_000 * k, quantiles=[1.0, 4.0]) for k in range(60)]
    >>> hour = DemandForecast(
    ...     forecast_id="f", pool="office", resource="INSTANCES", unit="launches", made_at=0,
    ...     horizon="HOUR", step_s=60, steps=steps, levels=[0.5, 0.95], peak=[1.0, 4.0], model="m",
    ... )
    >>> within_lead(hour, [240.0], 0.0), within_lead(hour, [240.0], 30.0)
    ((4.0, 10.0), (4.0, 10.0))
    """
    if not forecast.steps or not forecast.levels:
        return 0.0, 0.0
    sums = [_within(forecast, lead_s, time_s) for lead_s in leads_s]
    means = [mean for mean, _ in sums]
    mean = sum(means) / len(means)
    spread = sum((m - mean) ** 2 for m in means) / len(means)
    return mean, mean + math.sqrt(sum(variance for _, variance in sums) / len(sums) + spread)


def _within(forecast: DemandForecast, lead_s: float, time_s: float) -> tuple[float, float]:
    """The sum of medians and of squared distances to the top quantile over one lead time."""
    levels = np.asarray(forecast.levels)
    middle, top = int(np.argmin(np.abs(levels - 0.5))), int(np.argmax(levels))
    mean = variance = 0.0
    for step in forecast.steps:
        start_s = step.time / 1000
        overlap_s = min(start_s + forecast.step_s, time_s + lead_s) - max(start_s, time_s)
        if overlap_s <= 0.0:
            continue
        share = overlap_s / forecast.step_s
        median = max(step.quantiles[middle], 0.0)
        mean += share * median
        variance += share * max(step.quantiles[top] - median, 0.0) ** 2
    return mean, variance
