"""Apicurio Registry on this machine: the Confluent registry API from one pinned archive.

Its data is an H2 file, so the ids that messages carry stay valid over restarts.
"""

import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Self

from infra.local import artifacts, ports
from infra.local.java import REGISTRY_MINIMUM, find_java
from infra.local.served import Served
from infra.local.server import Server
from infra.local.spawn import Command

LOCK = Path(__file__).with_name("registry.lock.json")
HEAP_MB = 256
API_PATH = "/apis/ccompat/v7"


@dataclass
class LocalRegistry(Served):
    """A schema registry in one process, tied to the life of this process.

    Parameters
    ----------
    data_dir
        Keeps the schemas and the log.
    port, management_port
        On the loopback address; 0 takes a free one.
    heap_mb
        Java heap in MB.

    Examples
    --------
    >>> LocalRegistry(Path("/tmp/r"), port=8081).url
    'http://127.0.0.1:8081/apis/ccompat/v7'
    """

    data_dir: Path
    port: int = 0
    heap_mb: int = HEAP_MB
    management_port: int = 0

    def __post_init__(self) -> None:
        self.data_dir = self.data_dir.absolute()
        self.port = self.port or ports.free_port()
        self.management_port = self.management_port or ports.free_port()

    @property
    def url(self) -> str:
        """The address for clients of the Confluent API."""
        return f"http://{ports.LOOPBACK}:{self.port}{API_PATH}"

    @cached_property
    def server(self) -> Server:
        """The process: pid, log, pause, resume, memory."""
        return Server("registry", self.data_dir, self.port, self._command, self._is_ready)

    def prepare(self) -> Self:
        """Do what only the first start needs: download and unpack."""
        installed()
        return self

    def _command(self) -> Command:
        options = {
            "quarkus.http.host": ports.LOOPBACK,
            "quarkus.http.port": self.port,
            "quarkus.management.host": ports.LOOPBACK,
            "quarkus.management.port": self.management_port,
            "quarkus.http.access-log.enabled": "false",  # else the log grows with every request
            "apicurio.storage.kind": "sql",
            "apicurio.storage.sql.kind": "h2",
            # On disk before the answer: an id that is lost in a crash would be given out again.
            "apicurio.datasource.url": f"jdbc:h2:file:{self.data_dir / 'registry'};WRITE_DELAY=0",
            "apicurio.datasource.jdbc.initial-size": 1,
            "apicurio.datasource.jdbc.min-size": 1,
            "apicurio.datasource.jdbc.max-size": 8,
        }
        return [
            str(find_java(REGISTRY_MINIMUM)),
            f"-Xmx{self.heap_mb}m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",  # serves a few requests an hour: C2 never pays here
            "-XX:+ExitOnOutOfMemoryError",
            *(f"-D{key}={value}" for key, value in options.items()),
            "-jar",
            str(installed() / "quarkus-run.jar"),
        ]

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/subjects", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == HTTPStatus.OK)
        except (OSError, HTTPException):
            return False


def install_dir() -> Path:
    """Return where the unpacked registry lives, named by the archive's hash."""
    (archive,) = artifacts.read_lock(LOCK)
    return artifacts.cache_dir() / f"registry-{archive.sha256[:12]}"


def installed() -> Path:
    """Return the folder with the unpacked registry, downloading and unpacking it the first time."""
    folder = install_dir()
    if not folder.exists():
        cache = artifacts.cache_dir() / "maven"
        (archive,) = artifacts.fetch(artifacts.read_lock(LOCK), cache)
        _unpack(archive, folder)
        archive.unlink()  # 151 MiB that the unpacked copy makes superfluous
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack next to the folder and rename, so that an interrupted start leaves no half of it."""
    part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unpacking-"))
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(part, filter="data")
        (runner,) = part.rglob("quarkus-run.jar")
        runner.parent.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
