"""CloudEvents headers (binary mode) of what Warmfront says: tools route and drop repeats by them.

The id is the record's own deterministic id: a repeat has the same `ce_id` and `ce_source`, which is
how CloudEvents tells repeats.

References
----------
CloudEvents 1.0.2, Kafka protocol binding, section 3.2 (binary content mode).
"""

from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from schemas import records

SPEC_VERSION = b"1.0"
CONTENT_TYPE = b"application/avro"

EPOCH = date(1970, 1, 1)
DAY_MS = 86_400_000

Headers = list[tuple[str, bytes]]


def _field(name: str) -> Callable[[Any], str]:
    return lambda record: str(getattr(record, name))


def _joined(*names: str) -> Callable[[Any], str]:
    return lambda record: "/".join(str(getattr(record, name)) for name in names)


# What identifies a record, and the field with its event time.
IDENTITIES: dict[type[msgspec.Struct], tuple[Callable[[Any], str], str]] = {
    records.AllocationEvent: (_field("event_id"), "time"),
    records.AnomalyAlert: (_field("alert_id"), "started_at"),
    records.AnomalyObservation: (_field("observation_id"), "time"),
    records.DemandForecast: (_field("forecast_id"), "made_at"),
    records.DemandObserved: (_joined("pool", "source_partition", "closed_through"),
                             "closed_through"),
    records.GroupProfile: (_joined("group", "updated_at"), "updated_at"),
    records.ProgramPrediction: (_field("prediction_id"), "made_at"),
    records.ReserveAction: (_field("action_id"), "time"),
    records.ReserveStatus: (_joined("pool", "time"), "time"),
    records.ShadowEvent: (_field("event_id"), "time"),
    records.UserProfile: (_joined("user", "updated_at"), "updated_at"),
}  # fmt: skip


def headers(record: msgspec.Struct, prefix: str = "") -> Headers:
    """Return the headers of a record; none for records that are inputs or inner state.

    Parameters
    ----------
    record
        What is said.
    prefix
        The deployment's topic prefix, which names the source.

    Examples
    --------
    >>> status = records.AlertFeedback(incident_id="i", subject="s", verdict="ACKNOWLEDGED",
    ...                                time=0, by="ada")
    >>> headers(status)
    []
    >>> event = records.AllocationEvent(event_id="r1/ASSIGNED", kind="ASSIGNED", pool="office",
    ...                                 time=1_500, reason="the oldest")
    >>> dict(headers(event, "blue."))["ce_source"], dict(headers(event))["ce_time"]
    (b'/warmfront/blue', b'1970-01-01T00:00:01.500Z')
    """
    identity = IDENTITIES.get(type(record))
    if identity is None:
        return []
    name, time_field = identity
    return [
        ("ce_specversion", SPEC_VERSION),
        ("ce_id", name(record).encode()),
        ("ce_source", f"/warmfront/{prefix.rstrip('.')}".rstrip("/").encode()),
        ("ce_type", f"warmfront.{type(record).__name__}".encode()),
        ("ce_time", _rfc3339(getattr(record, time_field))),
        ("content-type", CONTENT_TYPE),
    ]


def _rfc3339(time_ms: int) -> bytes:
    # In a worker at work this takes 7 us, by a datetime 15.
    day, in_day_ms = divmod(time_ms, DAY_MS)
    s, ms = divmod(in_day_ms, 1000)
    return f"{_date(day)}T{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}.{ms:03}Z".encode()


@lru_cache(maxsize=64)
def _date(day: int) -> str:
    return (EPOCH + timedelta(days=day)).isoformat()
