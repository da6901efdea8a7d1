"""Alerts reach people over a real broker, through outages; what people say is written down."""

import json
import threading
from contextlib import contextmanager

import httpx2
import msgspec
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from schemas.codec import Codec
from schemas.records import AlertFeedback, AnomalyAlert
from schemas.registry import RegistryIds
from schemas.settings import Settings
from schemas.topics import ALERTS_ANOMALIES, ALERTS_FEEDBACK, dead_letters
from streams.cli import build
from streams.cli.up import Plan, services
from streams.runtime.alert_bodies import alertmanager_body, webhook_body
from streams.runtime.alert_sink import AlertSink, Target
from streams.runtime.topic_admin import create_topics
from tests.testkit.pipeline import wait_for
from tests.testkit.receiver import receiving
from tests.testkit.telemetry import read_all

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

NO_EVIDENCE = ("none", '["a list"]', "[" * 100_000)


@pytest.fixture
def settings(kafka_bootstrap, registry_url, topic_prefix, tmp_path) -> Settings:
    made = Settings(
        bootstrap_servers=kafka_bootstrap, registry_url=registry_url, topic_prefix=topic_prefix,
        state_dir=tmp_path,
    )  # fmt: skip
    create_topics(made, [ALERTS_ANOMALIES, ALERTS_FEEDBACK, dead_letters(ALERTS_ANOMALIES)])
    return made


def codec_of(settings: Settings) -> Codec:
    return Codec(RegistryIds(settings.registry_url, settings.schema_cache), settings.topic_prefix)


def alert(number: int, change: str = "opened", severity: str = "WARNING") -> AnomalyAlert:
    return AnomalyAlert(
        alert_id=f"i{number}/{change}", incident_id=f"i{number}", subject=f"user/u{number}",
        kind="surprise", severity=severity, started_at=1_764_000_000_000 + number,
        ended_at=1_764_000_600_000 if change == "closed" else None, observed=9.0,
        expected_low=0.0, expected_high=4.0, evidence=json.dumps({"what": "matlab"}),
    )  # fmt: skip


def tell(settings: Settings, *values: AnomalyAlert | bytes) -> None:
    codec, producer = (
        codec_of(settings),
        Producer({"bootstrap.servers": settings.bootstrap_servers}),
    )
    for value in values:
        data = value if isinstance(value, bytes) else codec.encode(ALERTS_ANOMALIES, value)
        producer.produce(settings.topic(ALERTS_ANOMALIES.name), data, b"one")
    assert producer.flush(60) == 0


@contextmanager
def sinking(settings: Settings, target: Target):
    # Given up while the receiver takes it, an alert would be told twice.
    with httpx2.Client(timeout=60.0) as client:
        sink = AlertSink(settings, codec_of(settings), target, client, wait_s=(0.05, 0.2))
        thread = threading.Thread(target=sink.run, daemon=True)
        thread.start()
        try:
            yield sink
        finally:
            sink.stop()
            thread.join(90)
            assert not thread.is_alive()


def test_each_alert_is_posted_once_in_order_with_its_id(settings) -> None:
    tell(settings, alert(1), alert(1), alert(2), alert(1, "closed"))
    with receiving() as receiver:
        with sinking(settings, Target(f"{receiver.url}/hook", webhook_body, "secret")):
            wait_for(lambda: len(receiver.posts) >= 3, "three alerts")
        ids = [body["alert_id"] for body in receiver.bodies()]
        assert ids == ["i1/opened", "i2/opened", "i1/closed"]
        path, _, headers = receiver.posts[0]
        assert (path, headers["Idempotency-Key"]) == ("/hook", "i1/opened")
        assert headers["Authorization"] == "Bearer secret"


def test_an_outage_holds_alerts_back_and_loses_none(settings) -> None:
    tell(settings, *(alert(n) for n in range(4)))
    with receiving(*[503] * 12, 429, 500) as receiver:
        with sinking(settings, Target(receiver.url, webhook_body)):
            wait_for(lambda: len(receiver.posts) >= 4, "alerts after the outage")
        assert receiver.refused == 14
        assert [b["incident_id"] for b in receiver.bodies()] == ["i0", "i1", "i2", "i3"]


def test_what_was_not_taken_comes_again_after_a_restart(settings) -> None:
    tell(settings, alert(1))
    nobody = Target("http://127.0.0.1:1/", webhook_body)
    with sinking(settings, nobody) as sink:
        tell(settings, alert(2))
        threading.Event().wait(2.0)
        assert sink.delivered == 0
    with receiving() as receiver:
        with sinking(settings, Target(receiver.url, webhook_body)):
            wait_for(lambda: len(receiver.posts) >= 2, "alerts after the restart")
        assert [b["incident_id"] for b in receiver.bodies()] == ["i1", "i2"]


def test_what_the_receiver_refuses_or_nobody_can_read_is_a_dead_letter(settings) -> None:
    tell(settings, alert(1), b"\x00 no Avro", alert(2))
    with receiving(400) as receiver:
        with sinking(settings, Target(receiver.url, webhook_body)):
            wait_for(lambda: len(receiver.posts) >= 1, "the alert after the refused ones")
        assert [b["incident_id"] for b in receiver.bodies()] == ["i2"]
    letters = read_all(
        settings.bootstrap_servers, settings.topic(dead_letters(ALERTS_ANOMALIES).name)
    )
    assert len(letters) == 2
    assert letters[1].value() == b"\x00 no Avro"


@pytest.mark.parametrize("body", [webhook_body, alertmanager_body])
def test_evidence_that_is_no_object_is_a_dead_letter_and_ends_nothing(settings, body) -> None:
    hostile = [msgspec.structs.replace(alert(n), evidence=e) for n, e in enumerate(NO_EVIDENCE)]
    tell(settings, *hostile, alert(7))
    with receiving() as receiver:
        with sinking(settings, Target(receiver.url, body)):
            wait_for(lambda: receiver.posts, "the alert after those with hostile evidence")
        (told,) = receiver.bodies()
    assert "i7" in json.dumps(told)
    letters = read_all(
        settings.bootstrap_servers, settings.topic(dead_letters(ALERTS_ANOMALIES).name)
    )
    assert len(letters) == len(NO_EVIDENCE)


def test_alertmanager_gets_its_own_form(settings) -> None:
    tell(settings, alert(1), alert(1, "closed"))
    with receiving() as receiver:
        with sinking(settings, Target(f"{receiver.url}/api/v2/alerts", alertmanager_body)):
            wait_for(lambda: len(receiver.posts) >= 2, "both")
        (opened,), (closed,) = receiver.bodies()
    assert opened["labels"] == closed["labels"]
    assert opened["labels"]["alertname"] == "WarmfrontAnomaly"
    assert "endsAt" not in opened
    assert closed["startsAt"] < closed["endsAt"]


@pytest.mark.parametrize(
    ("setting", "path"), [("alert_webhook", "/hook"), ("alertmanager_url", "/api/v2/alerts")]
)
def test_up_starts_the_sink_of_the_settings(settings, monkeypatch, setting, path) -> None:
    """What `warmfront up` runs beside the rest, told to a receiver that asks for a token."""
    tell(settings, alert(1))
    with receiving() as receiver:
        url = receiver.url + ("/hook" if setting == "alert_webhook" else "")
        for name, value in (
            (setting, url), ("alert_token", "secret"), ("topic_prefix", settings.topic_prefix),
        ):  # fmt: skip
            monkeypatch.setenv(f"WARMFRONT_{name}".upper(), value)
        named = Settings(
            bootstrap_servers=settings.bootstrap_servers, registry_url=settings.registry_url,
            state_dir=settings.state_dir,
        )  # fmt: skip
        (sink,) = [s for s in services(Plan(named, None, collect=False)) if s.name == "alert-sink"]
        sink.start(settings.state_dir)
        try:
            wait_for(lambda: receiver.posts, "the alert")
        finally:
            sink.stop(60)
        told, body, headers = receiver.posts[0]
    assert (told, headers["Authorization"]) == (path, "Bearer secret")
    assert "i1" in json.dumps(body)


def warmfront(settings: Settings, monkeypatch, *arguments: str):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", settings.bootstrap_servers)
    monkeypatch.setenv("WARMFRONT_REGISTRY_URL", settings.registry_url)
    monkeypatch.setenv("WARMFRONT_TOPIC_PREFIX", settings.topic_prefix)
    monkeypatch.setenv("WARMFRONT_STATE_DIR", str(settings.state_dir))
    return CliRunner().invoke(build(list(arguments)), list(arguments))


def test_the_command_filters_and_writes_opinions(settings, monkeypatch) -> None:
    tell(settings, alert(1), alert(2, severity="CRITICAL"), alert(1, "closed"))
    shown = json.loads(warmfront(settings, monkeypatch, "alerts", "--json").stdout)
    assert [a["incident_id"] for a in shown] == ["i2", "i1"]
    worst = warmfront(settings, monkeypatch, "alerts", "--severity", "critical", "--json").stdout
    assert [a["incident_id"] for a in json.loads(worst)] == ["i2"]
    still = warmfront(settings, monkeypatch, "alerts", "--open", "--json").stdout
    assert [a["incident_id"] for a in json.loads(still)] == ["i2"]
    said = warmfront(settings, monkeypatch, "alerts", "reject", "i1/opened", "--note", "backup")
    assert said.exit_code == 0, said.output
    (message,) = read_all(settings.bootstrap_servers, settings.topic(ALERTS_FEEDBACK.name))
    record = codec_of(settings).decode(ALERTS_FEEDBACK, message.value(), AlertFeedback)
    assert (record.incident_id, record.verdict, record.note) == ("i1", "NOT_AN_ANOMALY", "backup")
    assert message.key() == b"user/u1"
    assert warmfront(settings, monkeypatch, "alerts", "ack", "nothing").exit_code == 3
    assert warmfront(settings, monkeypatch, "alerts", "ack").exit_code == 2
    assert warmfront(settings, monkeypatch, "alert-sink").exit_code == 2
