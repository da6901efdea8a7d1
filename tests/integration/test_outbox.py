"""What a worker sends is on the broker once it has settled, in order, or it is told."""

import asyncio
import os

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from allocator.partitioning import partition_of
from schemas.settings import Settings
from streams.runtime.outbox import MAX_PENDING, SERVE_EVERY, Outbox
from tests.testkit.telemetry import read_all

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PARTITIONS = 3
# More than the topic allows, however it is compressed; the outbox itself allows 8 MB.
TOO_LARGE = os.urandom(2 * 1024 * 1024)


@pytest.fixture
def topic(kafka_bootstrap: str, topic_prefix: str) -> str:
    name = f"{topic_prefix}outbox"
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    wanted = NewTopic(name, PARTITIONS, 1, config={"max.message.bytes": "1000000"})
    admin.create_topics([wanted])[name].result(60)
    return name


def outbox_on(bootstrap: str) -> Outbox:
    return Outbox(Settings(bootstrap_servers=bootstrap))


def test_all_is_there_once_it_has_settled(kafka_bootstrap: str, topic: str) -> None:
    users = [f"user{n}" for n in range(7)]
    count = MAX_PENDING + SERVE_EVERY + 1  # more than may be under way at a time

    async def sent() -> None:
        outbox = outbox_on(kafka_bootstrap)
        for n in range(count):
            await outbox.put(topic, users[n % 7].encode(), str(n).encode(), headers=[("n", b"1")])
        await outbox.put(topic, b"fixed", None, partition=2)
        await outbox.settle()

    asyncio.run(sent())
    messages = read_all(kafka_bootstrap, topic)
    assert len(messages) == count + 1
    for message in messages:
        if message.key() != b"fixed":
            assert message.partition() == partition_of(message.key(), PARTITIONS), "as Java's do"
    for n, user in enumerate(users):
        values = [int(m.value()) for m in messages if m.key() == user.encode()]
        assert values == list(range(n, count, 7)), "a key's messages keep their order"
    assert [(m.partition(), m.value()) for m in messages if m.key() == b"fixed"] == [(2, None)]


def test_a_stage_settles_while_others_go_on_sending(kafka_bootstrap: str, topic: str) -> None:
    async def settled() -> int:
        outbox = outbox_on(kafka_bootstrap)
        sent = 0

        async def go_on() -> None:
            nonlocal sent
            while True:
                await outbox.put(topic, b"k", b"v")
                sent += 1
                await asyncio.sleep(0)

        others = asyncio.create_task(go_on())
        await asyncio.sleep(1.0)
        before = sent
        # Without a gate the first may end by luck; two take a minute.
        async with asyncio.timeout(120.0):
            for _ in range(10):
                await outbox.settle()
        await asyncio.sleep(1.0)
        assert sent > before > 0, "they went on, before and after"
        others.cancel()
        return before

    before = asyncio.run(settled())
    assert len(read_all(kafka_bootstrap, topic)) >= before


def test_what_was_not_delivered_is_raised_where_it_would_be_built_on(
    kafka_bootstrap: str, topic: str
) -> None:
    async def sent() -> None:
        outbox = outbox_on(kafka_bootstrap)
        await outbox.put(topic, b"k", TOO_LARGE)
        await outbox.put(topic, b"k", b"small")
        with pytest.raises(KafkaException) as told:
            await outbox.settle()
        assert told.value.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE
        with pytest.raises(KafkaException):
            await outbox.settle()  # for good: what was lost does not come again

    asyncio.run(sent())


def test_nothing_to_wait_for_needs_no_broker() -> None:
    asyncio.run(outbox_on("127.0.0.1:1").settle())
