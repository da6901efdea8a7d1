"""A server process on a data folder: start, readiness, stop, kill, restart."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

from infra.local import pidfile, spawn
from infra.local.logfile import BoundedLog
from infra.local.ports import is_free

READY_TIMEOUT_S = 300.0  # 36 s was measured on two cores under a load of 12
STOP_TIMEOUT_S = 20.0
_POLL_S = 0.1


class ServerError(RuntimeError):
    """A server can't be started; the message has the reason and the end of its log."""


@dataclass
class Server:
    """A program that serves one port from one folder.

    Parameters
    ----------
    folder
        Holds the pid file and the log `<name>.log`; the log of the run before is `<name>.log.1`.
    output
        File for standard output where the program writes its log by itself; empty: the log.
    command
        Called at each start: what to run.
    is_ready
        Called until it returns True.
    """

    name: str
    folder: Path
    port: int
    command: Callable[[], spawn.Command]
    is_ready: Callable[[], bool]
    output: str = ""
    process: spawn.Process | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The pid of the running server, ours or one found by its pid file."""
        if self.process is not None:
            return self.process.pid if self.process.poll() is None else None
        served = pidfile.read(self._pid_file)
        return served.pid if served else None

    @property
    def is_ours(self) -> bool:
        """Whether this object started the server (and so stops it)."""
        return self.process is not None

    def launch(self) -> Self:
        """Start the process without waiting, or find the one that serves the folder already."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.pid is not None:
            self._check_found_port()
            return self
        if not is_free(self.port):
            raise ServerError(
                f"{self.name}: port {self.port} is taken by another program; stop it or choose "
                "another port"
            )
        self._keep_previous_log()
        with (self.folder / (self.output or self.log.name)).open("wb") as output:
            self.process = spawn.spawn(self.command(), output=output, cwd=self.folder)
        pidfile.write(self._pid_file, self.process.pid, self.port)
        return self

    def wait_until_ready(self, timeout_s: float = READY_TIMEOUT_S) -> Self:
        """Return when the server answers; raise ServerError when it ends or takes too long."""
        give_up = time.monotonic() + timeout_s
        while not self.is_ready():
            if self.pid is None:
                raise ServerError(f"{self.name} ended while starting.\n{self.log_tail()}")
            if time.monotonic() > give_up:
                tail = self.log_tail()
                self.kill()
                raise ServerError(f"{self.name} isn't ready after {timeout_s:.0f} s.\n{tail}")
            time.sleep(_POLL_S)
        return self

    def start(self) -> Self:
        return self.launch().wait_until_ready()

    def exit_code(self) -> int | None:
        """Return None while it runs; 1 for one that was found and is gone."""
        if self.process is not None:
            return self.process.poll()
        return None if self.pid is not None else 1

    def stop(self, deadline_s: float = STOP_TIMEOUT_S) -> None:
        """Stop the server if this object started it; one that was found keeps running."""
        if (process := self.process) is not None:
            spawn.stop(process, deadline_s)
            self._forget()

    def kill(self) -> None:
        """End it at once, as a crash would (SIGKILL)."""
        if self.process is not None:
            spawn.kill(self.process)
            self._forget()

    def pause(self) -> None:
        """Hold the process (SIGSTOP): its connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def rss_bytes(self) -> int:
        """Return the resident memory, 0 where it doesn't run."""
        return psutil.Process(self.pid).memory_info().rss if self.pid is not None else 0

    def log_tail(self) -> str:
        """Return the end of what it said, with the names of the files."""
        files = dict.fromkeys([self.folder / (self.output or self.log.name), self.log])
        return "\n".join(f"The end of {file}:\n{BoundedLog(file).tail()}" for file in files)

    @property
    def _pid_file(self) -> Path:
        return self.folder / f"{self.name}.pid"

    def _check_found_port(self) -> None:
        served = pidfile.read(self._pid_file)
        if served is not None and served.port != self.port:
            raise ServerError(
                f"{self.name}: process {served.pid} serves {self.folder} on port {served.port} "
                f"already, not on {self.port}; stop it first"
            )

    def _keep_previous_log(self) -> None:
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))

    def _forget(self) -> None:
        self.process = None
        self._pid_file.unlink(missing_ok=True)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is None:
            raise ServerError(f"{self.name} was not started here")
        self.process.send_signal(number)
