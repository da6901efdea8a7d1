"""Forecasts one series by the hour: the next day and week, with the peak of each."""

import math
from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt

from streams.models.demand.anchor import Anchor, forecast, learn_outcome, new_anchor
from streams.models.demand.levels import LEVELS, MEDIAN
from streams.models.demand.view import ROOT, VALUE, VIEWS, View, cube_root, learn_value, new_view

ANCHORS = (1, 3, 6, 12, 24, 48, 96, 168)
VALUE_LIMIT = 1e30  # larger ones would overflow when squared and cubed
HOUR_S = 3600.0
_EPOCH_SLOT_DAYS = 3  # 1970-01-01 was a Thursday, weeks begin on Monday


class HourlyForecaster:
    """Quantiles of one series, some steps ahead.

    Parameters
    ----------
    anchors
        Horizons in steps that have experts of their own; the first is 1.
    step_s
        Length of a step; a day must be a whole number of them.
    """

    __slots__ = ("_anchors", "_horizons", "_next_step", "_rows", "_step_s", "_views")

    def __init__(self, anchors: Sequence[int] = ANCHORS, step_s: float = HOUR_S) -> None:
        self._horizons = tuple(anchors)
        self._step_s = step_s
        day = max(1, round(86400.0 / step_s))
        self._views: tuple[View, View] = (new_view(day), new_view(day))
        self._anchors: tuple[Anchor, ...] = tuple(new_anchor(h, day) for h in self._horizons)
        self._rows = 0
        self._next_step = 0

    def observe(self, value: float, start_s: float) -> None:
        step = round(start_s / self._step_s)
        week = len(self._views[VALUE].week_profile)
        day = week // 7
        slot = (step + _EPOCH_SLOT_DAYS * day) % week
        value = min(max(value, -VALUE_LIMIT), VALUE_LIMIT)
        seen = np.array([value, cube_root(value)])
        for horizon, anchor in zip(self._horizons, self._anchors, strict=True):
            learn_outcome(anchor, horizon, self._rows, slot, seen)
        for which in range(VIEWS):
            learn_value(self._views[which], self._rows, slot, float(seen[which]))
        self._rows += 1
        self._next_step = step + 1
        for horizon, anchor in zip(self._horizons, self._anchors, strict=True):
            ahead = (slot + horizon) % week
            forecast(anchor, *self._views, horizon, self._rows, ahead)

    def issued(self, horizon: int) -> npt.NDArray[np.float64]:
        anchor = self._anchors[self._horizons.index(horizon)]
        return anchor.issued[(self._rows - 1 + horizon) % horizon]
