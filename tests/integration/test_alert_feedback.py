"""What people say of alerts is learned by the worker over a real broker, and outlives it."""

import json
import random

import pytest
import stamina
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from typer.testing import CliRunner

from schemas.records import AnomalyAlert, AnomalyObservation
from schemas.topics import ALERTS_ANOMALIES, ALERTS_FEEDBACK, ANOMALIES_OBSERVED
from streams.cli import build
from streams.pipeline.outputs import output_id
from streams.runtime.app import WORKERS
from tests.testkit.pipeline import Deployment, deployed

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

START_MS = 1_764_000_000_000
HOUR_MS = 3_600_000


class Judges:
    """Stands for the detectors: tells the desk how unusual things were, hour by hour."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._hour = 0
        self._producer = Producer(
            {"bootstrap.servers": deployment.settings.bootstrap_servers, "acks": "all"}
        )

    def tell(self, subject: str, score: float) -> int:
        """Tell of a point three hours after the last, so that its incident is one of its own."""
        self._hour += 3
        point = AnomalyObservation(
            observation_id=output_id("profile", 0, self._hour), subject=subject, kind="surprise",
            time=START_MS + self._hour * HOUR_MS, score=score, observed=12.0, expected_low=0.0,
            expected_high=7.0, what="first matlab",
        )  # fmt: skip
        value = self._deployment.codec.encode(ANOMALIES_OBSERVED, point)
        name = self._deployment.settings.topic(ANOMALIES_OBSERVED.name)
        self._producer.produce(name, value, subject.encode())
        assert self._producer.flush(60) == 0
        return point.time


def opened(deployment: Deployment) -> dict[str, AnomalyAlert]:
    """Alerts that opened an incident, by subject and start."""
    alerts = [record for _, record in deployment.records(ALERTS_ANOMALIES)]
    return {
        f"{a.subject}@{a.started_at}": a
        for a in alerts if json.loads(a.evidence)["change"] == "opened"
    }  # fmt: skip


@stamina.retry(on=KafkaException, timeout=180, attempts=None)
def applied(deployment: Deployment) -> int:
    """Opinions whose place the worker has committed, which it does once they are in its state."""
    settings = deployment.settings
    place = TopicPartition(settings.topic(ALERTS_FEEDBACK.name), 0)
    group = settings.topic(f"warmfront-{WORKERS}")
    asking = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": group})
    try:
        return sum(max(p.offset, 0) for p in asking.committed([place], timeout=30))
    finally:
        asking.close()


def say(deployment: Deployment, monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    for name, value in deployment.environment.items():
        monkeypatch.setenv(name, value)
    arguments = ["alerts", *words]
    said = CliRunner().invoke(build(arguments), arguments)
    assert said.exit_code == 0, said.output


def test_opinions_are_learned_and_outlive_the_worker(
    kafka_bootstrap, registry_url, topic_prefix, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("WARMFRONT_ALERTS_PER_DAY", "100")
    with deployed(kafka_bootstrap, registry_url, topic_prefix, tmp_path) as deployment:
        judges = Judges(deployment)
        deployment.start_worker()
        deployment.wait_for_work()
        for subject in ("user/ada", "user/bob", "user/cyd"):
            judges.tell(subject, 0.8)
        deployment.wait_for(lambda: len(opened(deployment)) == 3, "three alerts")
        names = {alert.subject: alert.incident_id for alert in opened(deployment).values()}
        say(deployment, monkeypatch, "reject", names["user/ada"], "--note", "a backup")
        say(deployment, monkeypatch, "ack", names["user/bob"])
        assert len(deployment.records(ALERTS_FEEDBACK)) == 2
        deployment.wait_for(lambda: applied(deployment) == 2, "both opinions in the worker's state")
        deployment.kill_a_worker(random.Random(1))
        deployment.wait_for_work()
        again = {name: judges.tell(name, 0.8) for name in ("user/ada", "user/bob")}
        weaker = judges.tell("user/bob", 0.7)
        stronger = judges.tell("user/ada", 0.95)
        last = judges.tell("user/cyd", 0.8)
        deployment.wait_for(lambda: f"user/cyd@{last}" in opened(deployment), "the last alert")
        told = opened(deployment)
    assert f"user/ada@{again['user/ada']}" not in told, "no anomaly, said somebody"
    assert f"user/ada@{stronger}" in told, "but this is more"
    assert f"user/bob@{again['user/bob']}" in told, "as strong as what was acknowledged"
    assert f"user/bob@{weaker}" not in told
