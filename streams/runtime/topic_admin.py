"""Creates the catalogue's topics; what exists already is left as it is."""

from collections.abc import Iterable, Mapping

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.connection import kafka_config
from schemas.settings import Settings
from schemas.topics import CATALOGUE, POOL_PARTITIONS, USER_PARTITIONS, Topic
from streams.runtime.leaders import await_leaders

TIMEOUT_S = 60.0
# Compacted topics are cleaned often enough that a forgotten user is soon gone from the disk.
# And so is the tombstone, which holds the user's id: whoever reads a whole topic within that time
# sees it.
COMPACTED = {"max.compaction.lag.ms": "3600000", "delete.retention.ms": "3600000"}


def topic_config(topic: Topic) -> dict[str, str]:
    """Return the broker's settings of a topic.

    Event time is in the payload only: the log is in append time, so that retention counts from
    arrival and a replay of old data is not deleted at once.
    """
    config = {
        "cleanup.policy": topic.cleanup,
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(8 * 1024 * 1024),
    }
    if topic.retention_ms is not None:
        config["retention.ms"] = str(topic.retention_ms)
    if "compact" in topic.cleanup:
        config |= COMPACTED
    return config


def partitions_of(topic: Topic, settings: Settings) -> int:
    """Return with how many partitions a topic is created in this deployment.

    Which of the two settings counts is told by the topic's key; others keep the catalogue's number.
    """
    if topic.key == "user" or topic.name == "telemetry.ticks":
        return settings.user_partitions if topic.partitions == USER_PARTITIONS else topic.partitions
    if topic.key in {"pool", "subject", "intent or lease"}:
        return settings.pool_partitions if topic.partitions == POOL_PARTITIONS else topic.partitions
    return topic.partitions


def create_topics(settings: Settings, topics: Iterable[Topic] = CATALOGUE) -> list[str]:
    """Create what is missing and return the names of what was created, when it can be used.

    Raises
    ------
    KafkaException
        If the broker refuses for another reason than that the topic exists, or does not answer.
    """
    wanted = [
        NewTopic(
            settings.topic(t.name), num_partitions=partitions_of(t, settings),
            config=topic_config(t),
        )
        for t in topics
    ]  # fmt: skip
    return _created(settings, wanted)


def create_changelogs(settings: Settings, partitions: Mapping[str, int]) -> list[str]:
    """Create what is missing of the topics that state is kept on, and return their names.

    Faust creates them too, but with one copy whatever the cluster's default is: with the broker
    that had it, the state of a partition would be away, or lost.

    Parameters
    ----------
    settings
        Where the broker is.
    partitions
        By full name, how many partitions a changelog has.

    Raises
    ------
    KafkaException
        If the broker refuses for another reason than that the topic exists.
    """
    # By the writers' time a broker refuses what a worker says whose clock is an hour ahead.
    config = {
        "cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime", **COMPACTED,
    }  # fmt: skip
    wanted = [NewTopic(name, num_partitions=n, config=config) for name, n in partitions.items()]
    return _created(settings, wanted)


def _created(settings: Settings, wanted: list[NewTopic]) -> list[str]:
    admin = AdminClient(kafka_config(settings))
    created = []
    for name, future in admin.create_topics(wanted, operation_timeout=TIMEOUT_S).items():
        try:
            future.result(TIMEOUT_S)
            created.append(name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    await_leaders(admin, created, TIMEOUT_S)
    return created
