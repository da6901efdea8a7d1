"""The sinks of the warehouse: which topic goes into which table, as Kafka Connect is told it."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from schemas.settings import Settings
from schemas.topics import (
    ALERTS_ANOMALIES,
    ALLOCATION_EVENTS,
    DEMAND_OBSERVED,
    FORECASTS_DEMAND,
    RESERVE_STATUS,
    Topic,
)

DEAD_LETTERS = "warehouse.dead-letter"
CONFLUENT_API = "/apis/ccompat/v7"
NATIVE_API = "/apis/registry/v2"


@dataclass(frozen=True, slots=True)
class Sink:
    """One topic and its table.

    Parameters
    ----------
    topic
        What is read.
    table
        Where it goes; made by tables.sql.
    key
        Columns of the primary key: a repeated record overwrites itself.
    json_fields
        Fields with arrays, which become jsonb.
    """

    topic: Topic
    table: str
    key: tuple[str, ...]
    json_fields: tuple[str, ...] = ()


SINKS = (
    Sink(FORECASTS_DEMAND, "forecasts", ("forecast_id",), ("steps", "levels", "peak", "means")),
    Sink(ALLOCATION_EVENTS, "allocation_events", ("event_id",), ("prepared_steps",)),
    Sink(ALERTS_ANOMALIES, "alerts", ("alert_id",)),
    Sink(RESERVE_STATUS, "reserve_status", ("pool", "time"), ("flags",)),
    Sink(DEMAND_OBSERVED, "demand_observed",
         ("pool", "source_partition", "closed_through"), ("minutes",)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Database:
    """A PostgreSQL as the sink reaches it.

    Parameters
    ----------
    jdbc_url
        Such as jdbc:postgresql://host:5432/warmfront.
    user, password
        Who writes; the password may be a reference to one of Connect's configuration providers.
    """

    jdbc_url: str
    user: str
    password: str


def connectors(
    settings: Settings, database: Database, replication: int = 1
) -> dict[str, dict[str, str]]:
    """Return the configuration of every sink by the connector's name."""
    return {
        settings.topic(f"warehouse-{sink.table}"): {
            **_reading(sink, settings),
            **_writing(sink, database),
            **_dead_letters(settings, replication),
        }
        for sink in SINKS
    }


def _reading(sink: Sink, settings: Settings) -> Mapping[str, str]:
    converter = {
        "value.converter": "io.apicurio.registry.utils.converter.AvroConverter",
        "value.converter.apicurio.registry.url": native_url(settings.registry_url),
        # Together: Confluent's wire format, four bytes of a global id after a zero.
        "value.converter.apicurio.registry.as-confluent": "true",
        "value.converter.apicurio.registry.use-id": "contentId",
        "value.converter.apicurio.registry.id-handler": (
            "io.apicurio.registry.serde.Legacy4ByteIdHandler"
        ),
        "value.converter.apicurio.registry.headers.enabled": "false",
    }
    plain = {
        "transforms": "plain",
        "transforms.plain.type": "warmfront.connect.TableFields",
        "transforms.plain.fields": ",".join(sink.json_fields),
    }
    return {
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "tasks.max": "1",
        "topics": settings.topic(sink.topic.name),
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        **converter,
        **plain,
    }


def _writing(sink: Sink, database: Database) -> Mapping[str, str]:
    return {
        "connection.url": database.jdbc_url,
        "connection.username": database.user,
        "connection.password": database.password,
        "collection.name.format": sink.table,
        "insert.mode": "upsert",
        "primary.key.mode": "record_value",
        "primary.key.fields": ",".join(sink.key),
        "schema.evolution": "basic",  # a new optional field becomes a new column
        "quote.identifiers": "true",  # `user` is a word of SQL
        "use.time.zone": "UTC",
    }


def _dead_letters(settings: Settings, replication: int) -> Mapping[str, str]:
    return {
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": settings.topic(DEAD_LETTERS),
        "errors.deadletterqueue.topic.replication.factor": str(replication),
        "errors.deadletterqueue.context.headers.enable": "true",
        "errors.log.enable": "true",
        "errors.log.include.messages": "false",  # a log must hold nothing of the data
    }


def native_url(registry_url: str) -> str:
    """Return the address of Apicurio's own API beside its Confluent one.

    Examples
    --------
    >>> native_url("http://registry:8080/apis/ccompat/v7")
    'http://registry:8080/apis/registry/v2'
    """
    parts = urlsplit(registry_url)
    return urlunsplit(parts._replace(path=parts.path.replace(CONFLUENT_API, NATIVE_API)))
