"""Reading a topic to its end: a transaction's marker there holds nobody up, and a broker that falls
silent is not taken for one that has nothing more."""

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from schemas.connection import reading_config
from schemas.settings import Settings
from schemas.topics import ALLOCATION_EVENTS, CATALOGUE
from streams.runtime import topic_reader
from streams.runtime.topic_admin import create_topics, partitions_of
from streams.runtime.topic_reader import TopicUnreadableError, read_to_end

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PARTITIONS = 4
ROUNDS = 3


def test_a_transactions_marker_is_an_end_like_any_other(
    kafka_bootstrap: str, topic_prefix: str
) -> None:
    settings = Settings(
        bootstrap_servers=kafka_bootstrap, topic_prefix=topic_prefix, pool_partitions=PARTITIONS
    )
    create_topics(settings, [ALLOCATION_EVENTS])
    told = transactions(settings)
    # Silence ends the reading with an error: only the client's word can end it well.
    assert {message.value() for message in read_to_end(settings, ALLOCATION_EVENTS.name)} == told
    assert list(read_to_end(settings, ALLOCATION_EVENTS.name, way_back=1)) == [], "but markers"


def test_a_topic_can_be_read_the_moment_it_is_made(kafka_bootstrap: str, topic_prefix: str) -> None:
    """Kafka says so before a partition has its leader: whoever came at once was turned away."""
    for number in range(ROUNDS):
        settings = Settings(
            bootstrap_servers=kafka_bootstrap, topic_prefix=f"{topic_prefix}{number}."
        )
        assert len(create_topics(settings)) == len(CATALOGUE)
        asker = Consumer(reading_config(settings))
        ends = [
            asker.get_watermark_offsets(TopicPartition(settings.topic(t.name), p), timeout=30)
            for t in CATALOGUE
            for p in range(partitions_of(t, settings))
        ]
        asker.close()
        assert set(ends) == {(0, 0)}


def transactions(settings: Settings) -> set[bytes]:
    """Write a transaction to each partition, and one that is given up; returns what counts."""
    name, told = settings.topic(ALLOCATION_EVENTS.name), set()
    producer = Producer(
        {"bootstrap.servers": settings.bootstrap_servers, "transactional.id": f"{name}-t"}
    )
    producer.init_transactions(120)
    for is_kept in (True, False):
        producer.begin_transaction()
        for partition in range(PARTITIONS):
            value = b"%d %d" % (partition, is_kept)
            producer.produce(name, value, partition=partition)
            if is_kept:
                told.add(value)
        (producer.commit_transaction if is_kept else producer.abort_transaction)(120)
    return told


class Silent:
    """A client whose broker told where a topic ends, and then no more."""

    def __init__(self, config: dict[str, Any]) -> None:
        del config

    def list_topics(self, name: str, timeout: float) -> Any:
        del timeout
        return SimpleNamespace(topics={name: SimpleNamespace(error=None, partitions=[0])})

    def get_watermark_offsets(self, *_: object, **__: object) -> tuple[int, int]:
        return 0, 3

    def assign(self, positions: list[Any]) -> None:
        """Nothing comes of it."""

    def poll(self, timeout_s: float) -> None:
        """No answer in time."""

    def close(self) -> None:
        """Nothing to let go of."""


def test_silence_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_reader, "Consumer", Silent)
    with pytest.raises(TopicUnreadableError, match="silent"):
        list(read_to_end(Settings(), ALLOCATION_EVENTS.name))


class Refused(Silent):
    """A client that may not ask where a partition ends."""

    def get_watermark_offsets(self, *_: object, **__: object) -> tuple[int, int]:
        raise KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))


def test_a_partition_that_cant_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_reader, "Consumer", Refused)
    with pytest.raises(TopicUnreadableError, match=r"allocation\.events, partition 0: .*uthoriz"):
        list(read_to_end(Settings(), ALLOCATION_EVENTS.name))
