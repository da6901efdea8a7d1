"""Forecasts one series by the hour: the next day and week, with the peak of each."""

import math
import struct
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Self

import numpy as np
import numpy.typing as npt

from streams.models.demand.analogs import ANALOGS, CANDIDATES, compare_days
from streams.models.demand.anchor import Anchor, forecast, learn_outcome, new_anchor
from streams.models.demand.array_bytes import arrays_to_bytes, fill_arrays
from streams.models.demand.events import LEAST_FACTOR, Event, EventEffects
from streams.models.demand.levels import LEVELS, MEDIAN
from streams.models.demand.peak import peak
from streams.models.demand.points import POINTS, PROFILE
from streams.models.demand.steps import fill_steps
from streams.models.demand.view import (
    LOWEST,
    VALUE,
    VIEWS,
    View,
    cube_root,
    learn_value,
    new_view,
)

ANCHORS = (1, 3, 6, 12, 24, 48, 96, 168)
HOUR_S = 3600.0
DAY_S = 86400.0
VERSION = 3  # 3: climates and analogs are experts; 2: rules are mixed too
VALUE_LIMIT = 1e30  # squares and cubes of larger values would overflow
_EPOCH_SLOT_DAYS = 3  # 1970-01-01 was a Thursday, weeks begin on Monday
_MAX_DAY = 1440
_MAX_ROWS = 2**40
# version, anchors, steps in a day, step in seconds, rows, next step, bytes of event effects
_HEADER = struct.Struct("<BBHdqqI")


def _check(anchors: Sequence[int], step_s: float) -> int:
    """Return the steps in a day."""
    day = round(DAY_S / step_s) if math.isfinite(step_s) and step_s > 0.0 else 0
    if not 1 <= day <= _MAX_DAY or abs(day * step_s - DAY_S) > 1e-6:
        raise ValueError(f"a day is no whole number of steps of {step_s} s")
    rising = all(a < b for a, b in pairwise(anchors))
    longest = max(168, 7 * day)
    if not 1 <= len(anchors) <= 255 or not rising or anchors[0] != 1 or anchors[-1] > longest:
        raise ValueError(f"anchors must rise from 1 to at most {longest}: {list(anchors)}")
    return day


class HourlyForecaster:
    """Quantiles of one series, some steps ahead, learnt one closed step at a time.

    Parameters
    ----------
    anchors
        Rising horizons in steps, the first 1, that have experts of their own; a forecast for one
        does not depend on which others there are.
    step_s
        Length of a step in seconds; a day must be a whole number of them.

    Raises
    ------
    ValueError
        If the anchors or the step are none.

    Examples
    --------
    >>> forecaster = HourlyForecaster(anchors=(1, 24))
    >>> for hour in range(48):
    ...     forecaster.observe(10.0 + hour % 24, 3600.0 * hour)
    >>> quantiles = forecaster.forecast([1, 2, 24])
    >>> quantiles.shape
    (3, 8)
    """

    __slots__ = ("_anchors", "_day", "_effects", "_horizons", "_next_step", "_rows", "_step_s",
                 "_views")  # fmt: skip

    def __init__(self, anchors: Sequence[int] = ANCHORS, step_s: float = HOUR_S) -> None:
        self._day = _check(anchors, step_s)
        self._horizons = tuple(anchors)
        self._step_s = step_s
        self._views: tuple[View, View] = (new_view(self._day), new_view(self._day))
        self._anchors: tuple[Anchor, ...] = tuple(new_anchor(h, self._day) for h in anchors)
        self._effects = EventEffects()
        self._rows = 0
        self._next_step = 0

    @property
    def rows(self) -> int:
        """Steps learnt, missing ones included."""
        return self._rows

    @property
    def next_start_s(self) -> float:
        """Start of the step that comes next, unix seconds."""
        return self._next_step * self._step_s

    def observe(self, value: float, start_s: float, events: Sequence[Event] = ()) -> None:
        """Learn a closed step, then forecast at every anchor.

        Parameters
        ----------
        value
            Demand in the step; NaN where it is not known.
        start_s
            Start of the step, unix seconds. Steps that were left out count as not known.
        events
            Announced events that cover the step.

        Raises
        ------
        ValueError
            If the step is not later than the last.
        """
        step = round(start_s / self._step_s)
        if self._rows == 0:
            if not math.isfinite(value):
                return
            self._next_step = step
        elif step < self._next_step:
            raise ValueError(f"step at {start_s} s comes after a later one")
        self._skip_to(step)
        if math.isfinite(value):
            self._learn(self._without_events(value, events))
        else:
            self._pass_over()

    def _without_events(self, value: float, events: Sequence[Event]) -> float:
        if not events:
            return value
        expected = self._expected() if self._rows else value
        self._effects.learn(events, value, expected)
        factor = self._effects.factor(events)
        return value / factor if factor >= LEAST_FACTOR else expected

    def event_factor(self, events: Sequence[Event]) -> float:
        """By what factor events are believed to change a step that they cover."""
        return self._effects.factor(events)

    def _expected(self) -> float:
        """What was forecast for the next step: a day before if possible, since an event lasts."""
        for horizon in (self._day, 1):
            if horizon in self._horizons and self._rows >= horizon:
                anchor = self._anchors[self._horizons.index(horizon)]
                return float(anchor.issued[self._rows % horizon, MEDIAN])
        return 0.0

    def _slot(self, step: int) -> int:
        return (step + _EPOCH_SLOT_DAYS * self._day) % (7 * self._day)

    def _skip_to(self, step: int) -> None:
        """Pass over missing steps; a gap longer than the history is cut short by whole weeks."""
        missing = step - self._next_step
        longest = len(self._views[VALUE].ring)
        if missing > longest:
            week = 7 * self._day
            self._next_step += (missing - longest + week - 1) // week * week
        while self._next_step < step:
            self._pass_over()

    def _pass_over(self) -> None:
        """Take the forecast for what is not known; nothing is scored against it."""
        anchor = self._anchors[0]
        self._append(float(anchor.issued[self._rows % self._horizons[0], MEDIAN]))

    def _learn(self, value: float) -> None:
        value = min(max(value, -VALUE_LIMIT), VALUE_LIMIT)
        seen = np.array([value, cube_root(value)])
        slot = self._slot(self._next_step)
        for horizon, anchor in zip(self._horizons, self._anchors, strict=True):
            learn_outcome(anchor, horizon, self._rows, slot, seen)
        self._append(value)

    def _append(self, value: float) -> None:
        seen = (value, cube_root(value))
        slot = self._slot(self._next_step)
        for which in range(VIEWS):
            learn_value(self._views[which], self._rows, slot, seen[which])
        self._rows += 1
        self._next_step += 1
        likeness = np.empty((ANALOGS, CANDIDATES, 2))
        compare_days(self._views[VALUE], self._rows, likeness)
        for horizon, anchor in zip(self._horizons, self._anchors, strict=True):
            target = self._slot(self._next_step - 1 + horizon)
            forecast(anchor, *self._views, horizon, self._rows, target, likeness)

    def forecast(
        self, steps: Sequence[int], events: Mapping[int, Sequence[Event]] | None = None
    ) -> npt.NDArray[np.float64]:
        """Quantiles of the demand some steps after the last one learnt.

        Parameters
        ----------
        steps
            Steps ahead, each at least 1.
        events
            By step ahead: announced events that cover it.

        Returns
        -------
        array of shape (len(steps), 8)
            At `LEVELS`, rising along each row.

        Raises
        ------
        ValueError
            If nothing was learnt yet or a step is below 1.
        """
        if self._rows == 0:
            raise ValueError("nothing observed yet")
        if any(step < 1 for step in steps):
            raise ValueError("steps ahead begin at 1")
        out = np.empty((len(steps), len(LEVELS)))
        fill_steps(
            np.array(self._horizons), self._issued(), self._usual_errors(), self._steady(),
            self._views[VALUE], self._rows, self._slot(self._next_step - 1),
            np.array(steps, np.int64), out,
        )  # fmt: skip
        if self._views[VALUE].levels[LOWEST] >= 0.0:
            np.maximum(out, 0.0, out=out)
        for k, step in enumerate(steps):
            if events and events.get(step):
                out[k] = self._effects.apply(out[k], events[step])
        return out

    def _issued(self) -> npt.NDArray[np.float64]:
        last = self._rows - 1
        pairs = zip(self._horizons, self._anchors, strict=True)
        return np.array([anchor.issued[(last + h) % h] for h, anchor in pairs])

    def _usual_errors(self) -> npt.NDArray[np.float64]:
        return np.array([anchor.hourly[PROFILE] for anchor in self._anchors])

    def _steady(self) -> npt.NDArray[np.float64]:
        return np.array([anchor.steady[:POINTS] for anchor in self._anchors])

    def peak(
        self, window: int, events: Mapping[int, Sequence[Event]] | None = None
    ) -> npt.NDArray[np.float64]:
        """Quantiles, shape (8,), of the largest of the next `window` steps."""
        return peak(self.forecast(range(1, window + 1), events))

    def _arrays(self) -> list[npt.NDArray[np.generic]]:
        anchors = [
            part for anchor in self._anchors for part in (anchor, anchor.correction, anchor.climate)
        ]
        parts = (*self._views, *anchors)
        return [array for part in parts for array in part if isinstance(array, np.ndarray)]

    def to_bytes(self) -> bytes:
        """Whole state; the next forecasts from it are equal to the bit."""
        effects = self._effects.to_bytes()
        header = _HEADER.pack(
            VERSION, len(self._horizons), self._day, self._step_s, self._rows, self._next_step,
            len(effects),
        )  # fmt: skip
        horizons = struct.pack(f"<{len(self._horizons)}H", *self._horizons)
        return header + horizons + effects + arrays_to_bytes(self._arrays())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Restore what `to_bytes` wrote; ValueError if the bytes are no such state."""
        try:
            version, count, day, step_s, rows, next_step, size = _HEADER.unpack_from(data)
            horizons = struct.unpack_from(f"<{count}H", data, _HEADER.size)
        except struct.error as error:
            raise ValueError(f"forecaster state: {error}") from error
        if version != VERSION:
            raise ValueError(f"forecaster state: version {version}, not {VERSION}")
        if not 0 <= rows < _MAX_ROWS or abs(next_step) >= _MAX_ROWS:
            raise ValueError(f"forecaster state: {rows} rows, next step {next_step}")
        if not step_s > 0.0 or round(DAY_S / step_s) != day:
            raise ValueError(f"forecaster state: step of {step_s} s in {day} a day")
        forecaster = cls(horizons, step_s)
        start = _HEADER.size + 2 * count
        forecaster._effects = EventEffects.from_bytes(data[start : start + size])
        fill_arrays(forecaster._arrays(), data[start + size :])
        forecaster._rows, forecaster._next_step = rows, next_step
        return forecaster
