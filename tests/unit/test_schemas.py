"""The contract on the topics: schemas, records and wire format agree."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import generate, records
from schemas.codec import HEADER, Codec, MemoryIds, UndecodableError
from schemas.records import Activity, ActivityBatch
from schemas.topics import BY_NAME, CARRYING_RECORDS, CATALOGUE, TELEMETRY_ACTIVITY


def batch(events: int = 1) -> ActivityBatch:
    items = [Activity(seq=n, time=n, kind="LAUNCH", program="vim") for n in range(events)]
    return ActivityBatch(user="ada", host="h", source="s", events=items)


def test_records_are_what_the_schemas_give() -> None:
    assert Path(generate.RECORDS).read_text(encoding="utf-8") == generate.render()


def test_every_schema_is_on_a_topic_and_every_topic_has_its_schema() -> None:
    on_topics = {t.record.__name__ for t in CARRYING_RECORDS if t.record}
    assert on_topics == {path.stem for path in generate.AVRO.glob("*.avsc")}


def test_topic_names_are_unique() -> None:
    assert len(BY_NAME) == len(CATALOGUE)


def test_a_batch_comes_back_equal() -> None:
    codec = Codec(MemoryIds())
    assert (
        codec.decode(TELEMETRY_ACTIVITY, codec.encode(TELEMETRY_ACTIVITY, batch()), ActivityBatch)
        == batch()
    )


def test_the_wire_starts_with_zero_and_the_schema_id() -> None:
    assert HEADER.unpack_from(Codec(MemoryIds()).encode(TELEMETRY_ACTIVITY, batch())) == (0, 1)


def refusal(codec: Codec, message: bytes) -> str | None:
    try:
        codec.decode(TELEMETRY_ACTIVITY, message, ActivityBatch)
    except UndecodableError as error:
        return str(error)
    return None


@given(data=st.binary(max_size=200))
def test_any_bytes_either_decode_or_are_refused_with_a_reason(data: bytes) -> None:
    codec = Codec(MemoryIds())
    head = codec.encode(TELEMETRY_ACTIVITY, batch())[: HEADER.size]
    for message in (data, head + data):
        assert refusal(codec, message) != ""


@given(cut=st.integers(min_value=0, max_value=60))
def test_a_cut_message_is_refused(cut: int) -> None:
    codec = Codec(MemoryIds())
    whole = codec.encode(TELEMETRY_ACTIVITY, batch(3))
    with pytest.raises(UndecodableError):
        codec.decode(TELEMETRY_ACTIVITY, whole[: min(cut, len(whole) - 1)], ActivityBatch)


def test_a_message_with_a_tail_is_refused() -> None:
    codec = Codec(MemoryIds())
    with pytest.raises(UndecodableError, match="too many"):
        codec.decode(
            TELEMETRY_ACTIVITY, codec.encode(TELEMETRY_ACTIVITY, batch()) + b"x", ActivityBatch
        )


def test_an_unknown_schema_id_is_refused() -> None:
    with pytest.raises(UndecodableError, match="unknown schema id 77"):
        Codec(MemoryIds()).decode(TELEMETRY_ACTIVITY, HEADER.pack(0, 77) + b"x", ActivityBatch)


def test_records_are_immutable() -> None:
    with pytest.raises(AttributeError):
        batch().user = "eve"  # type: ignore[misc]
    assert msgspec.structs.fields(records.Tick)
