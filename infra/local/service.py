"""What the supervisor runs: a command with its log, or a server with its own life cycle."""

import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from infra.local import spawn
from infra.local.logfile import BoundedLog
from infra.local.restart import RestartPolicy
from infra.local.server import READY_TIMEOUT_S, Server

# How long the last words of a process that has ended are waited for.
LAST_WORDS_S = 2.0


class Service(Protocol):
    """A named process that can be started again and again.

    Its policy is None where a failure is not to be repaired. A job is to end with code 0 before
    the next service starts. One that starts beside the one before doesn't wait for it.
    """

    name: str
    policy: RestartPolicy | None
    is_job: bool
    beside: bool
    ready_timeout_s: float

    def start(self, log_dir: Path) -> None:
        """Start without waiting; what it prints goes to a file of the folder."""

    def exit_code(self) -> int | None:
        """Return None while it runs."""

    def is_ready(self) -> bool: ...

    def stop(self, deadline_s: float) -> None:
        """Send SIGTERM, after the deadline SIGKILL."""

    @property
    def pid(self) -> int | None: ...

    @property
    def log(self) -> Path: ...


@dataclass
class CommandService:
    """A command with its log file `<log dir>/<name>.log`.

    Parameters
    ----------
    env
        Variables on top of this process's.
    ready
        Called until it returns True; None: ready as soon as it runs.
    is_job
        It is to end with code 0 before the next service starts.
    beside
        It starts without waiting for the services before it.
    """

    name: str
    command: spawn.Command
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    ready: Callable[[], bool] | None = None
    policy: RestartPolicy | None = field(default_factory=RestartPolicy)
    is_job: bool = False
    beside: bool = False
    ready_timeout_s: float = READY_TIMEOUT_S
    _process: spawn.Process | None = field(default=None, init=False, repr=False)
    _log: BoundedLog | None = field(default=None, init=False, repr=False)
    _copying: threading.Thread | None = field(default=None, init=False, repr=False)

    def start(self, log_dir: Path) -> None:
        self._log = BoundedLog(log_dir / f"{self.name}.log")
        # Buffered lines would be lost with a process that is killed, and those are the ones needed.
        env = {"PYTHONUNBUFFERED": "1", **self.env}
        process = spawn.spawn(self.command, output=subprocess.PIPE, env=env, cwd=self.cwd)
        if process.stdout is not None:
            self._copying = self._log.follow(process.stdout)
        self._process = process

    def exit_code(self) -> int | None:
        code = None if self._process is None else self._process.poll()
        if code is not None and self._copying is not None:
            self._copying.join(LAST_WORDS_S)  # they are what its failure is told with
        return code

    def is_ready(self) -> bool:
        return self.ready is None or self.ready()

    def stop(self, deadline_s: float) -> None:
        if self._process is not None:
            spawn.stop(self._process, deadline_s)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def log(self) -> Path:
        return self._log.file if self._log else Path(f"{self.name}.log")


class Launchable(Protocol):
    """A local broker or registry."""

    @property
    def server(self) -> Server: ...

    def launch(self) -> object: ...


@dataclass
class ServerService:
    """A local broker or registry under supervision; it keeps its log in its own folder.

    One that runs already is used and left running.
    """

    name: str
    program: Launchable
    policy: RestartPolicy | None = field(default_factory=RestartPolicy)
    beside: bool = False
    ready_timeout_s: float = READY_TIMEOUT_S
    is_job: bool = field(default=False, init=False)

    def start(self, log_dir: Path) -> None:
        del log_dir
        self.program.launch()

    def exit_code(self) -> int | None:
        return self.program.server.exit_code()

    def is_ready(self) -> bool:
        return self.program.server.is_ready()

    def stop(self, deadline_s: float) -> None:
        self.program.server.stop(deadline_s)

    @property
    def pid(self) -> int | None:
        return self.program.server.pid

    @property
    def log(self) -> Path:
        return self.program.server.log
