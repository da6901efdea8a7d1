"""On a Kafka that asks who one is: no role can do what it was not given, and a refusal is told."""

import time
from dataclasses import replace

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.local.spawn import spawn
from schemas.connection import kafka_config
from schemas.roles import CHANGELOGS, ROLES, Role
from schemas.topics import CATALOGUE, Topic
from streams.runtime.access import allow, grants
from streams.runtime.topic_admin import create_topics
from tests.testkit.attempts import (
    OWN_REFUSALS,
    administered,
    deleted_records,
    groups_used,
    transaction_begun,
)
from tests.testkit.pipeline import REPOSITORY, START_S, Deployment, wait_for
from tests.testkit.secured_kafka import SecuredKafka, secured_kafka

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

PREFIX = "guarded."
# Another's, whose names begin with ours.
TENANT = "guarded.b."
WAYS = ("password", "certificate")
# A worker makes it at its first start.
USERS = Topic(f"{CHANGELOGS}users-changelog", "user", None, 1, "compact", None, "The users' state.")
REFUSED = KafkaError.TOPIC_AUTHORIZATION_FAILED
ANSWER_S = 60.0


def password(role: str) -> str:
    return f"canary-{role}-Zq8"


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    """A guarded broker with the topics, and one user a role that may do what the role needs."""
    with secured_kafka(tmp_path_factory.mktemp("guarded")) as guarded:
        admin = guarded.admin(topic_prefix=PREFIX)
        for prefix in (PREFIX, TENANT):
            create_topics(guarded.admin(topic_prefix=prefix), [*CATALOGUE, USERS])
        for role in ROLES:
            guarded.add_user(role.name, password(role.name))
            for principal in (f"User:{role.name}", f"User:CN={role.name}"):
                allow(admin, principal, grants(role, admin))
        yield guarded


@pytest.fixture(scope="module")
def as_role(kafka: SecuredKafka, registry_url: str, tmp_path_factory):
    folder = tmp_path_factory.mktemp("roles")

    def settings(role: str, **more):
        return kafka.settings(
            role, more.pop("password", password(role)), registry_url=registry_url,
            topic_prefix=PREFIX, state_dir=folder / role,
            pools_file=REPOSITORY / "infra" / "pools.toml", **more,
        )  # fmt: skip

    return settings


def start(kafka: SecuredKafka, settings, command: str, secret: str):
    """Start a process as its role's user; returns it and its log."""
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    log = settings.state_dir / "log"
    deployment = Deployment(settings)
    env = {**deployment.environment, **kafka.environment(settings.kafka_username, secret)}
    with log.open("wb") as out:
        arguments = deployment.command(*command.split())
        return spawn(arguments, output=out, env=env, cwd=REPOSITORY), log


@pytest.fixture
def member(role: Role, way: str, kafka: SecuredKafka, as_role):
    """The settings of who has a role, shown by a password or by a certificate."""
    if way == "password":
        return as_role(role.name)
    return kafka.certified(role.name, topic_prefix=PREFIX)


each_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
each_way = pytest.mark.parametrize("way", WAYS)


@each_way
@each_role
def test_what_a_role_does_not_need_is_refused(role: Role, member) -> None:
    writable = {member.topic(topic.name) for topic in role.writes}
    readable = {member.topic(topic.name) for topic in role.reads}
    users = member.topic(USERS.name)
    everything = {member.topic(topic.name) for topic in CATALOGUE}
    if not role.keeps:
        everything |= {users}
    if role.looks_into:
        readable |= {users}
    assert refused_writes(member, everything - writable) == everything - writable
    assert refused_reads(member, everything - readable) == everything - readable


@each_way
@each_role
def test_nothing_of_another_tenant_is_reached(role: Role, member) -> None:
    theirs = member.model_copy(update={"topic_prefix": TENANT})
    topics = {theirs.topic(topic.name) for topic in (*CATALOGUE, USERS)}
    assert refused_writes(member, topics) == topics
    assert refused_reads(member, topics) == topics
    told = groups_used(theirs, may_ask=(), may_join=()) | transaction_begun(theirs, "allocator-0")
    assert set(told.values()) <= OWN_REFUSALS, told


@each_way
@each_role
def test_a_role_uses_no_group_and_no_transaction_but_its_own(role: Role, member) -> None:
    told = groups_used(member, may_ask=role.watches, may_join=role.joins)
    told |= transaction_begun(member, "worker-0")
    if not role.transactions:
        told |= transaction_begun(member, "allocator-0")
    assert len(told) >= 5
    assert set(told.values()) <= OWN_REFUSALS, told


@each_way
@each_role
def test_a_role_administers_nothing(role: Role, member) -> None:
    admin = AdminClient({**kafka_config(member), "log_level": 0})
    topic = member.topic(CATALOGUE[0].name)
    told = administered(admin, member.topic("intruder"), topic, f"User:{role.name}")
    others = [t for t in (*CATALOGUE, USERS) if t not in role.deletes]
    told |= deleted_records(admin, [member.topic(t.name) for t in others])
    assert len(told) >= len(others) + 6
    assert set(told.values()) <= OWN_REFUSALS, told


def refused_writes(settings, topics: set[str]) -> set[str]:
    """Try to write to each topic; returns those that were refused."""
    told: dict[str, int] = {}
    producer = Producer({**kafka_config(settings), "message.timeout.ms": 120_000, "log_level": 0})
    for topic in topics:
        producer.produce(
            topic, b"intruder", partition=0,
            on_delivery=lambda error, m: told.update({m.topic(): error and error.code()}),
        )  # fmt: skip
    assert producer.flush(150) == 0
    return {topic for topic, code in told.items() if code == REFUSED}


def refused_reads(settings, topics: set[str]) -> set[str]:
    """Try to read each topic; returns those that were refused."""
    return {topic for topic in topics if is_refused(settings, topic)}


def is_refused(settings, topic: str) -> bool:
    """Try to read one topic. A client of its own: each tells a refusal once."""
    consumer = Consumer(
        {**kafka_config(settings), "group.id": "reads-nothing", "log_level": 0,
         "enable.auto.commit": False, "enable.partition.eof": True}
    )  # fmt: skip
    try:
        told = consumer.list_topics(topic, timeout=ANSWER_S).topics[topic].error
        if told is not None and told.code() == REFUSED:
            return True  # not even that it exists is told
        consumer.assign([TopicPartition(topic, 0, 0)])
        end_s = time.monotonic() + ANSWER_S
        while time.monotonic() < end_s:
            message = consumer.poll(1)
            if message is not None:
                assert message.error() is not None, f"{topic} was read"
                if message.error().code() in {REFUSED, KafkaError._PARTITION_EOF}:
                    return message.error().code() == REFUSED
    finally:
        consumer.close()
    raise AssertionError(f"{topic}: neither refused nor read to its end in {ANSWER_S:.0f} s")


def test_the_command_allows_a_new_user_what_its_role_needs(kafka, as_role) -> None:
    kafka.add_user("newcomer", password("newcomer"))
    settings = as_role("newcomer")
    topic = settings.topic("forecasts.demand")
    assert is_refused(settings, topic)
    admin = kafka.admin(topic_prefix=PREFIX)
    env = {
        "KAFKA_BOOTSTRAP_SERVERS": admin.bootstrap_servers, "WARMFRONT_TOPIC_PREFIX": PREFIX,
        "WARMFRONT_KAFKA_SECURITY": "SSL", "WARMFRONT_KAFKA_CA_FILE": str(admin.kafka_ca_file),
        "WARMFRONT_KAFKA_CERTIFICATE_FILE": str(admin.kafka_certificate_file),
        "WARMFRONT_KAFKA_KEY_FILE": str(admin.kafka_key_file),
    }  # fmt: skip
    arguments = ["acls", "allocator", "--principal", "User:newcomer"]
    log = kafka.folder / "acls.log"
    with log.open("wb") as out:
        process = spawn(Deployment(admin).command(*arguments), output=out, env=env, cwd=REPOSITORY)
    assert process.wait(START_S) == 0, log.read_text()
    assert "User:newcomer may do this now" in log.read_text()
    wait_for(lambda: not is_refused(settings, topic), "the rules to come into force")


@pytest.mark.parametrize("command", ["worker", "doctor --json"])
def test_a_wrong_password_is_told_in_words_and_ends_the_process(kafka, as_role, command) -> None:
    settings = as_role("worker")
    wrong = replace_state(settings, command)
    process, log = start(kafka, wrong, command, "canary-wrong")
    code = process.wait(START_S)
    said = log.read_text()
    assert code in (1, 2), said
    assert "does not let worker in" in said
    assert "invalid credentials" in said
    assert "canary" not in said


def replace_state(settings, command: str):
    """The same settings with a state folder of their own."""
    return settings.model_copy(
        update={"state_dir": settings.state_dir.parent / f"wrong-{command.split(maxsplit=1)[0]}"}
    )


def test_a_certificate_that_is_not_trusted_is_told_in_words(kafka, as_role) -> None:
    settings = replace_state(as_role("worker"), "untrusted")
    settings.state_dir.mkdir(parents=True)
    log = settings.state_dir / "log"
    env = {
        **Deployment(settings).environment,
        **replace_ca(kafka).environment("worker", password("worker")),
    }
    with log.open("wb") as out:
        process = spawn(Deployment(settings).command("worker"), output=out, env=env)
    assert process.wait(START_S) == 2, log.read_text()
    assert "certificate" in log.read_text()


def replace_ca(kafka: SecuredKafka) -> SecuredKafka:
    """The same broker, looked at with the certificates of another authority."""
    import trustme  # noqa: PLC0415

    other = kafka.folder / "other"
    other.mkdir(exist_ok=True)
    trustme.CA().cert_pem.write_to_path(str(other / "ca.pem"))
    return replace(kafka, folder=other)
