"""Saves and restores the River estimators that may be part of a state (DESIGN 4.8).

Each estimator on the list has an adapter that reads its sufficient statistics into a typed struct
and rebuilds it from there, so that the next predictions are equal to the bit. Nothing is pickled:
bytes from a topic can only ever become one of these estimators.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from river import drift, linear_model, preprocessing, stats, time_series

from streams.models.cycles.section import decode_section, encode_section
from streams.models.river.adwin import AdwinState, dump_adwin, load_adwin
from streams.models.river.holt_winters import (
    HoltWintersState,
    dump_holt_winters,
    load_holt_winters,
)
from streams.models.river.linear_regression import (
    RegressionState,
    dump_regression,
    load_regression,
)
from streams.models.river.mean_var import (
    MeanState,
    VarState,
    dump_mean,
    dump_var,
    load_mean,
    load_var,
)
from streams.models.river.page_hinkley import (
    PageHinkleyState,
    dump_page_hinkley,
    load_page_hinkley,
)
from streams.models.river.rust_stats import (
    EWMeanState,
    EWVarState,
    QuantileState,
    dump_ewmean,
    dump_ewvar,
    dump_quantile,
    load_ewmean,
    load_ewvar,
    load_quantile,
)
from streams.models.river.standard_scaler import ScalerState, dump_scaler, load_scaler

_VERSION = 1

_DUMP: dict[type, Callable[[Any], msgspec.Struct]] = {
    stats.Mean: dump_mean,
    stats.Var: dump_var,
    stats.EWMean: dump_ewmean,
    stats.EWVar: dump_ewvar,
    stats.Quantile: dump_quantile,
    drift.ADWIN: dump_adwin,
    drift.PageHinkley: dump_page_hinkley,
    preprocessing.StandardScaler: dump_scaler,
    linear_model.LinearRegression: dump_regression,
    time_series.HoltWinters: dump_holt_winters,
}

_LOAD: dict[type, Callable[[Any], Any]] = {
    MeanState: load_mean,
    VarState: load_var,
    EWMeanState: load_ewmean,
    EWVarState: load_ewvar,
    QuantileState: load_quantile,
    AdwinState: load_adwin,
    PageHinkleyState: load_page_hinkley,
    ScalerState: load_scaler,
    RegressionState: load_regression,
    HoltWintersState: load_holt_winters,
}

_DECODER = msgspec.msgpack.Decoder(
    MeanState
    | VarState
    | EWMeanState
    | EWVarState
    | QuantileState
    | AdwinState
    | PageHinkleyState
    | ScalerState
    | RegressionState
    | HoltWintersState
)

ALLOWED: tuple[type, ...] = tuple(_DUMP)


def dump(estimator: object) -> bytes:
    """Return the estimator's whole state as bytes.

    Raises
    ------
    TypeError
        If the estimator, or an option it was made with, is not on the list.

    Examples
    --------
    >>> from river import stats
    >>> mean = stats.EWMean(0.25)
    >>> for x in (1.0, 2.0):
    ...     mean.update(x)
    >>> load(dump(mean)).get() == mean.get()
    True
    """
    adapter = _DUMP.get(type(estimator))
    if adapter is None:
        names = ", ".join(sorted(kind.__name__ for kind in ALLOWED))
        raise TypeError(f"{type(estimator).__name__} is not among {names}")
    return encode_section(_VERSION, adapter(estimator))


def load(data: bytes) -> Any:
    """Return the estimator that `dump` saved.

    Raises
    ------
    ValueError
        If the bytes are no such state.
    """
    state = decode_section("River estimator", _VERSION, _DECODER, data)
    return _LOAD[type(state)](state)
