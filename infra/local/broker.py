"""A real Apache Kafka on this machine, without Docker: one KRaft node from pinned artifacts."""

import base64
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self

from infra.local import artifacts, ports
from infra.local.java import BROKER_MINIMUM, find_java
from infra.local.served import Served
from infra.local.server import READY_TIMEOUT_S, Server, ServerError
from infra.local.spawn import Command

LOCK = Path(__file__).with_name("kafka.lock.json")
HEAP_MB = 256  # 64 MB survives as well, at half the messages per second; RSS differs by 30 MB

# One broker, few partitions for its own topics, and no waiting for members that won't come.
SINGLE_NODE = {
    "auto.create.topics.enable": "false",  # a misspelt topic is an error and not a new topic
    "num.partitions": "1",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "2",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "log.segment.bytes": "134217728",
    # After a crash the controller holds the old registration until its session ends: a restart
    # took 15 s with the default of 9 s, 8 s with this.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}

# The broker writes its log itself and keeps it within 20 MB; the JVM alone uses standard output.
LOG4J = """\
status=error
appender.file.type=RollingFile
appender.file.name=FILE
appender.file.fileName={log}
appender.file.filePattern={log}.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=[%d] %p %m (%c)%n
appender.file.policies.type=SizeBasedTriggeringPolicy
appender.file.policies.size=10MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=1
rootLogger.level=info
rootLogger.appenderRef.file.ref=FILE
"""


@dataclass
class LocalKafka(Served):
    """A KRaft broker and controller in one process, tied to the life of this process.

    Parameters
    ----------
    data_dir
        Keeps the data, the configuration and the log; formatted once, at the first start.
    port, controller_port
        On the loopback address; 0 takes a free one.
    heap_mb
        Java heap in MB; the process's resident memory is about 200 MB more.
    settings
        Broker settings on top of SINGLE_NODE.
    node_id, voters
        For a node of a cluster: its number, and `id@host:port` of every controller.

    Examples
    --------
    >>> kafka = LocalKafka(Path("/tmp/k"), port=9092, controller_port=9093)
    >>> kafka.bootstrap
    '127.0.0.1:9092'
    """

    data_dir: Path
    port: int = 0
    heap_mb: int = HEAP_MB
    controller_port: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    node_id: int = 1
    voters: str = ""
    cluster_id: str = ""

    def __post_init__(self) -> None:
        self.data_dir = self.data_dir.absolute()
        self.port = self.port or ports.free_port()
        self.controller_port = self.controller_port or ports.free_port()

    @property
    def bootstrap(self) -> str:
        """The address for clients, `host:port`."""
        return f"{ports.LOOPBACK}:{self.port}"

    @cached_property
    def server(self) -> Server:
        """The process: pid, log, pause, resume, memory."""
        return Server(
            "kafka", self.data_dir, self.port, self._command, self._is_ready, output="kafka.out"
        )

    def prepare(self) -> Self:
        """Do what only the first start needs: download, format; and write the configuration."""
        if self.server.pid is None:
            self._write_configuration()
            self._format_once()
        return self

    @cached_property
    def _classpath(self) -> str:
        jars = artifacts.fetch(artifacts.read_lock(LOCK), artifacts.cache_dir() / "maven")
        return ":".join(map(str, jars))

    def _command(self) -> Command:
        return [*self._java(self.heap_mb), "kafka.Kafka", str(self._properties)]

    def _java(self, heap_mb: int) -> list[str]:
        return [
            str(find_java(BROKER_MINIMUM)),
            f"-Xmx{heap_mb}m",
            "-XX:+UseSerialGC",
            # C1 only. On two shared cores C2 costs more than it returns: starting took 5.7 s of CPU
            # with it and 3.7 s without, 300 k records in and out 3.0 s and 1.8 s.
            "-XX:TieredStopAtLevel=1",
            "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={self.data_dir / 'log4j2.properties'}",
            "-cp",
            self._classpath,
        ]

    @property
    def _properties(self) -> Path:
        return self.data_dir / "server.properties"

    def _is_ready(self) -> bool:
        # The port opens before the broker serves, the line comes before the port accepts.
        log = self.server.log
        started = log.exists() and "Kafka Server started" in log.read_text(errors="replace")
        return started and ports.answers(self.port)

    def _write_configuration(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        lines = (f"{key}={value}\n" for key, value in self._configuration().items())
        self._properties.write_text("".join(lines))
        (self.data_dir / "log4j2.properties").write_text(LOG4J.format(log=self.server.log))

    def _configuration(self) -> dict[str, str]:
        client = f"PLAINTEXT://{self.bootstrap}"
        controller = f"{ports.LOOPBACK}:{self.controller_port}"
        return {
            "process.roles": "broker,controller",
            "node.id": str(self.node_id),
            "controller.quorum.voters": self.voters or f"{self.node_id}@{controller}",
            "listeners": f"{client},CONTROLLER://{controller}",
            "advertised.listeners": client,
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self.data_dir / "logs"),
            **SINGLE_NODE,
            **self.settings,
        }

    def _format_once(self) -> None:
        if (self.data_dir / "logs" / "meta.properties").exists():
            return
        command = [*self._java(128), "kafka.tools.StorageTool", "format"]
        command += ["-t", self.cluster_id or new_cluster_id(), "-c", str(self._properties)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=READY_TIMEOUT_S, check=False
        )
        if done.returncode != 0:
            raise ServerError(f"formatting {self.data_dir} failed: {done.stdout}{done.stderr}")


def new_cluster_id() -> str:
    """Return a new KRaft cluster id: 16 bytes, base64url, not starting with a dash."""
    name = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return name.replace("-", "A", 1) if name.startswith("-") else name
