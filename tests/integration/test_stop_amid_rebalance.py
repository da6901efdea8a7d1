"""A worker that is told to stop, and whose group rebalances meanwhile, commits, leaves and ends."""

import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Consumer, ConsumerGroupState, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.testkit.pipeline import REPOSITORY
from tests.testkit.stopped_amid_rebalance import group_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

MESSAGES = 7
END_S = 60.0  # it takes 3


@pytest.fixture
def topic(kafka_bootstrap: str, topic_prefix: str) -> str:
    """A topic of one partition with messages on it."""
    name = f"{topic_prefix}source"
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    admin.create_topics([NewTopic(name, 1, 1)])[name].result(60)
    producer = Producer({"bootstrap.servers": kafka_bootstrap})
    for n in range(MESSAGES):
        producer.produce(name, str(n).encode(), partition=0)
    assert producer.flush(60) == 0
    return name


def committed(bootstrap: str, group: str, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    found = consumer.committed([TopicPartition(topic, 0)], timeout=60)[0].offset
    consumer.close()
    return int(found)


def state(bootstrap: str, group: str) -> ConsumerGroupState:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    return admin.describe_consumer_groups([group])[group].result(60).state


def test_a_rebalance_amid_a_stop_neither_holds_it_nor_the_group(
    kafka_bootstrap: str, topic: str, tmp_path: Path
) -> None:
    """Faust closed the consumer at the first half, and the commit asked for ever."""
    module = ("-m", "tests.testkit.stopped_amid_rebalance")
    arguments = (kafka_bootstrap, topic, str(tmp_path), str(MESSAGES))
    subprocess.run([sys.executable, *module, *arguments], cwd=REPOSITORY, check=True, timeout=END_S)
    assert state(kafka_bootstrap, group_of(topic)) == ConsumerGroupState.EMPTY, "it has left"
    assert committed(kafka_bootstrap, group_of(topic), topic) == MESSAGES
