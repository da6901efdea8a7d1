"""A page that began before a topic was made, as after an upgrade, follows it from then on."""

import time
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from schemas.connection import kafka_config
from schemas.records import ShadowEvent
from schemas.topics import SHADOW_EVENTS
from streams.dashboard.feed import Feed
from streams.runtime.topic_admin import create_topics
from tests.testkit.pipeline import START_S, Deployment, deployed, wait_for

pytestmark = pytest.mark.integration


@pytest.fixture
def deployment(kafka_bootstrap, registry_url, tmp_path) -> Iterator[Deployment]:
    prefix = f"late-{uuid.uuid4().hex[:8]}."
    with deployed(kafka_bootstrap, registry_url, prefix, tmp_path) as made:
        yield made


def remove(deployment: Deployment, name: str) -> None:
    admin = AdminClient(kafka_config(deployment.settings))
    for future in admin.delete_topics([name]).values():
        future.result(60)
    wait_for(lambda: name not in admin.list_topics(timeout=60).topics, "the topic to go", START_S)


def test_a_topic_that_comes_later_is_shown(deployment) -> None:
    settings, name = deployment.settings, deployment.settings.topic(SHADOW_EVENTS.name)
    remove(deployment, name)
    feed = Feed(settings, deployment.codec)
    feed.start()
    try:
        wait_for(lambda: feed.is_caught_up, "the page to catch up without it", START_S)
        create_topics(settings)
        now_ms = time.time_ns() // 1_000_000
        event = ShadowEvent(
            event_id="r", pool="office", user="ann", program="mail", kind="STARTED", time=now_ms,
            probability=0.9, value=1.0, reason="likely",
        )  # fmt: skip
        producer = Producer(kafka_config(settings))
        producer.produce(name, deployment.codec.encode(SHADOW_EVENTS, event), b"ann")
        assert producer.flush(60) == 0
        wait_for(lambda: feed.known.counts[SHADOW_EVENTS.name] > 0, "the event", START_S)
    finally:
        feed.stop()
