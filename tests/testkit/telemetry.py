"""Topics for tests of producers, and what was sent to them, read without a group."""

from typing import Any

import stamina
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.topics import CATALOGUE


def create_topics(bootstrap: str, prefix: str) -> None:
    """Create all topics of the catalogue under a prefix."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    new = [NewTopic(prefix + topic.name, topic.partitions, 1) for topic in CATALOGUE]
    for future in admin.create_topics(new).values():
        future.result(30)


@stamina.retry(on=KafkaException, timeout=60, attempts=None)
def read_all(bootstrap: str, topic: str) -> list[Any]:
    """Return all messages of a topic, each partition in its order."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "never-joined",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    parts = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, 0) for p in parts])
    messages: list[Any] = []
    left = len(parts)
    while left:
        message = consumer.poll(20)
        assert message is not None, f"{topic} can't be read to its end"
        if message.error() is None:
            messages.append(message)
        else:
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            left -= 1
    consumer.close()
    return messages


@stamina.retry(on=KafkaException, timeout=60, attempts=None)
def length(bootstrap: str, topic: str) -> int:
    """Return how many messages a topic has had, over all partitions."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "never-joined"})
    try:
        parts = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ends = [consumer.get_watermark_offsets(TopicPartition(topic, p), 10)[1] for p in parts]
    finally:
        consumer.close()
    return sum(ends)
