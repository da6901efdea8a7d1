"""Follows predictions.programs from now on, for the users of this host."""

from collections.abc import Iterator
from typing import Any

import structlog
from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from schemas.codec import Codec, UndecodableError
from schemas.connection import reading_config
from schemas.records import ProgramPrediction
from schemas.settings import Settings
from schemas.topics import PREDICTIONS_PROGRAMS
from streams.collect.delivery import DeliveryError

LOG = structlog.get_logger(__name__)
TIMEOUT_S = 30.0
MOST_AT_ONCE = 500


class FollowedPredictions:
    """Predictions as they are made; none of what was said before.

    Parameters
    ----------
    settings, codec
        The deployment.

    Raises
    ------
    DeliveryError
        If Kafka does not answer or has no such topic: nothing would ever be said.
    """

    def __init__(self, settings: Settings, codec: Codec) -> None:
        self._codec = codec
        self._consumer: Any = Consumer(
            {
                **reading_config(settings),
                "log_level": 2,
            }
        )
        name = settings.topic(PREDICTIONS_PROGRAMS.name)
        try:
            topic = self._consumer.list_topics(name, timeout=TIMEOUT_S).topics[name]
        except KafkaException as error:
            raise DeliveryError(f"can't follow {name}: {error.args[0].str()}") from error
        if topic.error is not None:
            raise DeliveryError(f"can't follow {name}: {topic.error.str()}")
        self._consumer.assign([TopicPartition(name, p, OFFSET_END) for p in topic.partitions])

    def new(self) -> Iterator[ProgramPrediction]:
        """Give what was said since the last call, without waiting."""
        try:
            messages = self._consumer.consume(MOST_AT_ONCE, 0.0)
        except KafkaException as error:
            LOG.warning("predictions can't be read", reason=str(error))
            return
        for message in messages:
            if message.error() is None and message.value() is not None:
                try:
                    value = message.value()
                    yield self._codec.decode(PREDICTIONS_PROGRAMS, value, ProgramPrediction)
                except UndecodableError as error:
                    LOG.warning("prediction passed over", reason=str(error))

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()
