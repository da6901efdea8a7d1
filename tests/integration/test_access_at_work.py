"""Every process at work as its own user, with exactly the rules of its role: all goes through, and
the broker's authorizer has nothing to refuse."""

import json
import random
import re
import signal
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer

from infra.local import spawn
from infra.local.ports import free_port
from schemas.connection import kafka_config
from schemas.records import AnomalyAlert
from schemas.roles import ROLES
from schemas.settings import Settings
from schemas.topics import (
    ALERTS_ANOMALIES,
    ALLOCATION_REQUESTS,
    FORECASTS_DEMAND,
    TELEMETRY_ACTIVITY,
    TELEMETRY_TICKS,
    Topic,
    dead_letters,
)
from streams.client import Instances, TelemetryProducer, follow_forecasts, follow_predictions
from streams.runtime.access import allow, grants
from streams.runtime.topic_reader import TopicUnreadableError, read_to_end
from tests.testkit.allocator_process import start_allocator
from tests.testkit.pipeline import REPOSITORY, Deployment, wait_for
from tests.testkit.pipeline import START_S as WORKER_START_S
from tests.testkit.receiver import receiving
from tests.testkit.secured_kafka import SecuredKafka, secured_kafka
from tests.testkit.under_fire import START_S, minute_of_events

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

PREFIX = "work."
MINUTES, EVENTS_A_MINUTE = 12, 20
POISON = b"\x00 no Avro"
ALERT = AnomalyAlert(
    alert_id="i1/opened", incident_id="i1", subject="user/u1", kind="surprise",
    severity="WARNING", started_at=START_S * 1000, observed=9.0, expected_low=0.0,
    expected_high=4.0, evidence="{}",
)  # fmt: skip


@dataclass
class Guarded:
    """A guarded broker, its users, and the processes that work as them."""

    kafka: SecuredKafka
    registry_url: str
    folder: Path
    processes: dict[str, spawn.Process] = field(default_factory=dict)

    def settings(self, role: str) -> Settings:
        state = self.folder / role
        state.mkdir(exist_ok=True)
        return self.kafka.settings(
            role, f"secret-of-{role}", registry_url=self.registry_url, topic_prefix=PREFIX,
            state_dir=state, pools_file=REPOSITORY / "infra" / "pools.toml",
        )  # fmt: skip

    def environment(self, role: str) -> dict[str, str]:
        made = Deployment(self.settings(role)).environment
        return {**made, **self.kafka.environment(role, f"secret-of-{role}")}

    def start(self, role: str, *arguments: str) -> spawn.Process:
        """Start a command as a role's user; it logs on its role's folder."""
        deployment = Deployment(self.settings(role))
        with (deployment.settings.state_dir / "log").open("ab") as log:
            self.processes[role] = spawn.spawn(
                deployment.command(*arguments), output=log, env=self.environment(role),
                cwd=REPOSITORY,
            )  # fmt: skip
        return self.processes[role]

    def done(self, role: str, *arguments: str) -> None:
        """Run a command of a role to its end."""
        assert self.start(role, *arguments).wait(120) == 0, self.said(role)

    def said(self, role: str) -> str:
        return (self.folder / role / "log").read_text(errors="replace")[-2000:]

    def denied(self) -> list[str]:
        """What the authorizer has refused so far."""
        log = (self.kafka.folder / "kafka" / "kafka.log").read_text(errors="replace")
        return re.findall(r"Principal = .* is Denied .*", log)

    def tell(self, topic: Topic, value: bytes, key: bytes = b"office") -> None:
        """Write as the operator, who may write to all that is consumed."""
        settings = self.settings("operator")
        producer = Producer(kafka_config(settings))
        producer.produce(settings.topic(topic.name), value, key)
        assert producer.flush(30) == 0

    def letters(self, topic: Topic) -> list[bytes]:
        """What lies on a topic's dead letters."""
        found = read_to_end(self.settings("operator"), dead_letters(topic).name)
        return [message.value() for message in found]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, registry_url: str) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("roles")
    with secured_kafka(tmp_path_factory.mktemp("guarded")) as kafka:
        made = Guarded(kafka, registry_url, folder)
        admin = kafka.admin(topic_prefix=PREFIX)
        for role in ROLES:
            kafka.add_user(role.name, f"secret-of-{role.name}")
            allow(admin, f"User:{role.name}", grants(role, admin))
        made.done("operator", "topics", "--create")
        yield made
        for process in made.processes.values():
            spawn.kill(process)


def send_telemetry(guarded: Guarded) -> None:
    """Minutes of people at work, and the heartbeats that close them."""
    chance = random.Random(3)
    with TelemetryProducer(guarded.settings("collector"), "desk") as producer:
        for minute in range(MINUTES):
            for user, event in minute_of_events(chance, minute, EVENTS_A_MINUTE):
                producer.send(user, event)
            producer.flush()
            producer.tick(START_S + minute * 60 + 60)
        producer.tick(START_S + 2 * 3600)


def page(port: int, path: str) -> dict:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/{path}", timeout=10) as reply:
            return json.load(reply)
    except OSError:
        return {}


def test_all_processes_get_on_with_exactly_their_rules(guarded: Guarded) -> None:
    port = free_port()
    with receiving() as receiver:
        guarded.start("worker", "worker")
        guarded.processes["allocator"] = start_allocator(
            guarded.settings("allocator"), environment=guarded.environment("allocator")
        )
        guarded.start("dashboard", "dashboard", "--port", str(port))
        guarded.start("alert-sink", "alert-sink", "--webhook", f"{receiver.url}/hook")
        guarded.start("collector", "collect", "--every", "1", "--bring-near")
        send_telemetry(guarded)
        guarded.tell(TELEMETRY_ACTIVITY, POISON)
        guarded.tell(ALLOCATION_REQUESTS, POISON)
        guarded.tell(ALERTS_ANOMALIES, POISON)
        codec = Deployment(guarded.settings("operator")).codec
        guarded.tell(ALERTS_ANOMALIES, codec.encode(ALERTS_ANOMALIES, ALERT))

        wait_for(lambda: page(port, "pool-names"), "the page", WORKER_START_S)
        wait_for(lambda: said_to(guarded, FORECASTS_DEMAND), "forecasts", WORKER_START_S)
        client = guarded.settings("client")
        assert next(follow_predictions(client, from_start=True)).after_program
        assert next(follow_forecasts(client, from_start=True)).steps
        with Instances(client) as instances:
            lease = instances.request("ann", "mail", timeout_s=120)
            instances.release(lease)
        wait_for(lambda: receiver.posts, "the alert at its receiver")
        for topic in (TELEMETRY_ACTIVITY, ALLOCATION_REQUESTS, ALERTS_ANOMALIES):
            wait_for(lambda t=topic: guarded.letters(t) == [POISON], f"{topic.name}'s letter")
        wait_for(lambda: page(port, "summary").get("allocations"), "the page has the lease")
        wait_for(lambda: page(port, "summary").get("predictions"), "the page has predictions")
        wait_for(lambda: page(port, "summary").get("dead_letters", 0) >= 3, "the page has letters")
        wait_for(lambda: "groups" in page(port, "health").get("lag", {}), "the page has lags")
        collected = "host-"
        wait_for(lambda: collected in spoken_by(guarded), "the collector's own heartbeat")
        look_as_operator(guarded)

        ended = {role: p.poll() for role, p in guarded.processes.items() if role != "operator"}
        assert set(ended.values()) == {None}, {role: guarded.said(role) for role in ended}
        stop_all(guarded)
    assert guarded.denied() == []


def said_to(guarded: Guarded, topic: Topic) -> bool:
    """Whether anything is on a topic, as the operator reads it."""
    return any(True for _ in read_to_end(guarded.settings("operator"), topic.name))


def spoken_by(guarded: Guarded) -> str:
    """The sources of heartbeats, in one text."""
    found = read_to_end(guarded.settings("operator"), TELEMETRY_TICKS.name)
    return " ".join(str(message.value()) for message in found)


def look_as_operator(guarded: Guarded) -> None:
    """What a person does: look at what could not be used."""
    guarded.done("operator", "dlq", "list", "--json")
    assert TELEMETRY_ACTIVITY.name in guarded.said("operator")


def stop_all(guarded: Guarded) -> None:
    """End each as a supervisor does: what is done at the end needs rights as well."""
    for role, process in guarded.processes.items():
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, guarded.said(role)


def test_what_is_refused_would_have_been_seen(guarded: Guarded) -> None:
    before = len(guarded.denied())
    with pytest.raises((TopicUnreadableError, KafkaException)):
        list(read_to_end(guarded.settings("client"), TELEMETRY_ACTIVITY.name))
    said = guarded.denied()[before:]
    assert said
    assert all("User:client" in line for line in said)
