"""Waits for the leaders of a topic's partitions.

Kafka tells that a topic is made before anyone leads it, and for a moment without a leader whenever
a broker goes. librdkafka asks again by itself where it reads and writes, but not where it is asked
for offsets: then it hands the broker's word on.
"""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

A = TypeVar("A")
PAUSE_S = 0.1
ELECTION_S = 30.0
# What Kafka's protocol calls retriable of a partition. A broker may know of a topic before it leads
# it, and a client of an epoch of leadership before the broker does.
ELECTIONS = (
    KafkaError.LEADER_NOT_AVAILABLE, KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.UNKNOWN_LEADER_EPOCH, KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.REPLICA_NOT_AVAILABLE, KafkaError.OFFSET_NOT_AVAILABLE,
    KafkaError.KAFKA_STORAGE_ERROR, KafkaError.NETWORK_EXCEPTION, KafkaError.REQUEST_TIMED_OUT,
)  # fmt: skip
# A topic that nobody made is to be told of soon.
PATIENCE_S: Mapping[int, float] = {
    **dict.fromkeys(ELECTIONS, ELECTION_S), KafkaError.UNKNOWN_TOPIC_OR_PART: 3.0,
}  # fmt: skip


def settled(ask: Callable[[], A], patience_s: Mapping[int, float] = PATIENCE_S) -> A:
    """Ask again for as long as the answer is that there is no leader yet.

    Parameters
    ----------
    ask
        Asks Kafka once.
    patience_s
        By code of an error of Kafka, for how many seconds it may come.

    Raises
    ------
    KafkaException
        With any other error at once, with these when patience is at its end.

    Examples
    --------
    >>> settled(lambda: 3)
    3
    """
    began_s = time.monotonic()
    while True:
        try:
            return ask()
        except KafkaException as error:
            if time.monotonic() - began_s >= patience_s.get(error.args[0].code(), 0.0):
                raise
        time.sleep(PAUSE_S)


def watermarks(consumer: Any, place: TopicPartition, timeout_s: float) -> tuple[int, int]:
    """Return a partition's first offset and the one after its last.

    Raises
    ------
    KafkaException
        If Kafka does not answer, or nobody leads the partition for ELECTION_S.
    """
    low, high = settled(lambda: consumer.get_watermark_offsets(place, timeout=timeout_s))
    return int(low), int(high)


def await_leaders(admin: Any, names: Collection[str], timeout_s: float) -> None:
    """Wait until each partition of topics just made is led.

    Parameters
    ----------
    admin
        An AdminClient that may describe them.
    names
        Their full names.
    timeout_s
        For how long at most.

    Raises
    ------
    KafkaException
        If one has no leader by then, or Kafka does not answer.
    """

    def ask() -> None:
        known = admin.list_topics(timeout=timeout_s).topics
        if not known.keys() >= set(names):
            raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART, "not known yet"))
        asked = {TopicPartition(n, p): latest for n in names for p in known[n].partitions}
        for told in admin.list_offsets(asked, request_timeout=timeout_s).values():
            told.result(timeout_s)

    latest = OffsetSpec.latest()
    if names:
        settled(ask, dict.fromkeys(PATIENCE_S, timeout_s))
