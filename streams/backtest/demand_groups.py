"""Coverage by night, by day and within each month: an average hides where a promise is broken."""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from streams.backtest.demand_scores import Floats, coverage90

NIGHT_FROM, NIGHT_UNTIL = 22, 6  # local hours
FEWEST_ROWS = 336  # of a month that is judged: 20 of its rows would be outside by chance 15 to 54


class Groups(NamedTuple):
    """What each scored row belongs to, arrays of shape (rows,)."""

    is_night: npt.NDArray[np.bool_]
    month: npt.NDArray[np.int64]


def groups_of(steps: npt.NDArray[np.int64], start_s: float, step_s: float, zone: str) -> Groups:
    """Return which of a series' steps begin at night, and the month of each.

    Examples
    --------
    >>> groups = groups_of(np.array([0, 12, 24 * 31]), 0.0, 3600.0, "UTC")
    >>> groups.is_night.tolist(), groups.month.tolist()
    ([True, False, True], [23640, 23640, 23641])
    """
    local = ZoneInfo(zone)
    moments = [datetime.fromtimestamp(start_s + k * step_s, UTC).astimezone(local) for k in steps]
    hours = np.array([moment.hour for moment in moments])
    months = np.array([12 * moment.year + moment.month - 1 for moment in moments])
    return Groups((hours >= NIGHT_FROM) | (hours < NIGHT_UNTIL), months)


def coverage_by_group(outcomes: Floats, stated: Floats, groups: Groups) -> dict[str, Any]:
    """Return the share of outcomes in the 90 % interval by night, by day, and by month.

    Of the months with FEWEST_ROWS rows the least and the most covered are told; None where there
    is no row or no such month.
    """
    found: dict[str, Any] = {
        "night": _share(outcomes, stated, groups.is_night),
        "day": _share(outcomes, stated, ~groups.is_night),
    }
    shares = [
        coverage90(outcomes[groups.month == month], stated[groups.month == month])
        for month, rows in zip(*np.unique(groups.month, return_counts=True), strict=True)
        if rows >= FEWEST_ROWS
    ]
    months = {"months": len(shares)}
    return found | months | {
        "month_least": min(shares, default=None), "month_most": max(shares, default=None)
    }  # fmt: skip


def _share(outcomes: Floats, stated: Floats, chosen: npt.NDArray[np.bool_]) -> float | None:
    return coverage90(outcomes[chosen], stated[chosen]) if chosen.any() else None
