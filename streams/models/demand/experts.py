"""Which experts forecast: the table that the kernels read, the same for every series."""

import numpy as np

from streams.models.demand import points as p
from streams.models.demand.analogs import ANALOGS
from streams.models.demand.climate import CLIMATES
from streams.models.demand.points import POINTS
from streams.models.demand.view import ROOT, VALUE, VIEWS

# Regressions: (point forecasts as features, base, ridge, forgetting factor, Fourier terms).
# Base LAST stands for the last value at horizon 1 and for the middling level beyond.
WIDE = (p.LAST, p.DAY_BEFORE, p.WEEK_BEFORE, p.MEAN_OF_WEEKS, p.MEAN_OF_DAYS, p.PROFILE_SLOW,
        p.DAY_PROFILE, p.EWMA_FAST, p.EWMA_MIDDLE, p.WEEK_LEVEL, p.EWMA_SLOW,
        p.WEEK_MEDIAN)  # fmt: skip
NARROW = (p.LAST, p.DAY_BEFORE, p.WEEK_BEFORE, p.MEAN_OF_WEEKS, p.EWMA_MIDDLE, p.WEEK_LEVEL,
          p.EWMA_SLOW)  # fmt: skip
SLOW_ONLY = (p.WEEK_BEFORE, p.MEAN_OF_DAYS, p.EWMA_MIDDLE, p.WEEK_LEVEL, p.MONTH_MEDIAN,
             p.MEDIAN_OF_6_WEEKS, p.EWMA_OF_WEEKS)  # fmt: skip
REGRESSIONS_OF_A_VIEW = (
    (WIDE, p.PROFILE, 20.0, 0.9995, True),
    (NARROW, p.PROFILE, 50.0, 0.998, True),
    (NARROW, p.LAST, 50.0, 0.9998, False),
    (WIDE, p.PROFILE_SLOW, 100.0, 0.9999, True),
    (SLOW_ONLY, p.BLEND, 200.0, 0.9995, False),
    (SLOW_ONLY, p.MEDIAN_OF_6_WEEKS, 100.0, 0.9999, False),
)
REGRESSIONS = VIEWS * len(REGRESSIONS_OF_A_VIEW)
SOURCES = VIEWS * POINTS + REGRESSIONS  # what residuals are kept of

# How an expert scales the residuals of its source.
STEADY, NERVOUS, HOURLY = 0, 1, 2
_NERVOUS = (p.LAST, p.WEEK_BEFORE, p.PROFILE, p.PROFILE_SHIFTED, p.PROFILE_DECAYING, p.EWMA_MIDDLE,
            p.WEEK_LEVEL, p.WEEK_MEDIAN)  # fmt: skip
_ROOTED = (p.LAST, p.DAY_BEFORE, p.WEEK_BEFORE, p.MEAN_OF_WEEKS, p.PROFILE, p.PROFILE_SHIFTED,
           p.PROFILE_DECAYING, p.EWMA_FAST, p.EWMA_MIDDLE, p.EWMA_SLOW, p.MEDIAN_OF_6_WEEKS,
           p.WEEKS_AND_MEDIAN, p.EWMA_OF_WEEKS, p.EWMA_OF_WEEKS_TREND, p.BLEND)  # fmt: skip
_HOURLY = (p.PROFILE, p.DAY_PROFILE, p.PROFILE_SHIFTED, p.PROFILE_DECAYING, p.WEEK_LEVEL,
           p.MEDIAN_OF_6_WEEKS, p.EWMA_OF_WEEKS, p.BLEND)  # fmt: skip

_RESIDUAL = (
    [(point, STEADY) for point in range(POINTS)]
    + [(point, NERVOUS) for point in _NERVOUS]
    + [(point, HOURLY) for point in _HOURLY]
    + [(POINTS + point, STEADY) for point in _ROOTED]
    + [(VIEWS * POINTS + r, STEADY) for r in range(REGRESSIONS)]
)
RESIDUAL_SOURCE = np.array([source for source, _ in _RESIDUAL], np.int64)
RESIDUAL_SCALE = np.array([scale for _, scale in _RESIDUAL], np.int64)
RESIDUALS = len(_RESIDUAL)
# The others state quantiles of their own, in this order after those of residuals.
FIRST_REGRESSION = RESIDUALS
FIRST_CLIMATE = FIRST_REGRESSION + REGRESSIONS
FIRST_ANALOG = FIRST_CLIMATE + CLIMATES
EXPERTS = FIRST_ANALOG + ANALOGS

SOURCE_VIEW = np.array(
    [VALUE] * POINTS
    + [ROOT] * POINTS
    + [VALUE] * len(REGRESSIONS_OF_A_VIEW)
    + [ROOT] * len(REGRESSIONS_OF_A_VIEW),
    np.int64,
)

_TABLE = REGRESSIONS_OF_A_VIEW * VIEWS
FEATURE_POINTS = max(len(points) for points, *_ in _TABLE)
FEATURES = FEATURE_POINTS + 12
REGRESSION_VIEW = np.repeat(np.array([VALUE, ROOT]), len(REGRESSIONS_OF_A_VIEW))
REGRESSION_COUNT = np.array([len(points) for points, *_ in _TABLE], np.int64)
REGRESSION_POINTS = np.array(
    [tuple(points) + (0,) * (FEATURE_POINTS - len(points)) for points, *_ in _TABLE], np.int64
)
REGRESSION_BASE = np.array([base for _, base, *_ in _TABLE], np.int64)
REGRESSION_RIDGE = np.array([ridge for _, _, ridge, *_ in _TABLE], np.float64)
REGRESSION_KEEP = np.array([keep for *_, keep, _ in _TABLE], np.float64)
REGRESSION_FOURIER = np.array([fourier for *_, fourier in _TABLE], np.bool_)
