"""What an intruder with a role's name would try on a guarded broker, and what it is told.

Each attempt gives what the broker said, by what was tried: the code of its refusal, or None where
the intruder was let do it.
"""

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import (
    ConsumerGroupTopicPartitions,  # noqa: TID251 - to move positions, not to list them
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from schemas.connection import kafka_config
from schemas.roles import ROLES
from schemas.settings import Settings

ANSWER_S = 60.0
BROKER = "1"  # its number, a local one's
Told = dict[str, int | None]
OWN_REFUSALS = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED, KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}  # fmt: skip
GROUPS = sorted({group for role in ROLES for group in (*role.joins, *role.watches)})


def told_by(what: str, answers: Mapping[Any, "Future[Any]"]) -> Told:
    """What became of one request, for each thing that it was about."""
    return {f"{what} {about}": _code(answer) for about, answer in answers.items()}


def _code(answer: "Future[Any]") -> int | None:
    try:
        given = answer.result(ANSWER_S)
    except KafkaException as error:
        return int(error.args[0].code())
    # Of a group's position each partition is answered for by itself.
    errors = [place.error for place in getattr(given, "topic_partitions", None) or ()]
    return int(errors[0].code()) if errors and errors[0] else None


def administered(admin: AdminClient, new: str, topic: str, principal: str) -> Told:
    """Make a topic, change and delete another, and give oneself rights and a password."""
    short = ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET)
    config = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[short])
    anything = AclBinding(
        ResourceType.TOPIC, "*", ResourcePatternType.LITERAL, principal, "*", AclOperation.ALL,
        AclPermissionType.ALLOW,
    )  # fmt: skip
    scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    credential = UserScramCredentialUpsertion("intruder", scram, b"intruder")
    return {
        **told_by("create", admin.create_topics([NewTopic(new, 1)])),
        **told_by("configure", admin.incremental_alter_configs([config])),
        **told_by("extend", admin.create_partitions([NewPartitions(topic, 40)])),
        **told_by("allow", admin.create_acls([anything])),
        **told_by("admit", admin.alter_user_scram_credentials([credential])),
        **told_by("configure the broker", _broker(admin)),
    }


def _broker(admin: AdminClient) -> Mapping[Any, "Future[Any]"]:
    entry = ConfigEntry("log.retention.ms", "1", incremental_operation=AlterConfigOpType.SET)
    cluster = ConfigResource(ConfigResource.Type.BROKER, BROKER, incremental_configs=[entry])
    return admin.incremental_alter_configs([cluster])


def deleted_records(admin: AdminClient, topics: Iterable[str]) -> Told:
    """Delete records of each topic."""
    return told_by("delete of", admin.delete_records([TopicPartition(t, 0, 0) for t in topics]))


def groups_used(settings: Settings, may_ask: Collection[str], may_join: Collection[str]) -> Told:
    """Delete each group, and of those that are not one's own move the position and ask for it."""
    admin = AdminClient({**kafka_config(settings), "log_level": 0})
    place = TopicPartition(settings.topic("telemetry.activity"), 0, 0)
    told: Told = {}
    for group in GROUPS:
        name = settings.topic(group)
        told |= told_by("delete", admin.delete_consumer_groups([name]))
        if group not in may_join:
            moved = ConsumerGroupTopicPartitions(name, [place])
            told |= told_by(f"move {name}", admin.alter_consumer_group_offsets([moved]))
        if group not in {*may_join, *may_ask}:
            told |= told_by("describe", admin.describe_consumer_groups([name]))
    return told


def transaction_begun(settings: Settings, name: str) -> Told:
    """Take over a transactional id, which would fence off who has it."""
    full = settings.topic(name)
    config = {**kafka_config(settings), "transactional.id": full, "log_level": 0}
    try:
        Producer(config).init_transactions(ANSWER_S)
    except KafkaException as error:
        return {f"transactions as {full}": int(error.args[0].code())}
    return {f"transactions as {full}": None}
