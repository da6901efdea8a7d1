"""The sinks agree with the schemas and with the tables, and keep passwords out of the way."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra.connect import warehouse
from infra.connect.sinks import SINKS, Database, Sink, connectors
from schemas.codec import schema_text
from schemas.settings import Settings

DATABASE = Database("jdbc:postgresql://db:5432/w", "writer", "${file:/run/secrets/p:password}")
TABLES = (Path(warehouse.__file__).parent / "tables.sql").read_text(encoding="utf-8")


def fields(sink: Sink) -> dict[str, Any]:
    assert sink.topic.record is not None
    schema = json.loads(schema_text(sink.topic.record.__name__))
    return {field["name"]: field["type"] for field in schema["fields"]}


def columns(table: str) -> list[str]:
    (body,) = re.findall(rf"CREATE TABLE IF NOT EXISTS {table} \((.*?)\n\);", TABLES, re.DOTALL)
    kinds = "text|timestamp|bigint|int|double|bool|json"
    return re.findall(rf'^    "?([a-z_0-9]+)"? +(?:{kinds})', body, re.MULTILINE)


def is_nested(kind: Any) -> bool:
    parts = kind if isinstance(kind, list) else [kind]
    return any(isinstance(p, dict) and p["type"] in ("array", "record", "map") for p in parts)


@pytest.mark.parametrize("sink", SINKS, ids=lambda sink: sink.table)
def test_every_column_is_a_field(sink: Sink) -> None:
    assert set(columns(sink.table)) <= fields(sink).keys()
    assert set(sink.key) <= set(columns(sink.table))


@pytest.mark.parametrize("sink", SINKS, ids=lambda sink: sink.table)
def test_what_a_table_cannot_hold_becomes_json(sink: Sink) -> None:
    nested = {name for name, kind in fields(sink).items() if is_nested(kind)}
    assert nested == set(sink.json_fields)


def test_names_carry_the_deployments_prefix() -> None:
    made = connectors(Settings(topic_prefix="blue."), DATABASE, replication=3)
    assert all(name.startswith("blue.warehouse-") for name in made)
    forecasts = made["blue.warehouse-forecasts"]
    assert forecasts["topics"] == "blue.forecasts.demand"
    assert forecasts["errors.deadletterqueue.topic.name"] == "blue.warehouse.dead-letter"
    assert forecasts["errors.deadletterqueue.topic.replication.factor"] == "3"


def test_nothing_of_a_message_is_logged() -> None:
    for config in connectors(Settings(), DATABASE).values():
        assert config["errors.log.include.messages"] == "false"
