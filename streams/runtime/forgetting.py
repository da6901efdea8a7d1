"""Asks for the erasure of a user, and looks at what the topics still hold of one.

The request is a message of the user on telemetry.activity: the agent that owns the user's state
obeys it in the order of the log, and a restarted or moved worker obeys it again to the same effect.
"""

from dataclasses import dataclass

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.codec import Codec
from schemas.connection import kafka_config
from schemas.records import ActivityBatch, Tick
from schemas.settings import Settings
from schemas.topics import CATALOGUE, PROFILES_USERS, TELEMETRY_ACTIVITY, TELEMETRY_TICKS, Topic
from streams.pipeline.user import User
from streams.runtime.app import changelog
from streams.runtime.newest_store import body_of
from streams.runtime.topic_reader import TopicUnreadableError, partition_to_end

TIMEOUT_S = 30.0
SOURCE = "warmfront-forget"
STATE = "users"


@dataclass(frozen=True, slots=True)
class Asked:
    """Where the request for an erasure stands on telemetry.activity."""

    partition: int
    offset: int


class Forgetting:
    """The erasure of one user of a deployment.

    Parameters
    ----------
    settings, codec
        The deployment.
    user
        The user's id as on the topics.
    """

    def __init__(self, settings: Settings, codec: Codec, user: str) -> None:
        self._settings = settings
        self._codec = codec
        self._user = user
        self._producer = Producer(
            {
                **kafka_config(settings),
                "enable.idempotence": True,
                "partitioner": "murmur2_random",  # the user's messages keep one order
                "message.timeout.ms": round(TIMEOUT_S * 1000),
                "log_level": 2,
            }
        )

    def ask(self) -> Asked:
        """Send the request; raises TopicUnreadableError where the broker does not take it."""
        batch = ActivityBatch(user=self._user, host="", source=SOURCE, events=[], forget=True)
        reports: list[tuple[object, Asked]] = []
        self._producer.produce(
            self._settings.topic(TELEMETRY_ACTIVITY.name),
            self._codec.encode(TELEMETRY_ACTIVITY, batch),
            self._user.encode(),
            on_delivery=lambda error, m: reports.append((error, Asked(m.partition(), m.offset()))),
        )
        self._producer.flush(TIMEOUT_S)
        if not reports or reports[0][0] is not None:
            raise TopicUnreadableError("Kafka did not take the request; is `warmfront up` running?")
        return reports[0][1]

    def nudge(self, partition: int) -> None:
        """Have the agent look again whether the key can go, by a heartbeat that tells no time."""
        tick = Tick(source=SOURCE, time=0, partition=partition)
        topic = self._settings.topic(TELEMETRY_TICKS.name)
        self._producer.produce(
            topic, self._codec.encode(TELEMETRY_TICKS, tick), None, partition=partition
        )
        self._producer.flush(TIMEOUT_S)

    def remains(self, partition: int) -> str | None:
        """Return what is still held under the user's key, in words; None when nothing is."""
        state = self._newest(changelog(self._settings, STATE), partition)
        if state is not None:
            leaves = User.from_bytes(body_of(state)).departing
            return "open minutes of demand" if leaves else "the user's state"
        profile = self._newest(self._settings.topic(PROFILES_USERS.name), partition)
        return None if profile is None else "the readable profile"

    def _newest(self, topic: str, partition: int) -> bytes | None:
        newest = None
        for message in partition_to_end(self._settings, topic, partition):
            if message.key() == self._user.encode():
                newest = message.value()
        return newest

    def delete_records(self, topic: Topic, partition: int) -> int:
        """Delete a partition's records up to the user's last one, and say how many went.

        Other users' records before it go too: whatever was learnt from them is in their state.
        """
        name, last, deleted = self._settings.topic(topic.name), None, 0
        messages = partition_to_end(self._settings, name, partition)
        for number, message in enumerate(messages, 1):
            if message.key() == self._user.encode():
                last, deleted = message.offset(), number
        if last is None:
            return 0
        admin = AdminClient(kafka_config(self._settings))
        where = TopicPartition(name, partition, last + 1)
        for future in admin.delete_records([where]).values():
            future.result(TIMEOUT_S)
        return deleted


def keyed_by_user() -> list[Topic]:
    """Return the topics whose records lie in a user's partition, and go only with time."""
    return [t for t in CATALOGUE if t.key == "user" and t.retention_ms is not None and t.record]


def expiring() -> list[Topic]:
    """Return all topics that a user's records may be on until their retention ends."""
    return [t for t in CATALOGUE if t.retention_ms is not None and _names_users(t)]


def _names_users(topic: Topic) -> bool:
    if topic.record is None:  # dead letters keep the original bytes
        return True
    names = set(topic.record.__struct_fields__)
    return topic.key == "user" or bool(names & {"user", "subject"})
