"""Reads a topic to its present end, without a group: for commands that show what was said."""

from collections.abc import Iterator, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.connection import reading_config
from schemas.settings import Settings
from streams.runtime.leaders import watermarks

TIMEOUT_S = 30.0


class TopicUnreadableError(RuntimeError):
    """The topic does not exist or the broker does not answer; the text says what to do."""


def read_to_end(settings: Settings, name: str, way_back: int | None = None) -> Iterator[Any]:
    """Give the messages of a topic up to its end as of now, each partition in its order.

    Parameters
    ----------
    settings
        Where Kafka is.
    name
        The topic's name in the catalogue.
    way_back
        At most this many of each partition, from its end; None for all.

    Raises
    ------
    TopicUnreadableError
        If there is nothing to read from, or the broker falls silent before the end.
    """
    yield from _read(settings, settings.topic(name), way_back, None)


def partition_to_end(settings: Settings, full_name: str, partition: int) -> Iterator[Any]:
    """Give the messages of one partition up to its end as of now.

    Parameters
    ----------
    settings
        Where Kafka is.
    full_name
        The topic's name with the deployment's prefix; changelogs are in no catalogue.
    partition
        Its number.

    Raises
    ------
    TopicUnreadableError
        If there is nothing to read from, or the broker falls silent before the end.
    """
    yield from _read(settings, full_name, None, partition)


def _read(
    settings: Settings, full_name: str, way_back: int | None, partition: int | None
) -> Iterator[Any]:
    consumer = _consumer(settings, {"enable.partition.eof": True})
    try:
        ends = _ends(consumer, full_name, way_back, partition)
        consumer.assign([TopicPartition(tp.topic, tp.partition, start) for tp, start, _ in ends])
        left = {tp.partition: end for tp, start, end in ends if start < end}
        yield from _until(consumer, left)
    finally:
        consumer.close()


def _ends(
    consumer: Any, name: str, way_back: int | None, only: int | None
) -> list[tuple[Any, int, int]]:
    try:
        metadata = consumer.list_topics(name, timeout=TIMEOUT_S).topics[name]
    except Exception as error:
        raise TopicUnreadableError("Kafka does not answer; is `warmfront up` running?") from error
    if metadata.error is not None:
        raise TopicUnreadableError(f"no topic {name}; `warmfront topics --create` makes it")
    ends = []
    for number in metadata.partitions if only is None else (only,):
        tp = TopicPartition(name, number)
        low, high = bounds(consumer, tp)
        ends.append((tp, low if way_back is None else max(low, high - way_back), high))
    return ends


def bounds(consumer: Any, tp: TopicPartition) -> tuple[int, int]:
    """Return a partition's first offset and the one after its last, once it has a leader.

    Raises
    ------
    TopicUnreadableError
        If Kafka does not tell.
    """
    try:
        return watermarks(consumer, tp, TIMEOUT_S)
    except KafkaException as error:
        where = f"{tp.topic}, partition {tp.partition}"
        raise TopicUnreadableError(f"can't read {where}: {error.args[0].str()}") from error


def _until(consumer: Any, left: dict[int, int]) -> Iterator[Any]:
    """Read until no partition has anything left.

    Where a transaction's marker took the last offset there is no message to know the end by; the
    client's word that it is there ends it at once. Silence is no end: whoever erases a user would
    take a broker that hangs for one that holds nothing.
    """
    while left:
        message = consumer.poll(TIMEOUT_S)
        if message is None:
            raise TopicUnreadableError(f"Kafka fell silent for {TIMEOUT_S:g} s amid a topic")
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
            raise TopicUnreadableError(error.str())
        if error is not None or message.offset() + 1 >= left.get(message.partition(), 0):
            left.pop(message.partition(), None)
        if error is None:
            yield message


def read_on(settings: Settings, name: str) -> Iterator[Any]:
    """Give what comes to a topic from now on, until the caller stops asking.

    Raises
    ------
    TopicUnreadableError
        If there is nothing to read from.
    """
    consumer = _consumer(settings)
    try:
        ends = _ends(consumer, settings.topic(name), None, None)
        consumer.assign([TopicPartition(tp.topic, tp.partition, end) for tp, _, end in ends])
        while True:
            message = consumer.poll(1.0)
            if message is not None and message.error() is not None:
                raise TopicUnreadableError(str(message.error()))
            if message is not None:
                yield message
    finally:
        consumer.close()


def _consumer(settings: Settings, more: Mapping[str, Any] | None = None) -> Consumer:
    return Consumer(
        {
            **reading_config(settings),
            "isolation.level": "read_committed",
            "log_level": 2,
            **(more or {}),
        }
    )
