"""One horizon of one series: its experts, their mixture, its calibration, and what is pending."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.demand import analogs, calibration, climate, correction, mixture, regression
from streams.models.demand.climate import Climate, new_climate
from streams.models.demand.correction import Correction, new_correction
from streams.models.demand.experts import (
    EXPERTS,
    FEATURES,
    FIRST_ANALOG,
    FIRST_CLIMATE,
    FIRST_REGRESSION,
    HOURLY,
    NERVOUS,
    REGRESSION_VIEW,
    REGRESSIONS,
    RESIDUAL_SCALE,
    RESIDUAL_SOURCE,
    RESIDUALS,
    SOURCE_VIEW,
    SOURCES,
)
from streams.models.demand.histogram import add, fill_quantiles, prior
from streams.models.demand.levels import HIGH, LEVELS, LOW, MEDIAN, MIXED
from streams.models.demand.points import POINTS, point_forecasts
from streams.models.demand.regression import CIRCUMSTANCES
from streams.models.demand.sorted_window import Floats, sort
from streams.models.demand.view import (
    HIGHEST,
    LOWEST,
    MEAN,
    SPREAD,
    VIEWS,
    View,
    from_view,
)

Singles = npt.NDArray[np.float32]
Shorts = npt.NDArray[np.int16]

LEVELS_3 = np.array(MIXED)
# What experts state is kept as 16-bit multiples of a 256th of the series' spread: regret needs no
# more, and a week of pending forecasts is most of the state.
GRAIN = 1.0 / 256.0
STEADY_GAIN, NERVOUS_GAIN, HOURLY_GAIN = 0.004, 0.03, 0.03
HISTOGRAM_KEEP = 1.0 - 1.0 / 500.0
MIXTURE_FROM = 8  # rows seen, from which on the spread of the series is known well enough
MEDIAN_SHARE = 0.3  # of the experts' median in the mixture, at long horizons
MEAN_TO_DEVIATION = 1.2533  # standard deviation of a normal distribution of mean absolute value 1
TINY = 1e-9


class Anchor(NamedTuple):
    """State of one horizon of h steps; what is pending for row t is in slot t modulo h."""

    forecasts: Singles  # (h, SOURCES), each in its view
    around: Singles  # (h, VIEWS, CIRCUMSTANCES)
    nervous: Singles  # (h, SOURCES): scale at the origin
    stated: Shorts  # (h, 3, EXPERTS), in grains around `centre`
    centre: Floats  # (h, 2): mean and spread of the series at the origin
    mixed: Floats  # (h, RULE_COUNT, 3)
    together: Floats  # (h, 3): the rules' mixture
    issued: Floats  # (h, 8): the quantiles as forecast
    half: Floats  # (h,): half the interval's width as mixed
    steady: Floats  # (SOURCES,): mean absolute residual
    quick: Floats  # (SOURCES,)
    hourly: Floats  # (SOURCES, day)
    histograms: Floats  # (RESIDUALS, BINS)
    errors: Floats  # (REGRESSIONS, 3)
    beta: Floats  # (REGRESSIONS, 3, FEATURES)
    inverse: Floats  # (REGRESSIONS, 3, FEATURES, FEATURES)
    accounts: Singles  # (BOOKS, 3, EXPERTS, SLOTS)
    rules: Singles  # (3, RULE_COUNT, SLOTS)
    tails: Floats  # (STATES,)
    rhythm: Floats  # (day, RHYTHM_SLOTS)
    shape: Floats  # (BINS,)
    correction: Correction
    climate: Climate


def new_anchor(horizon: int, day: int) -> Anchor:
    """Return the state of a horizon that nothing has been forecast at yet."""
    h = horizon
    return Anchor(
        np.zeros((h, SOURCES), np.float32),
        np.zeros((h, VIEWS, CIRCUMSTANCES), np.float32),
        np.zeros((h, SOURCES), np.float32),
        np.zeros((h, 3, EXPERTS), np.int16),
        np.zeros((h, 2)),
        np.zeros((h, mixture.RULE_COUNT, 3)),
        np.zeros((h, 3)),
        np.zeros((h, len(LEVELS))),
        np.zeros(h),
        np.zeros(SOURCES),
        np.zeros(SOURCES),
        np.zeros((SOURCES, day)),
        np.tile(prior(MEAN_TO_DEVIATION), (RESIDUALS, 1)),
        np.ones((REGRESSIONS, 3)),
        np.zeros((REGRESSIONS, 3, FEATURES)),
        regression.new_precision(),
        mixture.new_accounts(EXPERTS),
        mixture.new_rule_accounts(),
        np.zeros(calibration.STATES),
        np.zeros((day, calibration.RHYTHM_SLOTS)),
        # Residuals in half widths of a 90 % interval: a normal distribution at first.
        25.0 * prior(1.0 / 1.6449),
        new_correction(horizon, day),
        new_climate(day),
    )


@kernel
def pending_of(rows: int, horizon: int) -> int:
    """Return where the forecast of the row `horizon` after the last of `rows` is kept."""
    return (rows - 1 + horizon) % horizon


@kernel
def _scale_of(anchor: Anchor, e: int, slot: int, pending: int) -> float:
    source, kind = RESIDUAL_SOURCE[e], RESIDUAL_SCALE[e]
    if kind == NERVOUS:
        return float(anchor.nervous[pending, source]) + TINY
    if kind == HOURLY:
        day = anchor.hourly.shape[1]
        hour = slot % day
        around = anchor.hourly[source, hour - 1] + anchor.hourly[source, (hour + 1) % day]
        return 0.5 * float(anchor.hourly[source, hour]) + 0.25 * float(around) + TINY
    return float(anchor.steady[source]) + TINY


@kernel
def _learn_residuals(anchor: Anchor, pending: int, scored: int, slot: int, seen: Floats) -> None:
    for e in range(RESIDUALS):
        source = RESIDUAL_SOURCE[e]
        residual = seen[SOURCE_VIEW[source]] - anchor.forecasts[pending, source]
        scale = _scale_of(anchor, e, slot, pending)
        add(anchor.histograms[e], residual / scale, HISTOGRAM_KEEP)
    day = anchor.hourly.shape[1]
    first = 1.0 / (scored + 2.0)
    for s in range(SOURCES):
        error = abs(seen[SOURCE_VIEW[s]] - anchor.forecasts[pending, s])
        anchor.steady[s] += max(first, STEADY_GAIN) * (error - anchor.steady[s])
        anchor.quick[s] += max(first, NERVOUS_GAIN) * (error - anchor.quick[s])
        gain = max(1.0 / (scored // day + 2.0), HOURLY_GAIN)
        anchor.hourly[s, slot % day] += gain * (error - anchor.hourly[s, slot % day])


@kernel
def _learn_regressions(anchor: Anchor, pending: int, horizon: int, slot: int, seen: Floats) -> None:
    z = np.empty(FEATURES)
    day = anchor.hourly.shape[1]
    forecasts = anchor.forecasts[pending].astype(np.float64)
    for r in range(REGRESSIONS):
        around = anchor.around[pending, REGRESSION_VIEW[r]].astype(np.float64)
        if around[regression.C_SPREAD] > 0.0:
            used = regression.fill_features(r, horizon, slot, day, forecasts, around, z)
            base = regression.base_of(r, horizon, forecasts)
            target = (seen[REGRESSION_VIEW[r]] - base) / around[regression.C_SPREAD]
            regression.learn(
                r, target, z, used, anchor.errors[r], anchor.beta[r], anchor.inverse[r]
            )


@kernel
def _learn_mixture(anchor: Anchor, pending: int, slot: int, value: float) -> None:
    centre, spread = anchor.centre[pending, 0], anchor.centre[pending, 1]
    outcome = (value - centre) / spread
    stated, by = np.empty(EXPERTS), np.empty(mixture.RULE_COUNT)
    for t in range(3):
        for k in range(EXPERTS):
            stated[k] = anchor.stated[pending, t, k] * GRAIN
        for rule in range(mixture.RULE_COUNT):
            mixed = (anchor.mixed[pending, rule, t] - centre) / spread
            book = mixture.book_of(rule, slot, anchor.hourly.shape[1])
            accounts = anchor.accounts[book, t]
            mixture.learn_outcome(accounts, rule, LEVELS_3[t], outcome, mixed, stated)
            by[rule] = mixed
        together = (anchor.together[pending, t] - centre) / spread
        mixture.learn_rules(anchor.rules[t], LEVELS_3[t], outcome, together, by)


@kernel
def _learn_correction(anchor: Anchor, pending: int, horizon: int, rows: int, value: float) -> None:
    lacking = np.empty(3)
    for t in range(3):
        lacking[t] = (value - anchor.together[pending, t]) / anchor.centre[pending, 1]
    if rows - horizon >= 7 * anchor.hourly.shape[1]:
        correction.learn(anchor.correction, horizon, rows, lacking)
    correction.remember(anchor.correction, rows, lacking[1])


@kernel
def learn_outcome(anchor: Anchor, horizon: int, rows: int, slot: int, seen: Floats) -> None:
    """Learn from the outcome of what was forecast for row number `rows`, before the row is learnt.

    Parameters
    ----------
    slot
        Hour of the week of the row.
    seen
        The row's value in each view, shape (VIEWS,).
    """
    if rows < horizon:
        return
    pending = rows % horizon
    day = anchor.hourly.shape[1]
    issued = anchor.issued[pending]
    calibration.learn_coverage(anchor.tails, horizon, issued[LOW], issued[HIGH], seen[0])
    error = abs(seen[0] - issued[MEDIAN])
    calibration.learn_rhythm(anchor.tails, anchor.rhythm[slot % day], error, anchor.half[pending])
    calibration.learn_shape(anchor.shape, issued, seen[0])
    _learn_residuals(anchor, pending, rows - horizon, slot, seen)
    points = anchor.forecasts[pending, :POINTS].astype(np.float64)
    climate.learn(anchor.climate, slot, day, points, seen[0])
    if rows - horizon >= min(MIXTURE_FROM, day):
        _learn_mixture(anchor, pending, slot, seen[0])
    _learn_correction(anchor, pending, horizon, rows, seen[0])
    if rows - horizon >= day:
        _learn_regressions(anchor, pending, horizon, slot, seen)


@kernel
def _state_regressions(
    anchor: Anchor, pending: int, horizon: int, slot: int, stated: Floats
) -> None:
    z = np.empty(FEATURES)
    day = anchor.hourly.shape[1]
    forecasts = anchor.forecasts[pending].astype(np.float64)
    for r in range(REGRESSIONS):
        which = REGRESSION_VIEW[r]
        around = anchor.around[pending, which].astype(np.float64)
        base, spread = regression.base_of(r, horizon, forecasts), around[regression.C_SPREAD]
        used = 0
        if spread > 0.0:
            used = regression.fill_features(r, horizon, slot, day, forecasts, around, z)
        for t in range(3):
            fitted = base + spread * regression.predict(z, used, anchor.beta[r], t)
            stated[t, FIRST_REGRESSION + r] = from_view(which, fitted)
            if t == 1:
                anchor.forecasts[pending, VIEWS * POINTS + r] = fitted


@kernel
def _state_residuals(anchor: Anchor, pending: int, slot: int, stated: Floats) -> None:
    quantiles = np.empty(3)
    for e in range(RESIDUALS):
        source = RESIDUAL_SOURCE[e]
        fill_quantiles(anchor.histograms[e], LEVELS_3, quantiles)
        scale = _scale_of(anchor, e, slot, pending)
        for t in range(3):
            seen = anchor.forecasts[pending, source] + scale * quantiles[t]
            stated[t, e] = from_view(SOURCE_VIEW[source], seen)


@kernel
def _state_others(
    anchor: Anchor, values: View, horizon: int, rows: int, slot: int, likeness: Floats,
    stated: Floats,
) -> None:  # fmt: skip
    """Fill what climates and analogs state; those who know too little say what all others do."""
    day, middling, known = anchor.hourly.shape[1], np.empty(3), stated[:, :FIRST_CLIMATE].copy()
    for t in range(3):
        sort(known[t])
        middle = FIRST_CLIMATE // 2
        middling[t] = 0.5 * (known[t, (FIRST_CLIMATE - 1) // 2] + known[t, middle])
        stated[t, FIRST_CLIMATE:] = middling[t]
    if rows - horizon >= day:
        points = anchor.forecasts[pending_of(rows, horizon), :POINTS].astype(np.float64)
        climate.state(anchor.climate, slot, day, points, stated[:, FIRST_CLIMATE:FIRST_ANALOG])
    for a in range(analogs.ANALOGS):
        if analogs.state(values, rows, horizon, likeness[a], middling):
            stated[:, FIRST_ANALOG + a] = middling


@kernel
def _bound(view: View, rows: int, stated: Floats) -> None:
    """Keep experts within what the series has shown, and half as much again."""
    low, high = view.levels[LOWEST], view.levels[HIGHEST]
    room = 0.5 * max(high - min(low, 0.0), -low if low < 0.0 else 0.0)
    if rows < len(view.week_profile):
        room += abs(high) + abs(low)
    floor = 0.0 if low >= 0.0 else low - room
    for t in range(3):
        for k in range(EXPERTS):
            stated[t, k] = min(max(stated[t, k], floor), high + room)


@kernel
def _keep_stated(anchor: Anchor, pending: int, view: View, stated: Floats) -> None:
    centre, spread = view.levels[MEAN], view.levels[SPREAD]
    spread = max(spread, 1e-9 * abs(centre), TINY)
    anchor.centre[pending, 0], anchor.centre[pending, 1] = centre, spread
    for t in range(3):
        for k in range(EXPERTS):
            grains = (stated[t, k] - centre) / spread / GRAIN
            anchor.stated[pending, t, k] = np.int16(np.rint(min(max(grains, -32e3), 32e3)))


@kernel
def _mix_rules(anchor: Anchor, pending: int, slot: int, stated: Floats) -> None:
    """Mix the experts by each rule, and the rules."""
    for t in range(3):
        total = 0.0
        for rule in range(mixture.RULE_COUNT):
            book = mixture.book_of(rule, slot, anchor.hourly.shape[1])
            one = mixture.mix(anchor.accounts[book, t], stated[t])
            anchor.mixed[pending, rule, t] = one
            total += anchor.rules[t, rule, mixture.WEIGHT] * one
        anchor.together[pending, t] = total


@kernel
def _fill_correction(anchor: Anchor, pending: int, horizon: int, rows: int, slot: int) -> None:
    centre, spread = anchor.centre[pending, 0], anchor.centre[pending, 1]
    median = anchor.together[pending, 1]
    differences = (anchor.mixed[pending, :, 1] - median) / spread
    place = (median - centre) / spread
    day, target = anchor.hourly.shape[1], rows - 1 + horizon
    correction.fill_features(anchor.correction, horizon, day, target, slot, place, differences)


@kernel
def _median_of(stated: Floats) -> float:
    sort(stated)
    return 0.5 * float(stated[(EXPERTS - 1) // 2] + stated[EXPERTS // 2])


@kernel
def _fill_mixed(
    anchor: Anchor, pending: int, horizon: int, rows: int, stated: Floats, mixed: Floats
) -> None:
    """Correct the rules' mixture, and give the experts' median its share; sorts `stated`."""
    spread, target = anchor.centre[pending, 1], rows - 1 + horizon
    half = 0.5 * abs(anchor.together[pending, 2] - anchor.together[pending, 0]) / spread
    for t in range(3):
        mixed[t] = anchor.together[pending, t]
        if rows > 7 * anchor.hourly.shape[1]:
            mixed[t] += spread * correction.shift(anchor.correction, horizon, target, t, half)
    low, high = min(mixed[0], mixed[2]), max(mixed[0], mixed[2])
    for t in range(3):
        # The median of the experts' tails is too wide up to a day ahead, and right beyond.
        if horizon > (1 if t == 1 else anchor.hourly.shape[1]):
            mixed[t] = (1.0 - MEDIAN_SHARE) * mixed[t] + MEDIAN_SHARE * _median_of(stated[t])
    mixed[1] = min(max(mixed[1], low), high)
    sort(mixed)


@kernel
def forecast(
    anchor: Anchor, values: View, roots: View, horizon: int, rows: int, slot: int, likeness: Floats
) -> None:
    """Forecast the row `horizon` steps after the last one and keep it as pending.

    Parameters
    ----------
    values, roots
        The two views, which have learnt `rows` rows.
    slot
        Hour of the week of the target.
    likeness
        Of earlier days to the last ones, as `analogs.compare_days` fills it.
    """
    pending = pending_of(rows, horizon)
    points = np.empty(POINTS)
    around = np.empty(CIRCUMSTANCES)
    for which in range(VIEWS):
        view = values if which == 0 else roots
        point_forecasts(view, rows, slot, horizon, points)
        anchor.forecasts[pending, which * POINTS : (which + 1) * POINTS] = points
        regression.fill_circumstances(view, rows, around)
        anchor.around[pending, which] = around
        if rows == 1:
            for s in range(SOURCES):
                if SOURCE_VIEW[s] == which:
                    anchor.steady[s] = anchor.quick[s] = 0.5 * abs(points[0])
                    anchor.hourly[s] = 0.5 * abs(points[0])
    anchor.nervous[pending] = anchor.quick
    stated = np.empty((3, EXPERTS))
    _state_regressions(anchor, pending, horizon, slot, stated)
    _state_residuals(anchor, pending, slot, stated)
    _state_others(anchor, values, horizon, rows, slot, likeness, stated)
    _bound(values, rows, stated)
    _keep_stated(anchor, pending, values, stated)
    mixed = np.empty(3)
    _mix_rules(anchor, pending, slot, stated)
    _fill_correction(anchor, pending, horizon, rows, slot)
    _fill_mixed(anchor, pending, horizon, rows, stated, mixed)
    issued = anchor.issued[pending]
    anchor.half[pending] = 0.5 * (mixed[2] - mixed[0])
    stretch = calibration.restlessness(anchor.tails, anchor.rhythm[slot % anchor.hourly.shape[1]])
    widened = calibration.widening(horizon, rows)
    calibration.fill_calibrated(anchor.tails, anchor.shape, widened, stretch, mixed, issued)
    if values.levels[LOWEST] >= 0.0:
        for j in range(len(issued)):
            issued[j] = max(issued[j], 0.0)
