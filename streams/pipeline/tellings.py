"""What a pool tells of itself for the total: of each closed hour, and of every five minutes."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from schemas.records import DemandPartial, ResourcePart
from schemas.topics import DEMAND_PARTIALS
from streams.pipeline.eventtime import HOUR_MS, MINUTE_MS
from streams.pipeline.forecast_record import HOUR_STEPS, WEEK_STEPS
from streams.pipeline.outputs import Output
from streams.pipeline.pool_minutes import MARK_MINUTES
from streams.pipeline.resources import RESOURCES, ResourceName

Floats = npt.NDArray[np.float64]


def hour_telling(
    pool: str, end_ms: int, row: Sequence[float], means: Sequence[Floats | None]
) -> Output:
    """Return what a pool tells of a closed hour.

    Parameters
    ----------
    pool
        The pool.
    end_ms
        When the hour ended.
    row
        What was, by resource; empty while the pool never had demand.
    means
        By resource, what is expected of the next week's hours, shape (168,); None where nothing is.
    """
    parts = [
        ResourcePart(
            resource=resource,
            observed=value,
            week_means=[] if week is None else week.tolist(),
        )
        for resource, value, week in zip(RESOURCES, row, means, strict=bool(row))
    ]
    return Output(DEMAND_PARTIALS, pool, DemandPartial(pool=pool, made_at=end_ms, parts=parts))


def minutes_part(
    resource: ResourceName, minutes: Sequence[float], hour_means: Floats
) -> ResourcePart:
    """Return what was in a resource's last minutes, and is expected of the next 60, shape (60,)."""
    return ResourcePart(
        resource=resource, observed=0.0, week_means=[], minutes=list(minutes),
        hour_means=hour_means.tolist(),
    )  # fmt: skip


def minutes_telling(
    pool: str, mark_ms: int, parts: Iterable[ResourcePart], *, is_due: bool
) -> Output:
    """Return what a pool tells at a mark.

    Parameters
    ----------
    pool
        The pool.
    mark_ms
        The mark: a full five minutes.
    parts
        One for each resource that it ever had demand of.
    is_due
        Whether it forecasts its next hour with this.
    """
    record = DemandPartial(
        pool=pool, made_at=mark_ms, parts=list(parts), by_minute=True, is_due=is_due
    )
    return Output(DEMAND_PARTIALS, pool, record)


def check(told: DemandPartial) -> None:
    """Raise ValueError for a telling that no pool makes, before anything of it is added up."""
    if told.made_at % (MARK_MINUTES * MINUTE_MS if told.by_minute else HOUR_MS):
        raise ValueError("a telling of no full hour or five minutes")
    if len({part.resource for part in told.parts}) < len(told.parts):
        raise ValueError("a telling with a resource twice")
    for part in told.parts:
        means, steps = part.week_means, len(WEEK_STEPS)
        if told.by_minute:
            means, steps = part.hour_means, HOUR_STEPS
        if len(means) not in {0, steps} or len(part.minutes) > MARK_MINUTES:
            raise ValueError("a telling of more or fewer steps than there are")
        if not all(map(math.isfinite, (part.observed, *part.minutes, *means))):
            raise ValueError("a telling with a figure that is not finite")
