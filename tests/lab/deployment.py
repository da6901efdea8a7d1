"""The allocator as an operator runs it: its own process, on Kafka, with clouds.yaml."""

import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import Producer
from msgspec import Struct

from allocator.worker import EXIT_START_AGAIN
from infra.local.spawn import Process, kill, spawn, stop
from infra.openstack_lab.layout import Lab
from schemas.codec import Codec
from schemas.records import (
    AllocationEvent,
    AllocationRequest,
    Candidate,
    ProgramPrediction,
    ReserveStatus,
    ShadowEvent,
)
from schemas.registry import RegistryIds
from schemas.settings import Settings
from schemas.topics import (
    ALLOCATION_EVENTS,
    ALLOCATION_REQUESTS,
    PREDICTIONS_PROGRAMS,
    RESERVE_STATUS,
    SHADOW_EVENTS,
    Topic,
)
from streams.runtime.topic_admin import create_topics
from tests.testkit.telemetry import read_all

COMMAND = ("allocator", "--cloud", "openstack", "--os-cloud", "lab", "--poll-s", "2")
STOP_S = 120


class Deployment:
    """One pool's deployment under a topic prefix of its own.

    Parameters
    ----------
    lab
        Where instances are made.
    settings
        Of the deployment; its prefix is the owner's tag too.
    pool
        The only pool that is asked for.
    options
        Of the command, besides those that all have.
    """

    def __init__(
        self, lab: Lab, settings: Settings, pool: str, options: Sequence[str] = ()
    ) -> None:
        self._lab = lab
        self._options = options
        self.settings = settings
        self._pool = pool
        self._codec = Codec(
            RegistryIds(settings.registry_url, settings.schema_cache), settings.topic_prefix
        )
        self._producer = Producer(
            {"bootstrap.servers": settings.bootstrap_servers, "partitioner": "murmur2_random"}
        )
        self._process: Process | None = None
        self.kills = 0
        create_topics(settings)

    @property
    def log(self) -> Path:
        """What the allocator has to say."""
        return self.settings.state_dir / "allocator.log"

    def start(self) -> None:
        """Start the allocator."""
        settings = self.settings
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
            "WARMFRONT_REGISTRY_URL": settings.registry_url,
            "WARMFRONT_TOPIC_PREFIX": settings.topic_prefix,
            "WARMFRONT_STATE_DIR": str(settings.state_dir),
            "WARMFRONT_POOLS_FILE": str(settings.pools_file),
            "WARMFRONT_PROGRAMS_FILE": str(settings.programs_file),
            "WARMFRONT_SHADOW_FILE": str(settings.shadow_file),
            "OS_CLIENT_CONFIG_FILE": str(self._lab.clouds_yaml),
        }
        program = Path(sys.executable).with_name("warmfront")
        with self.log.open("ab") as output:
            self._process = spawn(
                [program, *COMMAND, *self._options], output=output, env=environment
            )

    def supervise(self) -> None:
        """Start the allocator again where it ended to be, as where its group has given it up."""
        if self._process is not None and self._process.poll() == EXIT_START_AGAIN:
            self.start()

    def kill(self) -> None:
        """Kill the allocator without warning."""
        assert self._process is not None
        self.supervise()
        assert self._process.poll() is None, self.tail()
        kill(self._process)
        self.kills += 1

    def stop(self) -> int:
        """Ask the allocator to end; return its exit code."""
        assert self._process is not None
        return stop(self._process, STOP_S)

    def ask(self, request_id: str, kind: str = "REQUEST", user: str = "ann") -> None:
        """Send a request."""
        request = AllocationRequest(
            request_id=request_id, kind=kind, user=user, program="mail", pool=self._pool,
            time=now_ms(),
        )  # fmt: skip
        self._send(ALLOCATION_REQUESTS, request, self._pool)

    def foretell(self, user: str, p: float) -> None:
        """Say how likely somebody is to start mail within some minutes, as a worker does."""
        made_ms = now_ms()
        candidate = Candidate(program="mail", p_next=p, p_1m=0.0, p_5m=p, p_15m=p, p_60m=p)
        prediction = ProgramPrediction(
            prediction_id=f"{user}-{made_ms}", user=user, after_program="editor", made_at=made_ms,
            candidates=[candidate], model="test", pool=self._pool,
        )  # fmt: skip
        self._send(PREDICTIONS_PROGRAMS, prediction, user)

    def events(self) -> list[AllocationEvent]:
        """Return what was told about requests and instances."""
        return self._read(ALLOCATION_EVENTS, AllocationEvent)

    def shadows(self) -> list[ShadowEvent]:
        """Return what was told about shadow runs."""
        return self._read(SHADOW_EVENTS, ShadowEvent)

    def assigned(self) -> dict[str, set[str | None]]:
        """Return the instances that each request was answered with."""
        answers: dict[str, set[str | None]] = defaultdict(set)
        for event in self.events():
            if event.kind == "ASSIGNED":
                answers[str(event.request_id)].add(event.instance_id)
        return answers

    def status(self) -> ReserveStatus | None:
        """Return the pool's last status."""
        told = [s for s in self._read(RESERVE_STATUS, ReserveStatus) if s.pool == self._pool]
        return max(told, key=lambda status: status.time, default=None)

    def tail(self) -> str:
        """Return the end of the log."""
        return self.log.read_text()[-3000:]

    def _send(self, topic: Topic, record: Struct, key: str) -> None:
        value = self._codec.encode(topic, record)
        self._producer.produce(self.settings.topic(topic.name), value, key.encode())
        assert self._producer.flush(60) == 0, "Kafka does not take it"

    def _read(self, topic, record):
        self.supervise()
        name = self.settings.topic(topic.name)
        return [
            self._codec.decode(topic, message.value(), record)
            for message in read_all(self.settings.bootstrap_servers, name)
        ]


def now_ms() -> int:
    return time.time_ns() // 1_000_000
