"""Confluent wire format: a zero byte, the schema id in four, then the Avro body.

Records hold times as plain milliseconds, so the schemas are used here without their logical types:
the bytes are the same, and no datetime is made and thrown away for every event.
"""

import io
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import fastavro
import msgspec
from fastavro.schema import parse_schema

from schemas.topics import Topic

R = TypeVar("R", bound=msgspec.Struct)

AVRO = Path(__file__).with_name("avro")
HEADER = struct.Struct(">bI")
MAX_MESSAGE_BYTES = 4 * 1024 * 1024


class UndecodableError(ValueError):
    """The bytes are no message of this topic; the text says why, never what they hold."""


class SchemaIds(Protocol):
    """Where schema ids come from."""

    def register(self, subject: str, schema: str) -> int:
        """Return the id of `schema` under `subject`, registering it if new."""

    def schema(self, schema_id: int) -> str:
        """Return the schema of an id; raises UndecodableError for an unknown one."""


class MemoryIds:
    """Schema ids kept in memory, for tests and single processes.

    Examples
    --------
    >>> ids = MemoryIds()
    >>> ids.schema(ids.register("a-value", '"string"'))
    '"string"'
    """

    def __init__(self) -> None:
        self._schemas: list[str] = []

    def register(self, subject: str, schema: str) -> int:
        """Return the id of `schema`; subjects share ids, as they do in a registry."""
        del subject
        if schema not in self._schemas:
            self._schemas.append(schema)
        return self._schemas.index(schema) + 1

    def schema(self, schema_id: int) -> str:
        """Return the schema of an id."""
        if not 1 <= schema_id <= len(self._schemas):
            raise UndecodableError(f"unknown schema id {schema_id}")
        return self._schemas[schema_id - 1]


def schema_text(record: str) -> str:
    """Return the Avro schema of a record as compact JSON, logical types included."""
    return json.dumps(json.loads((AVRO / f"{record}.avsc").read_text(encoding="utf-8")))


def without_logical_types(schema: Any) -> Any:
    """Return the schema with timestamps as plain longs.

    Examples
    --------
    >>> without_logical_types({"type": "long", "logicalType": "timestamp-millis"})
    {'type': 'long'}
    """
    if isinstance(schema, Mapping):
        return {k: without_logical_types(v) for k, v in schema.items() if k != "logicalType"}
    if isinstance(schema, list):
        return [without_logical_types(v) for v in schema]
    return schema


def _parse(text: str) -> Any:
    return parse_schema(without_logical_types(json.loads(text)))


class Codec:
    """Encodes and decodes the records of all topics.

    Parameters
    ----------
    ids
        Source of schema ids: `schemas.registry.RegistryIds`, or `MemoryIds`.
    prefix
        The deployment's topic prefix, part of the registry's subjects.
    """

    def __init__(self, ids: SchemaIds, prefix: str = "") -> None:
        self._ids = ids
        self._prefix = prefix
        self._readers: dict[str, Any] = {}
        self._writers: dict[int, Any] = {}
        self._heads: dict[str, bytes] = {}

    def encode(self, topic: Topic, record: msgspec.Struct) -> bytes:
        """Return the record in wire format; raises ValueError where it breaks its schema."""
        head = self._heads.get(topic.name) or self._register(topic)
        out = io.BytesIO()
        out.write(head)
        body = msgspec.to_builtins(record, builtin_types=(bytes,))
        fastavro.schemaless_writer(out, self._reader(topic), body)
        return out.getvalue()

    def decode(self, topic: Topic, data: bytes | None, as_type: type[R]) -> R:
        """Return the record of a message.

        Raises
        ------
        UndecodableError
            If it is missing, too large, of an unknown schema, malformed, or has a value that its
            record does not allow.
        """
        if data is None:
            raise UndecodableError("no value")
        if len(data) > MAX_MESSAGE_BYTES:
            raise UndecodableError(f"{len(data)} bytes, over {MAX_MESSAGE_BYTES}")
        if len(data) < HEADER.size:
            raise UndecodableError(f"{len(data)} bytes are no Confluent wire format")
        magic, schema_id = HEADER.unpack_from(data)
        if magic != 0:
            raise UndecodableError(f"magic byte {magic}, not 0")
        return self._decode_body(topic, schema_id, data, as_type)

    def _decode_body(self, topic: Topic, schema_id: int, data: bytes, as_type: type[R]) -> R:
        reader = self._reader(topic)
        writer = self._writer(schema_id, reader)
        stream = io.BytesIO(data)
        stream.seek(HEADER.size)
        try:
            body = fastavro.schemaless_reader(stream, writer, reader)
        except Exception as error:  # fastavro raises whatever the bytes lead it into
            raise UndecodableError(f"malformed Avro: {type(error).__name__}") from error
        if stream.tell() != len(data):
            raise UndecodableError(f"{len(data) - stream.tell()} bytes too many")
        try:
            return msgspec.convert(body, as_type)
        except msgspec.ValidationError as error:
            raise UndecodableError(f"invalid record: {error}") from error

    def _register(self, topic: Topic) -> bytes:
        schema_id = self._ids.register(f"{self._prefix}{topic.name}-value", _text(topic))
        head = HEADER.pack(0, schema_id)
        self._heads[topic.name] = head
        return head

    def _reader(self, topic: Topic) -> Any:
        if topic.name not in self._readers:
            self._readers[topic.name] = _parse(_text(topic))
        return self._readers[topic.name]

    def _writer(self, schema_id: int, reader: Any) -> Any:
        if schema_id not in self._writers:
            schema = _parse(self._ids.schema(schema_id))
            # fastavro compares the two at each message: 8 us in a worker, none where they are one.
            self._writers[schema_id] = reader if schema == reader else schema
        return self._writers[schema_id]


def _text(topic: Topic) -> str:
    if topic.record is None:
        raise ValueError(f"{topic.name} carries raw bytes")
    return schema_text(topic.record.__name__)
