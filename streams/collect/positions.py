"""Where a topic stands: its identity, its partitions and the end of each."""

from collections.abc import Callable
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from schemas.connection import kafka_config
from schemas.settings import Settings
from streams.collect.delivery import DeliveryError
from streams.runtime.leaders import settled

A = TypeVar("A")
TIMEOUT_S = 15.0
UNREACHABLE = (
    KafkaError._TIMED_OUT,  # noqa: SLF001 - their names
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
)


class TopicPositions:
    """Asks a cluster about one topic.

    Parameters
    ----------
    settings
        Where Kafka is and how it is spoken to.
    topic
        The topic's full name.

    Raises
    ------
    DeliveryError
        From any method, if Kafka does not answer or has no such topic.
    """

    def __init__(self, settings: Settings, topic: str) -> None:
        self._servers = settings.bootstrap_servers
        self._topic = topic
        self._admin = AdminClient({**kafka_config(settings), "log_level": 2})

    def identity(self) -> str:
        """Return the topic's id: another one after it was deleted and made again."""
        return str(self._settled(self._describe).topic_id)

    def ends(self, partitions: int) -> dict[int, int]:
        """Return the offset after the last record of each partition that holds any."""
        last = self._settled(lambda: self._offsets(partitions, OffsetSpec.latest()))
        first = self._settled(lambda: self._offsets(partitions, OffsetSpec.earliest()))
        return {p: last[p] for p in last if last[p] > first[p]}

    def partitions(self) -> int:
        """Return how many partitions there are, 0 without such a topic."""
        topics = self._settled(lambda: self._admin.list_topics(timeout=TIMEOUT_S).topics)
        return len(topics[self._topic].partitions) if self._topic in topics else 0

    def _describe(self) -> Any:
        asked = TopicCollection([self._topic])
        return self._admin.describe_topics(asked, request_timeout=TIMEOUT_S)[self._topic].result()

    def _offsets(self, partitions: int, spec: Any) -> dict[int, int]:
        asked = {TopicPartition(self._topic, p): spec for p in range(partitions)}
        futures = self._admin.list_offsets(asked, request_timeout=TIMEOUT_S)
        return {part.partition: future.result().offset for part, future in futures.items()}

    def _settled(self, ask: Callable[[], A]) -> A:
        try:
            return settled(ask)
        except KafkaException as error:
            raise DeliveryError(self._explained(error.args[0])) from error

    def _explained(self, error: Any) -> str:
        if error.code() in UNREACHABLE:
            return f"Kafka does not answer at {self._servers}: {error.str()}"
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return f"no topic {self._topic}; `warmfront topics --create` makes it"
        return f"can't ask {self._servers} about {self._topic}: {error.str()}"
