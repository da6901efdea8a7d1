"""The AsyncAPI document is that of the catalogue, and holds together."""

import json
from collections.abc import Iterator
from typing import Any

import yaml

from schemas.asyncapi import DOCUMENT, render
from schemas.codec import schema_text
from schemas.topics import BY_NAME, CATALOGUE

TEXT = DOCUMENT.read_text(encoding="utf-8")
DOC = yaml.safe_load(TEXT)


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def resolve(reference: str) -> Any:
    part: Any = DOC
    for name in reference.removeprefix("#/").split("/"):
        part = part[name]
        if isinstance(part, dict) and "$ref" in part:
            part = resolve(part["$ref"])
    return part


def test_the_document_is_current() -> None:
    assert render() == TEXT, "run python -m schemas.asyncapi"


def test_all_references_lead_somewhere() -> None:
    found = list(references(DOC))
    assert len(found) > len(CATALOGUE)
    assert all(resolve(reference) for reference in found)


def test_each_topic_is_told_as_it_is_created() -> None:
    assert DOC["channels"].keys() == BY_NAME.keys()
    for name, channel in DOC["channels"].items():
        topic, kafka = BY_NAME[name], channel["bindings"]["kafka"]
        assert kafka["partitions"] == topic.partitions
        assert kafka["topicConfiguration"]["cleanup.policy"] == topic.cleanup.split(",")
        assert kafka["topicConfiguration"].get("retention.ms") == topic.retention_ms


def test_each_topic_has_one_operation_with_its_message() -> None:
    addresses = [operation["channel"]["$ref"] for operation in DOC["operations"].values()]
    assert sorted(addresses) == sorted(f"#/channels/{name}" for name in BY_NAME)
    for operation in DOC["operations"].values():
        (message,) = operation["messages"]
        assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/")


def test_payloads_are_the_schemas() -> None:
    for topic in CATALOGUE:
        if topic.record is not None:
            name = topic.record.__name__
            payload = DOC["components"]["messages"][name]["payload"]["schema"]
            assert payload == json.loads(schema_text(name))
