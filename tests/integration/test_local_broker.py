"""The local Kafka and registry behave as the ones in production do."""

import json
import os
import time

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

pytestmark = pytest.mark.integration


def create_topic(bootstrap: str, name: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic(name, 1, 1)]).values():
        future.result(30)


def produce(bootstrap: str, topic: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(30) == 0


def read_all(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": topic, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    values: list[bytes] = []
    deadline = time.monotonic() + 30
    while len(values) < count and time.monotonic() < deadline:
        values += [message.value() for message in consumer.consume(count, 1.0)]
    consumer.close()
    return values


def test_what_was_produced_is_read_back(kafka_bootstrap, topic_prefix):
    create_topic(kafka_bootstrap, topic := f"{topic_prefix}echo")
    produce(kafka_bootstrap, topic, [b"a", b"b"])
    assert read_all(kafka_bootstrap, topic, 2) == [b"a", b"b"]


def test_a_misspelt_topic_is_an_error_and_not_a_new_topic(kafka_bootstrap, topic_prefix):
    if "KAFKA_BOOTSTRAP_SERVERS" in os.environ:
        return  # a broker of the user's own choice may create topics
    produced: list[object] = []
    producer = Producer({"bootstrap.servers": kafka_bootstrap, "message.timeout.ms": 3000})
    producer.produce(f"{topic_prefix}typo", b"x", on_delivery=lambda e, m: produced.append(e))
    producer.flush(20)
    assert produced
    assert produced[0] is not None


def test_a_schema_gets_an_id_that_finds_it_again(registry_url, topic_prefix):
    client = SchemaRegistryClient({"url": registry_url})
    schema = Schema(json.dumps({"type": "record", "name": "R", "fields": []}), "AVRO")
    number = client.register_schema(f"{topic_prefix}r-value", schema)
    assert json.loads(client.get_schema(number).schema_str)["name"] == "R"
