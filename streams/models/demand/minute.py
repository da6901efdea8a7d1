"""Forecasts one series by the minute, an hour ahead, for about a microsecond a minute.

The mean returns from the level of the last minutes to the hour of day's profile; its residuals are
kept at four horizons as forgetting histograms, in units that grow with the square root of the mean,
as those of counts do.
"""

import math
import struct
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.demand.array_bytes import arrays_to_bytes, fill_arrays
from streams.models.demand.events import LEAST_FACTOR
from streams.models.demand.histogram import BINS, add, bin_of, fill_quantiles, prior
from streams.models.demand.levels import LEVELS
from streams.models.demand.peak import peak
from streams.models.demand.sorted_window import Floats

VERSION = 1
HORIZONS = np.array([1, 5, 15, 60])
RING = 64  # pending means, by minute
HOURS, HOUR_MINUTES = 24, 60
ONE_BY_ONE = 60  # minutes of a stretch that are learnt singly; the rest in closed form
VALUE_LIMIT = 1e30
# Gains a minute, and how fast the level of the last minutes is given up for the profile's.
QUICK_GAIN, SLOW_GAIN, PROFILE_GAIN, ERROR_GAIN = 0.25, 1.0 / 240.0, 1.0 / 600.0, 0.01
RETURN_MINUTES = 45.0
KEEP = 1.0 - 1.0 / 2000.0
TINY = 1e-9
# Slots of the levels.
QUICK, SLOW, LOWEST, INTEGERS, SEEN, NEXT = range(6)
LEVEL_SLOTS = 6
_LEVELS = np.array(LEVELS)
_HEADER = struct.Struct("<B")
_MAX_MINUTE = 2**40


class Minutes(NamedTuple):
    """State of a series by the minute."""

    levels: Floats  # (LEVEL_SLOTS,)
    day_profile: Floats  # (24,): mean of a minute by hour of day
    day_counts: Floats  # (24,): minutes learnt
    errors: Floats  # (4,): mean absolute residual at each horizon
    pending: Floats  # (4, RING): mean forecast for minute m, at m modulo RING
    histograms: Floats  # (4, BINS)


@kernel
def _mean(state: Minutes, minute: int, ahead: int) -> float:
    """Forecast the mean `ahead` minutes after `minute`, the last one learnt."""
    levels = state.levels
    hour = (minute + ahead) // HOUR_MINUTES % HOURS
    count = state.day_counts[hour]
    usual = (count * state.day_profile[hour] + 120.0 * levels[SLOW]) / (count + 120.0)
    share = math.exp(-ahead / RETURN_MINUTES)
    return float(usual + share * (levels[QUICK] - usual))


@kernel
def _unit(state: Minutes, k: int, mean: float) -> float:
    """Scale of residuals at a mean."""
    slow = abs(state.levels[SLOW])
    ratio = (abs(mean) + 0.1 * slow + TINY) / (1.1 * slow + TINY)
    return float(state.errors[k] * math.sqrt(min(max(ratio, 0.04), 25.0)) + TINY)


@kernel
def _move_levels(state: Minutes, minute: int, value: float) -> None:
    levels = state.levels
    seen = levels[SEEN]
    levels[QUICK] += max(QUICK_GAIN, 1.0 / (seen + 1.0)) * (value - levels[QUICK])
    levels[SLOW] += max(SLOW_GAIN, 1.0 / (seen + 1.0)) * (value - levels[SLOW])
    hour = minute // HOUR_MINUTES % HOURS
    gain = max(PROFILE_GAIN, 1.0 / (state.day_counts[hour] + 1.0))
    state.day_profile[hour] += gain * (value - state.day_profile[hour])
    state.day_counts[hour] = min(state.day_counts[hour] + 1.0, 1.0 / PROFILE_GAIN)
    levels[LOWEST] = min(levels[LOWEST], value) if seen > 0.0 else value
    levels[SEEN] = seen + 1.0


@kernel
def _learn_minute(state: Minutes, minute: int, value: float) -> None:
    seen = state.levels[SEEN]
    if seen == 0.0:
        for k in range(len(HORIZONS)):
            state.errors[k] = 0.5 * abs(value)
    for k in range(len(HORIZONS)):
        if seen >= HORIZONS[k]:
            mean = state.pending[k, minute % RING]
            add(state.histograms[k], (value - mean) / _unit(state, k, mean), KEEP)
            gain = max(ERROR_GAIN, 1.0 / (seen + 1.0))
            state.errors[k] += gain * (abs(value - mean) - state.errors[k])
    _move_levels(state, minute, value)
    for k in range(len(HORIZONS)):
        target = (minute + HORIZONS[k]) % RING
        state.pending[k, target] = _mean(state, minute, HORIZONS[k])


@kernel
def _learn_rest(state: Minutes, minute: int, value: float, count: int) -> None:
    """Learn `count` more minutes of a value that has stayed for an hour, in O(1)."""
    levels = state.levels
    levels[QUICK] += (1.0 - (1.0 - QUICK_GAIN) ** count) * (value - levels[QUICK])
    levels[SLOW] += (1.0 - (1.0 - SLOW_GAIN) ** count) * (value - levels[SLOW])
    levels[SEEN] += count
    each = min(count, count // HOURS + HOUR_MINUTES)
    for hour in range(HOURS):
        here = each if count >= HOURS * HOUR_MINUTES else _minutes_in(minute, count, hour)
        share = 1.0 - (1.0 - PROFILE_GAIN) ** here
        state.day_profile[hour] += share * (value - state.day_profile[hour])
        state.day_counts[hour] = min(state.day_counts[hour] + here, 1.0 / PROFILE_GAIN)
    kept = KEEP**count
    for k in range(len(HORIZONS)):
        mean = _mean(state, minute + count - 1, HORIZONS[k])
        residual = (value - mean) / _unit(state, k, mean)
        state.errors[k] += (1.0 - (1.0 - ERROR_GAIN) ** count) * (
            abs(value - mean) - state.errors[k]
        )
        for b in range(BINS):
            state.histograms[k, b] *= kept
        state.histograms[k, bin_of(residual)] += (1.0 - kept) / (1.0 - KEEP)
        for m in range(RING):
            state.pending[k, m] = mean


@kernel
def _minutes_in(minute: int, count: int, hour: int) -> int:
    """How many of `count` < 1440 minutes from `minute` on are in an hour of the day."""
    start = minute % (HOURS * HOUR_MINUTES)
    total = 0
    for day in range(2):
        low = (day * HOURS + hour) * HOUR_MINUTES
        total += max(0, min(start + count, low + HOUR_MINUTES) - max(start, low))
    return total


@kernel
def learn_stretch(state: Minutes, minute: int, value: float, count: int) -> None:
    """Learn `count` minutes from `minute` on that all had the same value."""
    single = min(count, ONE_BY_ONE)
    for m in range(single):
        _learn_minute(state, minute + m, value)
    if count > single:
        _learn_rest(state, minute + single, value, count - single)


@kernel
def fill_minutes(state: Minutes, minute: int, factors: Floats, out: Floats) -> None:
    """Fill the quantiles, shape (steps, 8), of the minutes after `minute`, the last one learnt.

    `factors`, shape (steps,), is what known events multiply each minute by.
    """
    shapes = np.empty((len(HORIZONS), len(_LEVELS)))
    for k in range(len(HORIZONS)):
        fill_quantiles(state.histograms[k], _LEVELS, shapes[k])
    right = 0
    for s in range(len(out)):
        ahead = s + 1
        while right < len(HORIZONS) - 1 and HORIZONS[right] < ahead:
            right += 1
        left = max(right - 1, 0)
        share = 1.0
        if left != right and ahead < HORIZONS[right]:
            share = math.log(ahead / HORIZONS[left]) / math.log(HORIZONS[right] / HORIZONS[left])
        mean = _mean(state, minute, ahead)
        for j in range(len(_LEVELS)):
            nearer = (1.0 - share) * shapes[left, j] * _unit(state, left, mean)
            value = mean + nearer + share * shapes[right, j] * _unit(state, right, mean)
            value *= factors[s]
            if state.levels[INTEGERS] > 0.0:
                value = math.floor(value + 0.5)
            out[s, j] = max(value, 0.0) if state.levels[LOWEST] >= 0.0 else value


@kernel
def fill_means(state: Minutes, minute: int, factors: Floats, out: Floats) -> None:
    """Fill the means, shape (steps,), of the minutes after `minute`, the last one learnt."""
    for s in range(len(out)):
        out[s] = _mean(state, minute, s + 1) * factors[s]


class MinuteForecaster:
    """Quantiles of one series for each of the next minutes.

    Whole numbers are forecast as whole numbers while all that was seen were such.

    Examples
    --------
    >>> forecaster = MinuteForecaster()
    >>> for minute in range(600):
    ...     forecaster.observe(float(minute % 2), minute)
    >>> forecaster.observe(0.0, 600, count=100_000)
    >>> float(forecaster.forecast(60)[:, 3].max())
    0.0
    """

    __slots__ = ("_state",)

    def __init__(self) -> None:
        quarters = len(HORIZONS)
        self._state = Minutes(
            np.zeros(LEVEL_SLOTS), np.zeros(HOURS), np.zeros(HOURS), np.zeros(quarters),
            np.zeros((quarters, RING)), np.tile(prior(1.2533), (quarters, 1)),
        )  # fmt: skip
        self._state.levels[INTEGERS] = 1.0

    def observe(self, value: float, minute: int, count: int = 1, factor: float = 1.0) -> None:
        """Learn `count` closed minutes that all had one value, in O(1).

        Parameters
        ----------
        value
            Demand in each of the minutes; not finite where it is not known.
        minute
            The first of them, in minutes since the epoch. Minutes left out are not learnt.
        factor
            What known events multiplied demand by: the models learn what it is without.

        Raises
        ------
        ValueError
            If the minutes are not later than the last.
        """
        levels = self._state.levels
        if not 0 <= minute < _MAX_MINUTE or not 1 <= count < _MAX_MINUTE:
            raise ValueError(f"{count} minutes from {minute} on")
        if levels[SEEN] and minute < levels[NEXT]:
            raise ValueError(f"minute {minute} comes after a later one")
        if levels[SEEN] and minute > levels[NEXT]:
            # What was forecast before minutes that are not known says little of those after.
            self._state.pending[...] = levels[SLOW]
        if math.isfinite(value) and factor >= LEAST_FACTOR:
            value = min(max(value, -VALUE_LIMIT), VALUE_LIMIT)
            integers = levels[INTEGERS] if value == math.floor(value) else 0.0
            learn_stretch(self._state, minute, value / factor, count)
            levels[INTEGERS] = integers
        elif levels[SEEN]:
            self._state.pending[...] = levels[SLOW]
        if levels[SEEN]:
            levels[NEXT] = minute + count

    def forecast(
        self, steps: int, factors: npt.NDArray[np.float64] | None = None
    ) -> npt.NDArray[np.float64]:
        """Quantiles at `LEVELS` of the minutes after the last one learnt, shape (steps, 8).

        `factors`, shape (steps,), is what known events multiply each minute by.
        """
        if not self._state.levels[SEEN]:
            raise ValueError("nothing observed yet")
        out = np.empty((steps, len(LEVELS)))
        factors = np.ones(steps) if factors is None else factors
        fill_minutes(self._state, int(self._state.levels[NEXT]) - 1, factors, out)
        return out

    def means(
        self, steps: int, factors: npt.NDArray[np.float64] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the expected demand of the minutes after the last one learnt, shape (steps,).

        It is the model's own, not that of the quantiles: of whole numbers that are mostly 0 the
        quantiles may all be 0, and a thousand such series still add up to something.
        """
        if not self._state.levels[SEEN]:
            raise ValueError("nothing observed yet")
        out = np.empty(steps)
        factors = np.ones(steps) if factors is None else factors
        fill_means(self._state, int(self._state.levels[NEXT]) - 1, factors, out)
        return out

    def peak(self, window: int) -> npt.NDArray[np.float64]:
        """Quantiles, shape (8,), of the largest of the next `window` minutes."""
        return peak(self.forecast(window))

    def to_bytes(self) -> bytes:
        """Whole state; the next forecasts from it are equal to the bit."""
        return _HEADER.pack(VERSION) + arrays_to_bytes(self._state)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Restore what `to_bytes` wrote; ValueError if the bytes are no such state."""
        if data[:1] != _HEADER.pack(VERSION):
            raise ValueError("minute forecaster state: another version")
        forecaster = cls()
        fill_arrays(forecaster._state, data[_HEADER.size :])
        levels = forecaster._state.levels
        if not 0 <= levels[NEXT] < 2 * _MAX_MINUTE or levels[SEEN] < 0:
            raise ValueError("minute forecaster state: a minute out of range")
        return forecaster
