"""Every River estimator that may be in a state: save, load, the next 100 outputs are equal."""

import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from river import drift, linear_model, optim, preprocessing, stats, time_series

from streams.models.river import ALLOWED, dump, load

Step = Callable[[Any, float], Any]


def _univariate(estimator, x):
    estimator.update(x)
    return estimator.get()


def _detector(estimator, x):
    estimator.update(x)
    return estimator.drift_detected


def _adwin(estimator, x):
    estimator.update(x)
    return (estimator.drift_detected, estimator.width, estimator.total, estimator.variance,
            estimator.n_detections)  # fmt: skip


def _features(x):
    return {"a": x, "b": x * x - 3.0, 7: abs(x)} if x > -1.0 else {"a": x, "late": 1.0}


def _scaler(estimator, x):
    estimator.learn_one(_features(x))
    return estimator.transform_one(_features(x + 1.0))


def _regression(estimator, x):
    predicted = estimator.predict_one(_features(x))
    estimator.learn_one(_features(x), 3.0 * x - 1.0)
    return predicted, estimator.intercept


def _forecaster(estimator, x):
    estimator.learn_one(10.0 + x)
    return estimator.forecast(5) if estimator._initialized else None


CASES: dict[str, tuple[Callable[[], Any], Step]] = {
    "Mean": (stats.Mean, _univariate),
    "Var": (lambda: stats.Var(ddof=0), _univariate),
    "EWMean": (lambda: stats.EWMean(0.3), _univariate),
    "EWVar": (lambda: stats.EWVar(0.05), _univariate),
    "Quantile": (lambda: stats.Quantile(0.95), _univariate),
    "ADWIN": (lambda: drift.ADWIN(delta=0.05, clock=8, grace_period=3), _adwin),
    "PageHinkley": (lambda: drift.PageHinkley(threshold=5.0), _detector),
    "StandardScaler": (preprocessing.StandardScaler, _scaler),
    "StandardScaler, mean only": (lambda: preprocessing.StandardScaler(with_std=False), _scaler),
    "LinearRegression": (
        lambda: linear_model.LinearRegression(optim.SGD(0.003), l2=0.01, intercept_lr=0.1),
        _regression,
    ),
    "HoltWinters": (lambda: time_series.HoltWinters(0.3, 0.1, 0.6, 12), _forecaster),
    "HoltWinters, multiplicative": (
        lambda: time_series.HoltWinters(0.3, 0.1, 0.6, 12, multiplicative=True), _forecaster,
    ),
    "HoltWinters, level only": (lambda: time_series.HoltWinters(0.3), _forecaster),
}  # fmt: skip


def _series(length: int, seed: int) -> Iterator[float]:
    rng = np.random.default_rng(seed)
    for k in range(length):
        yield float(rng.normal() + (4.0 if k % 97 > 60 else 0.0))


def _bits(output: Any) -> Any:
    if isinstance(output, float):
        return struct.pack("<d", output)
    if isinstance(output, list | tuple):
        return [_bits(value) for value in output]
    if isinstance(output, dict):
        return [(name, _bits(value)) for name, value in output.items()]
    return output


def test_every_allowed_estimator_has_a_case():
    assert {type(make()) for make, _ in CASES.values()} == set(ALLOWED)


@pytest.mark.parametrize("learnt", [0, 1, 4, 5, 6, 12, 13, 300, 3000])
@pytest.mark.parametrize("name", CASES)
def test_the_next_hundred_outputs_after_a_load_are_equal_to_the_bit(name, learnt):
    make, step = CASES[name]
    original = make()
    for x in _series(learnt, seed=learnt):
        step(original, x)
    restored = load(dump(original))
    assert type(restored) is type(original)
    assert dump(restored) == dump(original)
    for x in _series(100, seed=learnt + 1):
        assert _bits(step(restored, x)) == _bits(step(original, x))


@pytest.mark.parametrize("name", CASES)
def test_every_cut_or_altered_state_is_refused_or_loads_something_that_works(name):
    make, step = CASES[name]
    estimator = make()
    for x in _series(40, seed=5):
        step(estimator, x)
    data = dump(estimator)
    for end in range(len(data)):
        with pytest.raises(ValueError):  # noqa: PT011 - whichever check sees it first
            load(data[:end])
    for at in range(len(data)):
        for flip in (0x01, 0x40, 0xFF):
            altered = data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]
            _survives(altered, step)


def _survives(data: bytes, step: Step) -> None:
    try:
        estimator = load(data)
    except ValueError:
        return
    try:
        for x in _series(20, seed=6):
            step(estimator, x)
    except (ArithmeticError, ValueError):  # a number that is absurd, not a crash
        return


@pytest.mark.parametrize(
    "estimator",
    [
        stats.Kurtosis(),
        linear_model.LogisticRegression(),
        object(),
        preprocessing.StandardScaler(window_size=5),
        linear_model.LinearRegression(optim.Adam()),
        linear_model.LinearRegression(l1=0.1),
        linear_model.LinearRegression(optim.SGD(optim.schedulers.InverseScaling(0.1))),
    ],
)
def test_what_is_not_on_the_list_is_refused(estimator):
    with pytest.raises(TypeError):
        dump(estimator)


def test_an_unknown_class_is_refused():
    data = dump(stats.Mean())
    assert b"mean" in data
    with pytest.raises(ValueError, match="River estimator"):
        load(data.replace(b"mean", b"evil"))
