"""A Kafka Connect worker on this machine, from pinned artifacts."""

import urllib.request
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Self

from infra.connect.plugins import install_plugins, worker_jars
from infra.local import ports
from infra.local.broker import LOG4J
from infra.local.java import BROKER_MINIMUM, find_java
from infra.local.served import Served
from infra.local.server import Server
from infra.local.spawn import Command

HEAP_MB = 384


@dataclass
class LocalConnect(Served):
    """A Connect worker in one process, tied to the life of this process.

    Parameters
    ----------
    data_dir
        Keeps the plugins, the configuration and the log; what the sinks did is in Kafka.
    bootstrap
        Kafka's addresses.
    port
        Of the REST API, on the loopback address; 0 takes a free one.
    prefix
        Before the names of its group and of its three topics.
    replication
        Of its topics.
    heap_mb
        Java heap in MB; resident memory was 290 MB with two sinks.

    Examples
    --------
    >>> LocalConnect(Path("/tmp/c"), "127.0.0.1:9092", port=8083).url
    'http://127.0.0.1:8083'
    """

    data_dir: Path
    bootstrap: str
    port: int = 0
    prefix: str = ""
    replication: int = 1
    heap_mb: int = HEAP_MB

    def __post_init__(self) -> None:
        self.data_dir = self.data_dir.absolute()
        self.port = self.port or ports.free_port()

    @property
    def url(self) -> str:
        """The address of the REST API."""
        return f"http://{ports.LOOPBACK}:{self.port}"

    @cached_property
    def server(self) -> Server:
        """The process: pid, log, memory."""
        return Server(
            "connect", self.data_dir, self.port, self._command, self._is_ready, output="connect.out"
        )

    def prepare(self) -> Self:
        """Do what only the first start needs: download, compile; and write the configuration."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        install_plugins(self.data_dir / "plugins")
        if self.server.pid is None:
            lines = (f"{key}={value}\n" for key, value in self._configuration().items())
            self._properties.write_text("".join(lines))
            self._log4j.write_text(LOG4J.format(log=self.server.log))
        return self

    @property
    def _properties(self) -> Path:
        return self.data_dir / "worker.properties"

    @property
    def _log4j(self) -> Path:
        return self.data_dir / "log4j2.properties"

    def _configuration(self) -> dict[str, str]:
        topics = {
            f"{kind}.storage.{key}": value
            for kind in ("config", "offset", "status")
            for key, value in (
                ("topic", f"{self.prefix}connect-{kind}"),
                ("replication.factor", str(self.replication)),
            )
        }
        return {
            "bootstrap.servers": self.bootstrap,
            "group.id": f"{self.prefix}connect",
            "listeners": self.url,
            **topics,
            "offset.storage.partitions": "1",
            "status.storage.partitions": "1",
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "value.converter": "org.apache.kafka.connect.storage.StringConverter",
            "plugin.path": str(self.data_dir / "plugins"),
            # Scanning every jar instead took 109 s on two busy cores.
            "plugin.discovery": "service_load",
            "offset.flush.interval.ms": "2000",
            "consumer.isolation.level": "read_committed",
            "consumer.auto.offset.reset": "earliest",
        }

    def _command(self) -> Command:
        return [
            str(find_java(BROKER_MINIMUM)),
            f"-Xmx{self.heap_mb}m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:+ExitOnOutOfMemoryError",
            f"-Dlog4j2.configurationFile={self._log4j}",
            "-cp",
            ":".join(map(str, worker_jars())),
            "org.apache.kafka.connect.cli.ConnectDistributed",
            str(self._properties),
        ]

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/connectors", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == HTTPStatus.OK)
        except (OSError, HTTPException):
            return False
