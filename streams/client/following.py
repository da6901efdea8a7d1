"""Follows forecasts and predictions, each once."""

from collections.abc import Iterator

from schemas.codec import SchemaIds
from schemas.records import DemandForecast, ProgramPrediction
from schemas.settings import Settings
from schemas.topics import FORECASTS_DEMAND, PREDICTIONS_PROGRAMS
from streams.client.tail import Tail


def follow_forecasts(
    settings: Settings,
    *,
    pool: str | None = None,
    from_start: bool = False,
    ids: SchemaIds | None = None,
) -> Iterator[DemandForecast]:
    """Give demand forecasts as they come, without end; repeats are dropped by their id.

    Parameters
    ----------
    settings
        Where Kafka and the registry are.
    pool
        Of which pool; None of all.
    from_start
        Whether to begin with the oldest kept (90 days) instead of the next.
    ids
        Source of schema ids, by default the registry.

    Examples
    --------
    With a broker at hand (tests/integration/test_client.py does it)::

        for forecast in follow_forecasts(Settings(), pool="office"):
            if (forecast.resource, forecast.horizon) == ("INSTANCES", "HOUR"):
                print(forecast.made_at, dict(zip(forecast.levels, forecast.peak)))
    """
    with Tail(
        settings, FORECASTS_DEMAND, DemandForecast, lambda f: f.forecast_id,
        from_start=from_start, ids=ids,
    ) as tail:  # fmt: skip
        for forecast in tail:
            if pool is None or forecast.pool == pool:
                yield forecast


def follow_predictions(
    settings: Settings,
    *,
    user: str | None = None,
    from_start: bool = False,
    ids: SchemaIds | None = None,
) -> Iterator[ProgramPrediction]:
    """Give predictions of users' next programs as they come; repeats are dropped by their id.

    Parameters
    ----------
    user
        Of which user, as the topic names them (a pseudonym where a key is set); None of all.
    settings, from_start, ids
        As of `follow_forecasts`.
    """
    with Tail(
        settings, PREDICTIONS_PROGRAMS, ProgramPrediction, lambda p: p.prediction_id,
        from_start=from_start, ids=ids,
    ) as tail:  # fmt: skip
        for prediction in tail:
            if user is None or prediction.user == user:
                yield prediction
