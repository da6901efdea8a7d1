"""A guarded broker on which each role has a user with exactly its rules, and their processes."""

import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import Producer
from typer.testing import CliRunner

from infra.local import spawn
from infra.local.ports import free_port
from schemas.connection import kafka_config
from schemas.roles import ROLES
from schemas.settings import Settings
from schemas.topics import Topic
from streams.cli import build
from streams.runtime.access import allow, grants
from tests.testkit.pipeline import REPOSITORY, TOLD_CHARS, Deployment
from tests.testkit.secured_kafka import SecuredKafka

# Begins each secret that a process is given, and is looked for where it has no business to be.
CANARY = "canary-"
MEASURED = ("worker", "allocator", "dashboard", "collector")
SECRETS = {
    "WARMFRONT_REGISTRY_USERNAME": "somebody", "WARMFRONT_REGISTRY_PASSWORD": f"{CANARY}registry",
    "WARMFRONT_DASHBOARD_TOKEN": f"{CANARY}page", "WARMFRONT_ALERT_TOKEN": f"{CANARY}alerts",
}  # fmt: skip


@dataclass
class Guarded:
    """One deployment on a guarded broker.

    Parameters
    ----------
    kafka, registry_url, prefix
        Where it is.
    folder
        Each role gets a state folder in it, with its log.
    more
        What all processes are told besides, as environment variables.
    """

    kafka: SecuredKafka
    registry_url: str
    prefix: str
    folder: Path
    processes: dict[str, spawn.Process] = field(default_factory=dict)
    metrics_ports: dict[str, int] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)

    def admit_roles(self) -> None:
        """Make a user for each role, with the rules that `warmfront acls` gives it."""
        admin = self.kafka.admin(topic_prefix=self.prefix)
        for role in ROLES:
            self.kafka.add_user(role.name, _secret(role.name))
            allow(admin, f"User:{role.name}", grants(role, admin))

    def settings(self, role: str) -> Settings:
        state = self.folder / role
        state.mkdir(exist_ok=True)
        return self.kafka.settings(
            role, _secret(role), registry_url=self.registry_url, topic_prefix=self.prefix,
            state_dir=state, pools_file=REPOSITORY / "infra" / "pools.toml",
        )  # fmt: skip

    def environment(self, role: str) -> dict[str, str]:
        made = Deployment(self.settings(role)).environment
        secret = self.kafka.environment(role, _secret(role))
        return {**made, **secret, **SECRETS, **self.more}

    def measured(self, role: str) -> dict[str, str]:
        """The environment of a role's process, with a port for its metrics."""
        if role not in MEASURED:
            return self.environment(role)
        self.metrics_ports[role] = free_port()
        port = str(self.metrics_ports[role])
        return {**self.environment(role), "WARMFRONT_METRICS_PORT": port}

    def start(self, role: str, *arguments: str) -> None:
        """Start a command as a role's user."""
        deployment = Deployment(self.settings(role))
        with self._log(role).open("ab") as log:
            self.processes[role] = spawn.spawn(
                deployment.command(*arguments), output=log, env=self.measured(role),
                cwd=REPOSITORY,
            )  # fmt: skip

    def command(self, role: str, *arguments: str) -> str:
        """Run a command to its end as a role's user; returns what it printed."""
        argv = list(arguments)
        done = CliRunner().invoke(build(argv), argv, env=self.environment(role))
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout

    def said(self, role: str) -> str:
        """What a role's process said last."""
        return self._log(role).read_text(errors="replace")[-TOLD_CHARS:]

    def ended(self) -> dict[str, str]:
        """The processes that run no longer, and what they said."""
        return {role: self.said(role) for role, p in self.processes.items() if p.poll() is not None}

    def shown(self) -> dict[str, bytes]:
        """What each process that has metrics shows to whoever asks for them or its health.

        Nothing, of one that has just been started again and does not listen yet.
        """
        told = {}
        for role, port in self.metrics_ports.items():
            for path in ("metrics", "healthz", "readyz"):
                told[f"{role} {path}"] = _read(f"http://127.0.0.1:{port}/{path}")
        return told

    def denied(self) -> list[str]:
        """What the broker's authorizer has refused so far."""
        log = (self.kafka.folder / "kafka" / "kafka.log").read_text(errors="replace")
        return re.findall(r"Principal = .* is Denied .*", log)

    def tell(self, role: str, topic: Topic, value: bytes, key: bytes = b"office") -> None:
        """Write a message as a role's user."""
        settings = self.settings(role)
        producer = Producer(kafka_config(settings))
        producer.produce(settings.topic(topic.name), value, key)
        assert producer.flush(30) == 0

    def _log(self, role: str) -> Path:
        return self.settings(role).state_dir / f"{role}.log"


def _secret(role: str) -> str:
    return f"{CANARY}{role}-Zq8"


def _read(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=30) as reply:
            return bytes(reply.read())
    except urllib.error.HTTPError as error:  # not ready: the body says why
        return bytes(error.read())
    except OSError:
        return b""
