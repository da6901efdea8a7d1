"""Adapter of river.drift.PageHinkley."""

from typing import Literal

import msgspec
from river import drift

from streams.models.river.mean_var import MeanState, dump_mean, load_mean

Number = int | float


class PageHinkleyState(msgspec.Struct, array_like=True, tag="page_hinkley"):
    min_instances: int
    delta: float
    threshold: float
    alpha: float
    mode: Literal["up", "down", "both"]
    drift_detected: bool
    n: float
    mean: float
    sum_increase: float
    sum_decrease: float
    min_increase: float
    max_decrease: Number


def dump_page_hinkley(detector: drift.PageHinkley) -> PageHinkleyState:
    mean = dump_mean(detector._x_mean)  # noqa: SLF001
    return PageHinkleyState(
        detector.min_instances,
        detector.delta,
        detector.threshold,
        detector.alpha,
        detector.mode,
        detector.drift_detected,
        mean.n,
        mean.mean,
        detector._sum_increase,  # noqa: SLF001
        detector._sum_decrease,  # noqa: SLF001
        detector._min_increase,  # noqa: SLF001
        detector._max_decrease,  # noqa: SLF001
    )


def load_page_hinkley(state: PageHinkleyState) -> drift.PageHinkley:
    detector = drift.PageHinkley(
        state.min_instances, state.delta, state.threshold, state.alpha, state.mode
    )
    detector._drift_detected = state.drift_detected  # noqa: SLF001
    detector._x_mean = load_mean(MeanState(state.n, state.mean))  # noqa: SLF001
    detector._sum_increase = state.sum_increase  # noqa: SLF001
    detector._sum_decrease = state.sum_decrease  # noqa: SLF001
    detector._min_increase = state.min_increase  # noqa: SLF001
    detector._max_decrease = state.max_decrease  # noqa: SLF001
    return detector
