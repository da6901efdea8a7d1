"""Adapter of river.time_series.HoltWinters."""

import msgspec
from river import time_series

Number = int | float  # River keeps the type it was given; so does the state
_MAX_SEASONALITY = 100_000


class HoltWintersState(msgspec.Struct, array_like=True, tag="holt_winters"):
    alpha: float
    beta: float | None
    gamma: float | None
    seasonality: int
    multiplicative: bool
    initialized: bool
    first_values: list[Number]
    level: list[Number]
    trend: list[Number]
    season: list[Number]


def dump_holt_winters(model: time_series.HoltWinters) -> HoltWintersState:
    return HoltWintersState(
        model.alpha,
        model.beta,
        model.gamma,
        model.seasonality,
        model.multiplicative,
        model._initialized,  # noqa: SLF001
        # Of no use once the components exist; River keeps them for ever, the state does not.
        [] if model._initialized else list(model._first_values),  # noqa: SLF001
        list(model.level),
        list(model.trend or ()),
        list(model.season or ()),
    )


def load_holt_winters(state: HoltWintersState) -> time_series.HoltWinters:
    if not 0 <= state.seasonality <= _MAX_SEASONALITY:
        raise ValueError(f"HoltWinters: seasonality {state.seasonality}")
    model = time_series.HoltWinters(
        state.alpha, state.beta, state.gamma, state.seasonality, state.multiplicative
    )
    _check(state, with_trend=model.trend is not None)
    model._first_values = state.first_values  # noqa: SLF001
    model._initialized = state.initialized  # noqa: SLF001
    model.level.extend(state.level)
    if model.trend is not None:
        model.trend.extend(state.trend)
    if model.season is not None:
        model.season.extend(state.season)
    return model


def _check(state: HoltWintersState, *, with_trend: bool) -> None:
    lengths = (len(state.first_values), len(state.level), len(state.trend), len(state.season))
    first, level, trend, season = lengths
    if state.initialized:
        seasons = (state.seasonality, state.seasonality + 1) if state.seasonality else (0,)
        trends = (1, 2) if with_trend else (0,)
        fits = first == 0 and level in {1, 2} and trend in trends and season in seasons
    else:
        fits = level == trend == season == 0 and first < max(2, state.seasonality)
    if not fits:
        raise ValueError(f"HoltWinters: components of lengths {lengths} do not fit together")
