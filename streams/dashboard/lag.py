"""How far the pipeline's groups are behind, asked of the broker without joining them.

Each group's positions are asked for by a consumer of its name that never subscribes. The admin
client's call for it ends the process where the group's coordinator is not up yet
(confluent-kafka-javascript issue 374: librdkafka asks a consumer group that an admin client has
not), as it is on a broker that has just started.
"""

from collections.abc import Iterable
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from schemas.connection import kafka_config
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
        Where the broker is, and what topics and groups are called.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._members = {name: Consumer(self._config(name)) for name in GROUPS}
        self._consumer = next(iter(self._members.values()))

    def close(self) -> None:
        """Close its connections."""
        for member in self._members.values():
            member.close()

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
        full_names = {self._settings.topic(topic.name): topic.name for topic in topics}
        rows = []
        for p in self._committed(name, [full for full in full_names if full in known], known):
            at = p.offset if p.offset >= 0 else None
            low, high = self._ends(p.topic, p.partition)
            lag = high - max(low, at if at is not None else low)
            rows.append(
                {"topic": full_names[p.topic], "partition": p.partition, "committed": at,
                 "end": high, "lag": max(0, lag)}
            )  # fmt: skip
        return {"group": name, "lag": sum(row["lag"] for row in rows), "partitions": rows}

    def _committed(self, group: str, topics: list[str], known: Any) -> list[TopicPartition]:
        asked = [TopicPartition(t, p) for t in topics for p in sorted(known[t].partitions)]
        return list(self._members[group].committed(asked, timeout=TIMEOUT_S)) if asked else []

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

    def _config(self, group: str) -> dict[str, Any]:
        return {
            **kafka_config(self._settings),
            "group.id": self._settings.topic(group),
            "enable.auto.commit": False,
            "log_level": 3,
        }
