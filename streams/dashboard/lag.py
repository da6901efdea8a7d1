"""How far the pipeline's groups are behind, asked of the broker; the feed itself joins no group."""

from collections.abc import Iterable
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition

from schemas.settings import Settings
from schemas.topics import (
    ALLOCATION_REQUESTS,
    CONSUMED,
    DEMAND_OBSERVED,
    FORECASTS_DEMAND,
    POPULATION_PARTIALS,
    TELEMETRY_ACTIVITY,
    TELEMETRY_TICKS,
    dead_letters,
)

TIMEOUT_S = 10.0
# Group, without the deployment's prefix, and what it consumes.
GROUPS = {
    "warmfront-workers": (
        TELEMETRY_ACTIVITY, TELEMETRY_TICKS, DEMAND_OBSERVED, POPULATION_PARTIALS,
    ),
    "allocator": (ALLOCATION_REQUESTS, FORECASTS_DEMAND),
}  # fmt: skip


class LagReader:
    """Asks how far the groups are.

    Parameters
    ----------
    settings
        What topics and groups are called.
    admin, consumer
        Clients of the broker; the consumer's position is not used.
    """

    def __init__(self, settings: Settings, admin: Any, consumer: Any) -> None:
        self._settings = settings
        self._admin = admin
        self._consumer = consumer

    def read(self) -> dict[str, Any]:
        """Return lag by group, topic and partition, and how many dead letters there are.

        Raises
        ------
        KafkaException
            If the broker does not answer.
        """
        partitions = self._consumer.list_topics(timeout=TIMEOUT_S).topics
        groups = [self._group(name, topics, partitions) for name, topics in GROUPS.items()]
        return {"groups": groups, "dead_letters": self._dead_letters(partitions)}

    def _group(self, name: str, topics: Iterable[Any], known: Any) -> dict[str, Any]:
        committed = self._committed(self._settings.topic(name))
        rows = []
        for topic in topics:
            full = self._settings.topic(topic.name)
            for number in sorted(known[full].partitions) if full in known else ():
                low, high = self._ends(full, number)
                at = committed.get((full, number))
                lag = high - max(low, at if at is not None else low)
                rows.append(
                    {"topic": topic.name, "partition": number, "committed": at, "end": high,
                     "lag": max(0, lag)}
                )  # fmt: skip
        return {"group": name, "lag": sum(row["lag"] for row in rows), "partitions": rows}

    def _committed(self, group: str) -> dict[tuple[str, int], int | None]:
        asked = [ConsumerGroupTopicPartitions(group)]
        answer = self._admin.list_consumer_group_offsets(asked)[group]
        try:
            positions = answer.result(TIMEOUT_S).topic_partitions
        except KafkaException as error:
            if error.args[0].name() == "GROUP_ID_NOT_FOUND":
                return {}
            raise
        return {(p.topic, p.partition): p.offset if p.offset >= 0 else None for p in positions}

    def _dead_letters(self, known: Any) -> dict[str, int]:
        counts = {}
        for topic in CONSUMED:
            full = self._settings.topic(dead_letters(topic).name)
            if full in known:
                spans = [self._ends(full, number) for number in known[full].partitions]
                counts[topic.name] = sum(high - low for low, high in spans)
        return counts

    def _ends(self, topic: str, number: int) -> tuple[int, int]:
        tp = TopicPartition(topic, number)
        low, high = self._consumer.get_watermark_offsets(tp, timeout=TIMEOUT_S)
        return low, high
