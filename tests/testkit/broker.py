"""Fixtures with a real Kafka and a real registry, started once a session.

KAFKA_BOOTSTRAP_SERVERS names a broker to use; else testcontainers starts one where a Docker engine
answers; else the local Kafka. WARMFRONT_REGISTRY_URL names a registry; else the local Apicurio.
"""

import os
import uuid
from collections.abc import Iterator

import pytest

from infra.local.broker import LocalKafka
from infra.registry.apicurio import LocalRegistry

# Nobody kills this one, and a machine that stands still for some seconds is no reason to take all
# leaders from it: with the 3 s that a local broker has, each partition is without one for a moment.
UNHURRIED = {"broker.session.timeout.ms": "60000"}


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap servers of a broker shared by all tests of the run."""
    if named := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield named
    elif docker_answers():
        from testcontainers.community.kafka import KafkaContainer  # noqa: PLC0415

        with KafkaContainer().with_kraft() as container:
            yield container.get_bootstrap_server()
    else:
        with LocalKafka(tmp_path_factory.mktemp("kafka"), settings=UNHURRIED) as kafka:
            yield kafka.bootstrap


@pytest.fixture(scope="session")
def registry_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The Confluent API address of a registry shared by all tests of the run."""
    if named := os.environ.get("WARMFRONT_REGISTRY_URL"):
        yield named
    else:
        with LocalRegistry(tmp_path_factory.mktemp("registry")) as registry:
            yield registry.url


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topics, groups and subjects that no other test has; it ends in a dot."""
    return f"t{uuid.uuid4().hex[:8]}."


def docker_answers() -> bool:
    """Tell whether a Docker engine can be used (2 ms where there is no socket)."""
    try:
        import docker  # noqa: PLC0415

        client = docker.from_env(timeout=2)
    except Exception:  # noqa: BLE001 - whatever it is, there is no engine to use
        return False
    try:
        return bool(client.ping())
    except Exception:  # noqa: BLE001
        return False
    finally:
        client.close()
