"""Adapter of river.preprocessing.StandardScaler (without a window)."""

import msgspec
from river import preprocessing


class ScalerState(msgspec.Struct, array_like=True, tag="scaler"):
    with_std: bool
    names: list[str | int]
    counts: list[int]
    means: list[float]
    variances: list[float]


def dump_scaler(scaler: preprocessing.StandardScaler) -> ScalerState:
    if scaler.window_size is not None:
        raise TypeError("a StandardScaler with a window keeps its observations: not supported")
    names = list(scaler.means)
    return ScalerState(
        scaler.with_std,
        names,
        [scaler.counts[name] for name in names],
        [float(scaler.means[name]) for name in names],
        [float(scaler.vars[name]) for name in names] if scaler.with_std else [],
    )


def load_scaler(state: ScalerState) -> preprocessing.StandardScaler:
    wanted = len(state.names) if state.with_std else 0
    lengths = (len(state.counts), len(state.means), len(state.variances))
    if lengths != (len(state.names), len(state.names), wanted):
        raise ValueError(f"StandardScaler: lengths {lengths} for {len(state.names)} features")
    if any(count < 0 for count in state.counts):
        raise ValueError("StandardScaler: a negative count")
    if any(not variance >= 0.0 for variance in state.variances):
        raise ValueError("StandardScaler: a negative variance")
    scaler = preprocessing.StandardScaler(with_std=state.with_std)
    scaler.counts.update(dict(zip(state.names, state.counts, strict=True)))
    scaler.means.update(zip(state.names, state.means, strict=True))
    if state.with_std:
        scaler.vars.update(zip(state.names, state.variances, strict=True))
    return scaler
