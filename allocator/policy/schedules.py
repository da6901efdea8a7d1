"""Which budgets hold at a time, and the bounds that they and the pool add up to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from croniter import croniter

from schemas.budgets import Budget

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a pool's reserve may be, and which bound is whose.

    Parameters
    ----------
    least, most
        Instances.
    why_least, why_most
        Where each comes from, in words.
    """

    least: int
    most: int
    why_least: str = "min_instances"
    why_most: str = "max_instances"


def began_s(budget: Budget, time_s: float) -> float | None:
    """When the stretch of a budget began that `time_s` is in; None outside of any.

    Without a schedule each day (UTC) is one.

    Examples
    --------
    >>> office = Budget("0 7 * * mon-fri", "10h", min_instances=4)
    >>> monday_8h = datetime(2026, 11, 23, 8, tzinfo=UTC).timestamp()
    >>> monday_8h - began_s(office, monday_8h)
    3600.0
    >>> began_s(office, monday_8h + 10 * 3600) is None
    True
    """
    if not budget.schedule:
        return time_s - time_s % _DAY_S
    # croniter looks for times strictly before its start, and in whole seconds.
    after = datetime.fromtimestamp(math.floor(time_s) + 1, UTC).astimezone(
        ZoneInfo(budget.timezone)
    )
    fired: datetime = croniter(budget.schedule, after).get_prev(datetime)
    start_s = fired.timestamp()
    return start_s if time_s < start_s + budget.duration_s else None


def bounds_at(
    budgets: Sequence[Budget], least: int, most: int, time_s: float, lead_s: float
) -> Bounds:
    """The bounds now: the pool's own, narrowed by every budget that holds.

    A minimum holds from one lead time before its stretch, so that it is there when it begins. Where
    a minimum and a maximum contradict each other the maximum holds.

    Examples
    --------
    >>> night = Budget("0 20 * * *", "10h", max_instances=1)
    >>> bounds_at([night], 2, 9, datetime(2026, 11, 23, 21, tzinfo=UTC).timestamp(), 90.0).most
    1
    """
    bounds = Bounds(least, most)
    for budget in budgets:
        now = began_s(budget, time_s) is not None
        soon = now or began_s(budget, time_s + lead_s) is not None
        name = f"budget {budget.schedule or 'of each day'}"
        low, high = budget.min_instances, budget.max_instances
        if soon and low is not None and low > bounds.least:
            bounds = Bounds(low, bounds.most, name, bounds.why_most)
        if now and high is not None and high < bounds.most:
            bounds = Bounds(bounds.least, high, bounds.why_least, name)
    return bounds
