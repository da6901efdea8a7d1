"""Starts child processes that can't outlive this process, and stops them within a deadline."""

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from typing import IO

from infra.local import tether

Process = subprocess.Popen[bytes]
Command = Sequence[str | os.PathLike[str]]


def spawn(
    command: Command,
    *,
    output: IO[bytes] | int | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Process:
    """Start a command in its own session, killed by the kernel when this process dies.

    Parameters
    ----------
    output
        Where standard output and error go; None inherits them.
    env
        Variables on top of this process's.

    Raises
    ------
    FileNotFoundError
        When there is no such program.
    """
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(f"no program {command[0]}")

    def start() -> Process:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output is not None else None,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            start_new_session=True,  # Ctrl-C is for the parent, which stops children in order
        )

    return _spawner(os.getpid()).run(start)


def stop(process: Process, deadline_s: float) -> int:
    """Send SIGTERM, after the deadline SIGKILL, and return the exit code."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(deadline_s)
    except subprocess.TimeoutExpired:
        return kill(process)


def kill(process: Process) -> int:
    """Send SIGKILL (also ends a process held by SIGSTOP) and return the exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    return process.wait()


class _Spawner:
    """A thread that lives as long as the process and forks for all others.

    The kernel sends the death signal when the *thread* that forked ends, so a broker started from
    a short-lived thread would die with that thread.
    """

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[tuple[Callable[[], Process], Future[Process]]] = (
            queue.SimpleQueue()
        )
        threading.Thread(target=self._serve, name="spawner", daemon=True).start()

    def run(self, start: Callable[[], Process]) -> Process:
        answer: Future[Process] = Future()
        self._work.put((start, answer))
        return answer.result()

    def _serve(self) -> None:
        while True:
            start, answer = self._work.get()
            try:
                answer.set_result(start())
            except BaseException as error:  # noqa: BLE001 - the caller's result() raises it
                answer.set_exception(error)


@cache
def _spawner(pid: int) -> _Spawner:
    """Return this process's spawner; a forked copy of the process gets its own."""
    del pid
    return _Spawner()
