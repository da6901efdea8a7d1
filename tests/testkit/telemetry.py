"""Topics for tests of producers, and what was sent to them, read without a group."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import stamina
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.topics import CATALOGUE
from streams.runtime.leaders import await_leaders

# How long a broker that is being started again, or a machine that stands still, is waited for.
READ_S = 180.0
ANSWER_S = 60.0


def create_topics(bootstrap: str, prefix: str) -> None:
    """Create all topics of the catalogue under a prefix; they can be used at once."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    new = [NewTopic(prefix + topic.name, topic.partitions, 1) for topic in CATALOGUE]
    made = admin.create_topics(new)
    for future in made.values():
        future.result(ANSWER_S)
    await_leaders(admin, list(made), READ_S)


@stamina.retry(on=KafkaException, timeout=READ_S, attempts=None)
def read_all(bootstrap: str, topic: str) -> list[Any]:
    """Return all committed messages of a topic, each partition in its order."""
    options = {
        "isolation.level": "read_committed", "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
    }  # fmt: skip
    with _consumer(bootstrap, **options) as consumer:
        parts = _partitions(consumer, topic)
        consumer.assign([TopicPartition(topic, p, 0) for p in parts])
        messages: list[Any] = []
        left = set(parts)
        while left:
            message = consumer.poll(ANSWER_S)
            assert message is not None, f"{topic}: of {parts}, {left} have no end"
            if message.error() is None:
                messages.append(message)
            elif message.error().code() == KafkaError._PARTITION_EOF:
                left.discard(message.partition())  # told twice where its leader changed
            else:
                raise KafkaException(message.error())
    return messages


@stamina.retry(on=KafkaException, timeout=READ_S, attempts=None)
def length(bootstrap: str, topic: str) -> int:
    """Return how many messages a topic has had, over all partitions."""
    with _consumer(bootstrap) as consumer:
        parts = [TopicPartition(topic, p) for p in _partitions(consumer, topic)]
        return sum(consumer.get_watermark_offsets(part, ANSWER_S)[1] for part in parts)


@contextmanager
def _consumer(bootstrap: str, **options: Any) -> Iterator[Consumer]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "never-joined", **options})
    try:
        yield consumer
    finally:
        consumer.close()


def _partitions(consumer: Consumer, topic: str) -> list[int]:
    """Return a topic's partitions; a broker that does not know it (yet) is asked again."""
    found = consumer.list_topics(topic, timeout=ANSWER_S).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    return list(found.partitions)
