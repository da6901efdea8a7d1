"""Adapters of river.stats.Mean and Var: their sums are plain attributes."""

import math

import msgspec
from river import stats


class MeanState(msgspec.Struct, array_like=True, tag="mean"):
    n: float
    mean: float


class VarState(msgspec.Struct, array_like=True, tag="var"):
    ddof: int
    n: float
    mean: float
    s: float


def dump_mean(mean: stats.Mean) -> MeanState:
    return MeanState(mean.n, mean.get())


def load_mean(state: MeanState) -> stats.Mean:
    if not math.isfinite(state.n) or state.n < 0.0:
        raise ValueError(f"Mean: weight {state.n}")
    return stats.Mean._from_state(state.n, state.mean)  # noqa: SLF001 - River's own way in


def dump_var(var: stats.Var) -> VarState:
    return VarState(var.ddof, var.mean.n, var.mean.get(), var._S)  # noqa: SLF001


def load_var(state: VarState) -> stats.Var:
    var = stats.Var(ddof=state.ddof)
    var.mean = load_mean(MeanState(state.n, state.mean))
    var._S = state.s  # noqa: SLF001 - _from_state takes the variance and would round
    return var
