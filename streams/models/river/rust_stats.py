"""Adapters of the Rust-backed EWMean, EWVar and Quantile.

Their compiled halves answer __getstate__ with plain little-endian numbers (river 0.26) and take the
same bytes in __setstate__: no pickle is involved. The bytes are checked against the layout before
the compiled code sees them, and the contract test fails when a new River changes the layout.
"""

import math
import struct

import msgspec
from river import stats

_MEAN = struct.Struct("<3dB")  # mean, fading factor, its complement, begun?
_FACTOR = struct.Struct("<d")  # the constructor's argument: once a mean, so twice for a variance
_QUANTILE = struct.Struct("<21d2B")  # q, then 4 x 5 markers, markers filled, sorted?


class EWMeanState(msgspec.Struct, array_like=True, tag="ewmean"):
    fading_factor: float
    body: bytes


class EWVarState(msgspec.Struct, array_like=True, tag="ewvar"):
    fading_factor: float
    body: bytes


class QuantileState(msgspec.Struct, array_like=True, tag="quantile"):
    q: float
    updated: bool
    body: bytes


def dump_ewmean(mean: stats.EWMean) -> EWMeanState:
    return EWMeanState(mean.fading_factor, mean._ewmean.__getstate__())  # noqa: SLF001


def load_ewmean(state: EWMeanState) -> stats.EWMean:
    mean = stats.EWMean(state.fading_factor)
    _check_ew("EWMean", state.body, 1, state.fading_factor)
    mean._ewmean.__setstate__(state.body)  # noqa: SLF001
    return mean


def dump_ewvar(var: stats.EWVar) -> EWVarState:
    return EWVarState(var.fading_factor, var._ewvar.__getstate__())  # noqa: SLF001


def load_ewvar(state: EWVarState) -> stats.EWVar:
    var = stats.EWVar(state.fading_factor)
    _check_ew("EWVar", state.body, 2, state.fading_factor)
    var._ewvar.__setstate__(state.body)  # noqa: SLF001
    return var


def _check_ew(name: str, body: bytes, means: int, fading_factor: float) -> None:
    split = means * _MEAN.size
    if len(body) != split + means * _FACTOR.size:
        raise ValueError(f"{name}: {len(body)} bytes of state")
    factors = [factor for (factor,) in _FACTOR.iter_unpack(body[split:])]
    for _, factor, rest, begun in _MEAN.iter_unpack(body[:split]):
        factors.append(factor)
        if begun > 1 or rest != 1.0 - fading_factor:
            raise ValueError(f"{name}: a mean is out of range")
    if any(factor != fading_factor for factor in factors):
        raise ValueError(f"{name}: the state is not of fading factor {fading_factor}")


def dump_quantile(quantile: stats.Quantile) -> QuantileState:
    body = quantile._quantile.__getstate__()  # noqa: SLF001
    return QuantileState(quantile.q, quantile._is_updated, body)  # noqa: SLF001


def load_quantile(state: QuantileState) -> stats.Quantile:
    quantile = stats.Quantile(state.q)
    _check_quantile(state)
    quantile._quantile.__setstate__(state.body)  # noqa: SLF001
    quantile._is_updated = state.updated  # noqa: SLF001
    return quantile


def _check_quantile(state: QuantileState) -> None:
    if len(state.body) != _QUANTILE.size:
        raise ValueError(f"Quantile: {len(state.body)} bytes of state, not {_QUANTILE.size}")
    q, *markers, filled, is_sorted = _QUANTILE.unpack(state.body)
    positions = markers[5:15]  # desired and actual
    if q != state.q or filled > 5 or is_sorted > 1 or (is_sorted and filled < 5):
        raise ValueError("Quantile: the markers contradict each other")
    if state.updated != (filled > 0) or not all(map(math.isfinite, positions)):
        raise ValueError("Quantile: a marker is out of range")
