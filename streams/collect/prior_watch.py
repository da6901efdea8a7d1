"""Watches population.prior, to know which hours of event time the pipeline has closed."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from confluent_kafka import Consumer, TopicPartition

from schemas.codec import Codec, UndecodableError
from schemas.connection import reading_config
from schemas.records import PopulationPrior
from schemas.settings import Settings
from schemas.topics import POPULATION_PRIOR

LOG = structlog.get_logger(__name__)
POLL_S = 0.2
# After so many hours in a row that nobody closed, nobody is there to wait for.
PATIENCE = 3


class PriorWatch:
    """Reads the published hours from where it starts, without a consumer group.

    Parameters
    ----------
    settings, codec
        Where and how to read.
    start
        Offset to read from, per partition.
    seen_hour
        Latest hour known to be published before `start`.
    timeout_s
        How long one hour is waited for.
    """

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        start: Mapping[int, int],
        *,
        seen_hour: int = -1,
        timeout_s: float = 30.0,
    ) -> None:
        self._codec = codec
        self._timeout_s = timeout_s
        self.positions = dict(start)
        self.seen_hour = seen_hour
        self.timeouts = 0
        self._missed = 0
        self._consumer = group_less_consumer(settings)
        topic = settings.topic(POPULATION_PRIOR.name)
        self._consumer.assign([TopicPartition(topic, p, at) for p, at in start.items()])

    @property
    def given_up(self) -> bool:
        """Whether nobody seems to publish hours."""
        return self._missed >= PATIENCE

    def wait(self, hour: int, stopped: Callable[[], bool]) -> bool:
        """Wait until an hour is published; return whether it was, in time.

        Nothing is waited for once nobody published for several hours in a row.
        """
        deadline_s = time.monotonic() + self._timeout_s
        while self.seen_hour < hour and not self.given_up and not stopped():
            if time.monotonic() >= deadline_s:
                self._miss(hour)
                return False
            self._read(self._consumer.poll(POLL_S))
        if self.seen_hour >= hour:
            self._missed = 0
        return self.seen_hour >= hour

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def _read(self, message: Any) -> None:
        if message is None or message.error():
            return
        self.positions[message.partition()] = message.offset() + 1
        try:
            prior = self._codec.decode(POPULATION_PRIOR, message.value(), PopulationPrior)
        except UndecodableError:
            return  # its consumers have the dead letter
        if prior.kind == "DELTA":
            self.seen_hour = max(self.seen_hour, prior.hour)

    def _miss(self, hour: int) -> None:
        self.timeouts += 1
        self._missed += 1
        LOG.warning(
            "hour_not_closed",
            hour=hour,
            waited_s=self._timeout_s,
            hint="are workers running? without them the replay is not paced",
            pacing_given_up=self.given_up,
        )


def group_less_consumer(settings: Settings) -> Any:
    """Return a consumer that takes partitions by hand and commits nothing."""
    return Consumer(
        {
            **reading_config(settings),
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 50,
            "log_level": 2,
        }
    )
