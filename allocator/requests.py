"""Reads what the allocator consumes; what can't be used becomes a dead letter."""

from collections.abc import Container, Mapping
from typing import Any

from allocator.journal import DeadLetter
from schemas.codec import Codec
from schemas.dead_letters import headers
from schemas.pools import Pool, pool_of
from schemas.records import AllocationRequest, DemandForecast
from schemas.topics import ALLOCATION_REQUESTS, FORECASTS_DEMAND, Topic

MAX_NAME = 512
MOST = 1e24  # a yottabyte: no pool needs more of anything, and squares of it are numbers


class InvalidRequestError(ValueError):
    """A request that decodes and still makes no sense."""


def read_request(
    codec: Codec, data: bytes | None, pools: Mapping[str, Pool], owned: Container[str]
) -> tuple[str, AllocationRequest]:
    """Return a request and the name of its pool, one of those that this partition owns.

    Raises
    ------
    UndecodableError, InvalidRequestError
        If it can't be used.
    """
    request = codec.decode(ALLOCATION_REQUESTS, data, AllocationRequest)
    pool = request.pool or pool_of(request.program, list(pools.values()))
    if pool not in pools:
        raise InvalidRequestError("no such pool")
    if pool not in owned:
        raise InvalidRequestError("sent to a partition that is not its pool's")
    if not 0 < len(request.request_id) <= MAX_NAME or "/" in request.request_id:
        raise InvalidRequestError(f"a request id has 1 to {MAX_NAME} characters and no slash")
    if request.time <= 0:
        raise InvalidRequestError("a time before 1970")
    return pool, request


def read_forecast(codec: Codec, data: bytes | None) -> DemandForecast:
    """Return a forecast.

    Raises
    ------
    UndecodableError, InvalidRequestError
        If it can't be used.
    """
    forecast = codec.decode(FORECASTS_DEMAND, data, DemandForecast)
    if any(len(step.quantiles) != len(forecast.levels) for step in forecast.steps):
        raise InvalidRequestError("a step with other quantiles than the forecast's levels")
    if not all(abs(q) <= MOST for step in forecast.steps for q in step.quantiles):
        raise InvalidRequestError("a quantile that is no number, or beyond all need")
    return forecast


def bury(message: Any, topic: Topic, error: Exception) -> DeadLetter:
    """Return a message as a dead letter: its bytes and headers as they came, and the reason."""
    reason = headers(error, message.topic(), message.partition(), message.offset(), "allocator")
    return DeadLetter(topic, message.key(), message.value(), [*(message.headers() or []), *reason])
