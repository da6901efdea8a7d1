"""What is remembered of a series in one view of it: its values, or their cube roots.

The cube root tames peaks like a logarithm does, but needs no constant, takes zeros and negative
values, and scales with the series: root(8 y) = 2 root(y).
"""

from typing import NamedTuple

import numpy as np

from streams.models.compiled import kernel
from streams.models.demand.sorted_window import Floats, insert, replace

VIEWS = 2
VALUE, ROOT = 0, 1
HISTORY_WEEKS = 8

# Slots of the running levels.
(FAST, MIDDLE, SLOW, SHIFT, NOISE, DEVIATION, DEVIATION_BEFORE, WEEK_SUM, THREE_WEEK_SUM, MEAN,
 SPREAD, LOWEST, HIGHEST) = range(13)  # fmt: skip
LEVEL_SLOTS = 13


class View(NamedTuple):
    """History and running statistics of one view; `day` and `week` are steps in a cycle."""

    ring: Floats  # (8 week + day,): the value of row r is at r modulo the length
    week_profile: Floats  # (week,): additive profile over the level of the last week
    week_counts: Floats
    day_profile: Floats  # (day,)
    day_counts: Floats
    levels: Floats  # (LEVEL_SLOTS,)
    last_week: Floats  # (week,): sorted
    last_month: Floats  # (4 week,): sorted


def new_view(day: int) -> View:
    """Return the view of a series that nothing is known of."""
    week = 7 * day
    sizes = (HISTORY_WEEKS * week + day, week, week, day, day, LEVEL_SLOTS, week, 4 * week)
    return View(*(np.zeros(size) for size in sizes))


@kernel
def cube_root(value: float) -> float:
    """Cube root that keeps the sign.

    Examples
    --------
    >>> round(cube_root(-8.0), 12)
    -2.0
    """
    return float(np.cbrt(value))


@kernel
def from_view(which: int, seen: float) -> float:
    """Return the value of the series that a view shows as `seen`."""
    return seen * seen * seen if which == 1 else seen


@kernel
def profile(view: View, slot: int) -> float:
    """Offset from the week's level at an hour of the week, shrunk to its hour of the day."""
    count = view.week_counts[slot]
    hour = slot % len(view.day_profile)
    return float((count * view.week_profile[slot] + 2.0 * view.day_profile[hour]) / (count + 2.0))


@kernel
def _add_to_profile(view: View, slot: int, offset: float) -> None:
    hour = slot % len(view.day_profile)
    gain = max(1.0 / (view.week_counts[slot] + 1.0), 0.2)
    view.week_profile[slot] += gain * (offset - view.week_profile[slot])
    view.week_counts[slot] += 1.0
    gain = max(1.0 / (view.day_counts[hour] + 1.0), 0.1)
    view.day_profile[hour] += gain * (offset - view.day_profile[hour])
    view.day_counts[hour] += 1.0


@kernel
def _add_to_levels(view: View, rows: int, value: float) -> None:
    levels = view.levels
    levels[FAST] += 0.3 * (value - levels[FAST])
    levels[MIDDLE] += 0.06 * (value - levels[MIDDLE])
    levels[SLOW] += max(0.004, 1.0 / (rows + 1.0)) * (value - levels[SLOW])
    levels[SHIFT] += 0.1 * (levels[DEVIATION] - levels[SHIFT])
    levels[NOISE] += 0.04 * (abs(levels[DEVIATION]) - levels[NOISE])
    gain = max(1.0 / (rows + 1.0), 0.003)
    levels[MEAN] += gain * (value - levels[MEAN])
    levels[SPREAD] += gain * (abs(value - levels[MEAN]) - levels[SPREAD])
    levels[LOWEST] = min(levels[LOWEST], value)
    levels[HIGHEST] = max(levels[HIGHEST], value)


@kernel
def _add_to_windows(view: View, rows: int, value: float) -> None:
    """Slide the windows of one week, three weeks (sums) and four weeks (sorted) by one row."""
    ring, levels = view.ring, view.levels
    week, size = len(view.last_week), len(view.ring)
    levels[WEEK_SUM] += value
    levels[THREE_WEEK_SUM] += value
    if rows < week:
        insert(view.last_week, rows, value)
    else:
        replace(view.last_week, week, ring[(rows - week) % size], value)
        levels[WEEK_SUM] -= ring[(rows - week) % size]
    if rows >= 3 * week:
        levels[THREE_WEEK_SUM] -= ring[(rows - 3 * week) % size]
    if rows < 4 * week:
        insert(view.last_month, rows, value)
    else:
        replace(view.last_month, 4 * week, ring[(rows - 4 * week) % size], value)
    ring[rows % size] = value


@kernel
def _sum_afresh(view: View, rows: int) -> None:
    """Sum the windows again, once a week: what rounding left of a burst would stay for ever."""
    size, week = len(view.ring), len(view.last_week)
    total = 0.0
    for back in range(min(rows, 3 * week)):
        if back == week:
            view.levels[WEEK_SUM] = total
        total += view.ring[(rows - 1 - back) % size]
    view.levels[THREE_WEEK_SUM] = total
    if rows <= week:
        view.levels[WEEK_SUM] = total


@kernel
def learn_value(view: View, rows: int, slot: int, value: float) -> None:
    """Learn the value of row number `rows` (rows seen before it), at hour of the week `slot`."""
    levels = view.levels
    day, week = len(view.day_profile), len(view.week_profile)
    if rows == 0:
        levels[FAST] = levels[MIDDLE] = levels[SLOW] = levels[MEAN] = value
        levels[LOWEST] = levels[HIGHEST] = value
        levels[SPREAD] = 0.0
    else:
        level = levels[WEEK_SUM] / min(rows, week)
        levels[DEVIATION_BEFORE] = levels[DEVIATION]
        levels[DEVIATION] = value - level - profile(view, slot) if rows >= day else 0.0
        _add_to_profile(view, slot, value - level)
    _add_to_levels(view, rows, value)
    _add_to_windows(view, rows, value)
    if (rows + 1) % week == 0:
        _sum_afresh(view, rows + 1)
