"""The local Kafka and registry behave as the ones in production do."""

import json
import subprocess
import sys
import textwrap
import time

import psutil
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from infra.local.broker import LocalKafka
from infra.local.cluster import LocalCluster
from infra.local.server import ServerError
from infra.registry.apicurio import LocalRegistry

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

ANSWER_S = 120.0


@pytest.fixture(scope="module")
def own_kafka(tmp_path_factory):
    """A broker that may be killed."""
    with LocalKafka(tmp_path_factory.mktemp("own-kafka")) as kafka:
        yield kafka


def create_topic(bootstrap: str, name: str, replicas: int = 1) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic(name, 1, replicas)]).values():
        future.result(ANSWER_S)


def produce(bootstrap: str, topic: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(ANSWER_S) == 0


def read_all(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": topic, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    values: list[bytes] = []
    deadline = time.monotonic() + ANSWER_S
    while len(values) < count and time.monotonic() < deadline:
        taken = consumer.consume(count, 1.0)
        values += [message.value() for message in taken if message.error() is None]
    consumer.close()
    return values


def test_what_was_produced_is_read_back(kafka_bootstrap, topic_prefix):
    create_topic(kafka_bootstrap, topic := f"{topic_prefix}echo")
    produce(kafka_bootstrap, topic, [b"a", b"b"])
    assert read_all(kafka_bootstrap, topic, 2) == [b"a", b"b"]


def test_a_misspelt_topic_is_an_error_and_not_a_new_topic(own_kafka):
    errors: list[object] = []
    producer = Producer({"bootstrap.servers": own_kafka.bootstrap, "message.timeout.ms": 3000})
    producer.produce("typo", b"x", on_delivery=lambda error, _: errors.append(error))
    producer.flush(ANSWER_S)
    assert len(errors) == 1
    assert errors[0] is not None


def test_a_second_start_finds_the_broker_and_leaves_it_running(own_kafka):
    found = LocalKafka(own_kafka.data_dir, port=own_kafka.port).start()
    assert found.server.pid == own_kafka.server.pid
    found.stop()
    assert own_kafka.server.is_ready()


def test_a_second_start_on_another_port_says_where_it_runs(own_kafka):
    with pytest.raises(ServerError, match=f"on port {own_kafka.port} already"):
        LocalKafka(own_kafka.data_dir).start()


def test_records_survive_a_kill(own_kafka):
    create_topic(own_kafka.bootstrap, "kept")
    produce(own_kafka.bootstrap, "kept", [b"a", b"b"])
    own_kafka.kill()
    assert own_kafka.server.pid is None
    own_kafka.start()
    assert read_all(own_kafka.bootstrap, "kept", 2) == [b"a", b"b"]


def test_a_broker_dies_with_the_process_that_started_it(tmp_path):
    code = f"""
        import pathlib, time
        from infra.local.broker import LocalKafka
        kafka = LocalKafka(pathlib.Path({str(tmp_path / "kafka")!r})).launch()
        print(kafka.server.pid, flush=True)
        time.sleep(600)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        broker = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    broker.wait(ANSWER_S)
    assert not broker.is_running()


def test_a_cluster_serves_with_one_broker_killed(tmp_path):
    with LocalCluster(tmp_path) as cluster:
        create_topic(cluster.bootstrap, "safe", replicas=3)
        produce(cluster.bootstrap, "safe", [b"before"])
        cluster.nodes[0].kill()
        produce(cluster.bootstrap, "safe", [b"after"])
        assert read_all(cluster.bootstrap, "safe", 2) == [b"before", b"after"]


def test_a_schema_gets_an_id_that_finds_it_again(registry_url, topic_prefix):
    client = SchemaRegistryClient({"url": registry_url})
    schema = Schema(json.dumps({"type": "record", "name": "R", "fields": []}), "AVRO")
    number = client.register_schema(f"{topic_prefix}r-value", schema)
    assert json.loads(client.get_schema(number).schema_str)["name"] == "R"


def test_ids_stay_valid_when_the_registry_is_killed(tmp_path):
    schema = Schema(json.dumps({"type": "record", "name": "R", "fields": []}), "AVRO")
    with LocalRegistry(tmp_path) as registry:
        number = SchemaRegistryClient({"url": registry.url}).register_schema("r-value", schema)
        registry.kill()
        registry.start()
        kept = SchemaRegistryClient({"url": registry.url}).get_schema(number)
    assert json.loads(kept.schema_str)["name"] == "R"
