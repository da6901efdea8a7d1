"""Records are written in the bytes that fastavro writes, and refused where it refuses."""

import io
import typing
from collections.abc import Mapping
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.avro_writer import UnwritableError, write_long, writer_of
from schemas.codec import HEADER, Codec, MemoryIds, without_logical_types
from schemas.records import Candidate, ProgramPrediction, Tick
from schemas.topics import CARRYING_RECORDS, PREDICTIONS_PROGRAMS, TELEMETRY_TICKS, Topic

PLAIN = {
    "boolean": st.booleans(), "bytes": st.binary(max_size=20), "string": st.text(max_size=12),
    "double": st.floats(), "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
}  # fmt: skip


def values(schema: Any, record: Any) -> st.SearchStrategy[Any]:
    """Whatever a schema allows, as the fields of our records hold it."""
    if isinstance(schema, list):
        return st.one_of(st.none(), values(schema[1], record))
    kind = schema["type"] if isinstance(schema, Mapping) else schema
    if kind == "enum":
        return st.sampled_from(schema["symbols"])
    if kind == "array":
        return st.lists(values(schema["items"], record), max_size=3)
    if kind == "record":
        return records_of(schema, record)
    return PLAIN[kind]


def records_of(schema: Any, record: Any) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(record)
    fields = {f["name"]: values(f["type"], inner(hints[f["name"]])) for f in schema["fields"]}
    return st.builds(record, **fields)


def inner(hint: Any) -> Any:
    """The record that a field's type names, within lists and alternatives."""
    for argument in typing.get_args(hint):
        if argument is not type(None):
            return inner(argument)
    return hint


def by_fastavro(schema: Any, record: msgspec.Struct) -> bytes:
    out = io.BytesIO()
    body = msgspec.to_builtins(record, builtin_types=(bytes,))
    fastavro.schemaless_writer(out, schema, body)
    return out.getvalue()


@pytest.mark.parametrize("topic", CARRYING_RECORDS, ids=lambda topic: topic.name)
@settings(max_examples=20)
@given(data=st.data())
def test_any_record_is_written_as_fastavro_writes_it(topic: Topic, data: st.DataObject) -> None:
    codec = Codec(MemoryIds())
    schema = codec._reader(topic)
    plain = without_logical_types(schema)
    record = data.draw(records_of(plain, topic.record))
    assert writer_of(schema)(record) == by_fastavro(schema, record)
    assert codec.encode(topic, record)[HEADER.size :] == by_fastavro(schema, record)


def test_values_that_are_not_just_as_the_schema_says_are_left_to_fastavro() -> None:
    codec = Codec(MemoryIds())
    whole = Candidate(program="p", p_next=1, p_1m=0, p_5m=0, p_15m=0, p_60m=0.5)
    record = ProgramPrediction(
        prediction_id="i", user="u", after_program="p", made_at=1, model="m", candidates=[whole]
    )
    schema = codec._reader(PREDICTIONS_PROGRAMS)
    with pytest.raises(UnwritableError):
        writer_of(schema)(record)
    assert codec.encode(PREDICTIONS_PROGRAMS, record)[HEADER.size :] == by_fastavro(schema, record)


@pytest.mark.parametrize(
    "wrong",
    [{"time": None}, {"time": 2**70}, {"source": 7}, {"time": "soon"}],
)
def test_what_breaks_its_schema_is_refused_as_before(wrong: dict[str, Any]) -> None:
    codec = Codec(MemoryIds())
    record = Tick(**{"source": "s", "time": 1, "partition": 0, **wrong})
    with pytest.raises(Exception) as ours:  # noqa: PT011 - fastavro's own, whichever it is
        codec.encode(TELEMETRY_TICKS, record)
    with pytest.raises(type(ours.value)):
        by_fastavro(codec._reader(TELEMETRY_TICKS), record)


def test_a_schema_with_other_types_has_no_writer_here() -> None:
    for schema in ("float", {"type": "map", "values": "long"}, ["null", "long", "string"]):
        with pytest.raises(UnwritableError):
            writer_of(schema)


@given(number=st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_are_written_as_fastavro_writes_them(number: int) -> None:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, "long", number)
    assert write_long(number) == out.getvalue()
