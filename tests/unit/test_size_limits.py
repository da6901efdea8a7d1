"""What is too large is refused for its size, before anybody reads what is in it."""

import zlib

import pytest

from schemas.codec import MAX_MESSAGE_BYTES, Codec, MemoryIds, UndecodableError
from schemas.topics import CATALOGUE, Topic
from streams.models.programs import sums

WITH_RECORDS = [topic for topic in CATALOGUE if topic.record is not None]


class UnaskedIds(MemoryIds):
    """Fails whoever asks for a schema."""

    def schema(self, schema_id: int) -> str:
        raise AssertionError(f"schema {schema_id} was asked for")


@pytest.mark.parametrize("topic", WITH_RECORDS, ids=lambda topic: topic.name)
def test_a_message_that_is_too_large_is_refused_before_it_is_read(topic: Topic) -> None:
    assert topic.record is not None
    with pytest.raises(UndecodableError, match=f"over {MAX_MESSAGE_BYTES}"):
        Codec(UnaskedIds()).decode(topic, bytes(MAX_MESSAGE_BYTES + 1), topic.record)


def test_packed_sums_are_not_unpacked_beyond_their_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few kilobytes that a worker is told by another would be gigabytes else."""
    monkeypatch.setattr(sums, "MAX_BYTES", 1600)
    bomb = (101).to_bytes(4, "little") + zlib.compress(bytes(1616))
    with pytest.raises(ValueError, match="1600 bytes of sums"):
        sums.Sums.from_bytes(bomb)
