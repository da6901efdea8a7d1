"""Reads all predictions, without a group: which pool one is for is not told by its partition."""

from collections.abc import Iterator

import structlog
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, TopicPartition

from schemas.codec import Codec, UndecodableError
from schemas.connection import reading_config
from schemas.records import ProgramPrediction
from schemas.settings import Settings
from schemas.topics import PREDICTIONS_PROGRAMS

LOG = structlog.get_logger(__name__)
MOST_AT_ONCE = 500


class PredictionReader:
    """Gives what is predicted from now on.

    A prediction is worth something for a minute and nothing is owed to it: positions are not kept,
    and one that can't be read is passed over and logged.

    Parameters
    ----------
    settings, codec
        Where Kafka is, and how records are read.
    from_start
        Begin with the oldest, as a replay has to; else with what comes from now on.
    """

    def __init__(self, settings: Settings, codec: Codec, *, from_start: bool) -> None:
        self._codec = codec
        self._consumer = Consumer(
            {
                **reading_config(settings),
                "isolation.level": "read_committed",
                "log_level": 3,
            }
        )
        name = settings.topic(PREDICTIONS_PROGRAMS.name)
        start = OFFSET_BEGINNING if from_start else OFFSET_END
        self._consumer.assign(
            [TopicPartition(name, number, start) for number in range(settings.user_partitions)]
        )

    def read(self) -> Iterator[ProgramPrediction]:
        """Give what has come since the last call, without waiting."""
        for message in self._consumer.consume(MOST_AT_ONCE, 0):
            if message.error() is not None:
                LOG.warning("predictions_unreadable", error=str(message.error()))
                continue
            try:
                yield self._codec.decode(PREDICTIONS_PROGRAMS, message.value(), ProgramPrediction)
            except UndecodableError as error:
                LOG.warning("prediction_passed_over", reason=str(error))

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()
