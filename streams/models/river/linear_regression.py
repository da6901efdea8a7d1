"""Adapter of river.linear_model.LinearRegression with SGD at a constant rate and squared loss."""

import msgspec
from river import linear_model, optim, utils


class RegressionState(msgspec.Struct, array_like=True, tag="linear"):
    rate: float
    steps: int
    l2: float
    intercept_init: float
    intercept_rate: float
    clip_gradient: float
    intercept: float
    names: list[str | int]
    weights: list[float]


def dump_regression(model: linear_model.LinearRegression) -> RegressionState:
    optimizer = model.optimizer
    _require(type(optimizer) is optim.SGD, "the optimizer SGD")
    _require(type(optimizer.lr) is optim.schedulers.Constant, "a constant learning rate")
    _require(type(model.intercept_lr) is optim.schedulers.Constant, "a constant intercept rate")
    _require(type(model.loss) is optim.losses.Squared, "the squared loss")
    _require(type(model.initializer) is optim.initializers.Zeros, "weights that begin at zero")
    _require(model.l1 == 0, "no L1 penalty")
    weights = model.weights
    return RegressionState(
        float(optimizer.lr.learning_rate),
        optimizer.n_iterations,
        float(model.l2),
        float(model.intercept_init),
        float(model.intercept_lr.learning_rate),
        float(model.clip_gradient),
        float(model.intercept),
        list(weights),
        list(weights.values()),
    )


def _require(met: bool, what: str) -> None:
    if not met:
        raise TypeError(f"a LinearRegression can be saved only with {what}")


def load_regression(state: RegressionState) -> linear_model.LinearRegression:
    if len(state.names) != len(state.weights) or state.steps < 0:
        raise ValueError("LinearRegression: the features and weights differ in number")
    model = linear_model.LinearRegression(
        optimizer=optim.SGD(state.rate),
        l2=state.l2,
        intercept_init=state.intercept_init,
        intercept_lr=state.intercept_rate,
        clip_gradient=state.clip_gradient,
    )
    model.optimizer.n_iterations = state.steps
    model.intercept = state.intercept
    weights = dict(zip(state.names, state.weights, strict=True))
    model._weights = utils.VectorDict(weights)  # noqa: SLF001 - no public way to set them
    return model
