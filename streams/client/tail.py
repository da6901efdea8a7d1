"""Follows a topic without a group: every record once, as far as its id tells."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

import msgspec
import structlog
from confluent_kafka import Consumer, TopicPartition

from schemas.codec import Codec, SchemaIds, UndecodableError
from schemas.connection import reading_config
from schemas.registry import RegistryIds
from schemas.settings import Settings
from schemas.topics import Topic
from streams.runtime.topic_reader import TIMEOUT_S, TopicUnreadableError, bounds

LOG = structlog.get_logger(__name__)
R = TypeVar("R", bound=msgspec.Struct)
SLICE_S = 0.5  # so that Ctrl-C is heard
MOST_IDS = 100_000  # about 10 MB; repeats come within seconds of a worker's restart


class SeenIds:
    """The last ids seen, so that a repeat is known as one.

    Examples
    --------
    >>> seen = SeenIds(most=2)
    >>> [seen.is_new(name) for name in ("a", "a", "b", "c", "a")]
    [True, False, True, True, True]
    """

    def __init__(self, most: int = MOST_IDS) -> None:
        self._most = most
        self._ids: OrderedDict[str, None] = OrderedDict()

    def is_new(self, name: str) -> bool:
        """Tell whether an id comes for the first time, and keep it."""
        if name in self._ids:
            return False
        self._ids[name] = None
        if len(self._ids) > self._most:
            self._ids.popitem(last=False)
        return True


class Tail(Generic[R]):
    """The records of a topic from now on, or from its start. Not thread-safe.

    Parameters
    ----------
    settings
        Where Kafka and the registry are.
    topic, kind
        Which topic and its record.
    identity
        Gives a record's id.
    from_start
        Whether to begin with the oldest record kept.
    ids
        Source of schema ids, by default the registry.

    Raises
    ------
    TopicUnreadableError
        If there is no such topic or Kafka does not answer.
    """

    def __init__(
        self,
        settings: Settings,
        topic: Topic,
        kind: type[R],
        identity: Callable[[R], str],
        *,
        from_start: bool = False,
        ids: SchemaIds | None = None,
    ) -> None:
        ids = ids or RegistryIds.of(settings)
        self._codec = Codec(ids, settings.topic_prefix)
        self._topic, self._kind, self._identity = topic, kind, identity
        self._seen = SeenIds()
        self._consumer = Consumer(
            {
                **reading_config(settings),
                "isolation.level": "read_committed",
                "log_level": 2,
            }
        )
        try:
            self._consumer.assign(self._positions(settings.topic(topic.name), from_start))
        except BaseException:
            self._consumer.close()
            raise

    def next(self, timeout_s: float | None = None) -> R | None:
        """Return the next record; None where none came in time.

        Raises
        ------
        TopicUnreadableError
            If the topic can't be read any longer, such as when it was deleted.
        """
        end_s = None if timeout_s is None else time.monotonic() + timeout_s
        while end_s is None or time.monotonic() < end_s:
            left_s = SLICE_S if end_s is None else min(SLICE_S, max(end_s - time.monotonic(), 0))
            record = self._poll(left_s)
            if record is not None and self._seen.is_new(self._identity(record)):
                return record
        return None

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def __iter__(self) -> Iterator[R]:
        while True:
            record = self.next()
            if record is not None:
                yield record

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _poll(self, timeout_s: float) -> R | None:
        message = self._consumer.poll(timeout_s)
        if message is None:
            return None
        if message.error() is not None:
            if message.error().retriable():
                return None
            raise TopicUnreadableError(f"{self._topic.name}: {message.error().str()}")
        try:
            return self._codec.decode(self._topic, message.value(), self._kind)
        except UndecodableError as error:
            where = {"topic": message.topic(), "offset": message.offset()}
            LOG.warning("record_skipped", why=str(error), **where)
            return None

    def _positions(self, name: str, from_start: bool) -> list[TopicPartition]:
        try:
            found = self._consumer.list_topics(name, timeout=TIMEOUT_S).topics[name]
        except Exception as error:
            raise TopicUnreadableError(f"Kafka does not answer: {error}") from error
        if found.error is not None:
            raise TopicUnreadableError(f"no topic {name}; `warmfront topics --create` makes it")
        positions = []
        for number in found.partitions:
            place = TopicPartition(name, number)
            first, past = bounds(self._consumer, place)
            positions.append(TopicPartition(name, number, first if from_start else past))
        return positions
