"""Kafka's access rules of a role in one deployment, and setting them."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from schemas.connection import NEVER_JOINED, kafka_config
from schemas.roles import Role
from schemas.settings import Settings

TIMEOUT_S = 30.0
PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Grant:
    """One rule that allows something.

    Parameters
    ----------
    kind
        `TOPIC`, `GROUP` or `TRANSACTIONAL_ID`.
    name
        The resource's full name, or what it begins with.
    pattern
        `LITERAL` or `PREFIXED`.
    operation
        In Kafka's words: `READ`, `WRITE`, `CREATE`, `DELETE`, `DESCRIBE`.
    """

    kind: str
    name: str
    pattern: str
    operation: str


def grants(role: Role, settings: Settings) -> list[Grant]:
    """Return the rules of a role; reading and writing include describing.

    Parameters
    ----------
    role
        What the process does.
    settings
        What topics and groups are called.

    Examples
    --------
    >>> from schemas.roles import BY_NAME
    >>> for grant in grants(BY_NAME["collector"], Settings(topic_prefix="blue.")):
    ...     print(grant.operation, grant.kind, grant.name)
    READ TOPIC blue.predictions.programs
    WRITE TOPIC blue.telemetry.activity
    WRITE TOPIC blue.telemetry.ticks
    DESCRIBE GROUP blue.never-joined
    """
    return list(dict.fromkeys([*_topics(role, settings), *_others(role, settings)]))


def _topics(role: Role, settings: Settings) -> Iterator[Grant]:
    named = {"READ": role.reads, "WRITE": role.writes, "DELETE": role.deletes}
    for operation, topics in named.items():
        for topic in topics:
            yield Grant("TOPIC", settings.topic(topic.name), "LITERAL", operation)
            if role.creates and operation == "READ":
                yield Grant("TOPIC", settings.topic(topic.name), "LITERAL", "CREATE")
    for operation in ("READ", "WRITE", "CREATE") if role.keeps else ():
        yield Grant("TOPIC", settings.topic(role.keeps), "PREFIXED", operation)
    if role.looks_into:
        yield Grant("TOPIC", settings.topic(role.looks_into), "PREFIXED", "READ")


def _others(role: Role, settings: Settings) -> Iterator[Grant]:
    for group in role.joins:
        yield Grant("GROUP", settings.topic(group), "LITERAL", "READ")
    for group in (*role.watches, NEVER_JOINED):
        yield Grant("GROUP", settings.topic(group), "LITERAL", "DESCRIBE")
    for operation in ("WRITE", "DESCRIBE") if role.transactions else ():
        name = settings.topic(role.transactions)
        yield Grant("TRANSACTIONAL_ID", name, "PREFIXED", operation)


def allow(settings: Settings, principal: str, allowed: Iterable[Grant]) -> None:
    """Set rules on the broker, as somebody who may, and return once it goes by them.

    Parameters
    ----------
    settings
        Where Kafka is, and who we are.
    principal
        Whom the rules are for, such as `User:worker`.
    allowed
        What it may do, from any host.

    Raises
    ------
    KafkaException
        If the broker refuses, or does not know of the rules for long.
    """
    bindings = [
        AclBinding(
            ResourceType[g.kind], g.name, ResourcePatternType[g.pattern], principal, "*",
            AclOperation[g.operation], AclPermissionType.ALLOW,
        )
        for g in allowed
    ]  # fmt: skip
    admin = AdminClient(kafka_config(settings))  # kept: its end would end what it waits for
    for answer in admin.create_acls(bindings).values():
        answer.result(TIMEOUT_S)
    _await(admin, principal, set(bindings))


def _await(admin: Any, principal: str, wanted: set[Any]) -> None:
    """Wait for the broker to know rules that its controller has written down.

    It learns of them a moment later, and till then refuses whoever they let in.
    """
    of_principal = AclBindingFilter(
        ResourceType.ANY, None, ResourcePatternType.ANY, principal, None, AclOperation.ANY,
        AclPermissionType.ANY,
    )  # fmt: skip
    end_s = time.monotonic() + TIMEOUT_S
    while not wanted <= set(admin.describe_acls(of_principal).result(TIMEOUT_S)):
        if time.monotonic() > end_s:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "the rules are not in force"))  # noqa: SLF001
        time.sleep(PAUSE_S)
