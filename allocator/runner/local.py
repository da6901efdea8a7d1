"""A runner of processes on this machine, for instances that are no machines of their own."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import suppress
from typing import IO

from allocator.runner.protocol import Command, Outcome, Place, RunEnd

_END_S = 2.0  # between asking a process to end and killing it
# What a child needs to find its programs; nothing else of ours, tokens least of all.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


class LocalRunner:
    r"""Implements `Runner` with child processes, each in a process group of its own.

    A command that ends with 0 at once, as a launcher does, is started; what it left behind in
    another session is not ended.

    Examples
    --------
    >>> runner = LocalRunner()
    >>> end = runner.execute(Command("step/hello", ("echo", "hello; world")), Place("i-1"))
    >>> end.outcome.value, end.output
    ('started', b'hello; world\n')
    >>> runner.execute(Command("step/none", ("no-such-program",)), Place("i-1")).detail
    'no-such-program: No such file or directory'
    """

    def __init__(self) -> None:
        self._running: dict[str, list[subprocess.Popen[bytes]]] = defaultdict(list)
        self._lock = threading.Lock()

    def execute(self, command: Command, place: Place) -> RunEnd:
        """Start a process; a step is waited for."""
        began_s = time.monotonic()
        with tempfile.TemporaryFile() as output:
            try:
                process = _spawn(command, output)
            except OSError as error:
                detail = f"{command.argv[0]}: {error.strerror}"
                return RunEnd(Outcome.START_FAILED, time.monotonic() - began_s, detail)
            outcome, detail = self._judge(command, process, place)
            output.seek(0)
            written = output.read(command.max_output_bytes)
        return RunEnd(outcome, time.monotonic() - began_s, detail, written)

    def end(self, place: Place) -> None:
        """End the processes of an instance and their children."""
        with self._lock:
            processes = self._running.pop(place.instance_id, [])
        _end(processes)

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            processes = [p for group in self._running.values() for p in group]
            self._running.clear()
        _end(processes)

    def _judge(
        self, command: Command, process: subprocess.Popen[bytes], place: Place
    ) -> tuple[Outcome, str]:
        wait_s = command.grace_s if command.keeps_running else command.timeout_s
        try:
            code = process.wait(wait_s)
        except subprocess.TimeoutExpired:
            if command.keeps_running:
                with self._lock:
                    self._running[place.instance_id].append(process)
                return Outcome.STARTED, "running"
            _end([process])
            return Outcome.START_FAILED, f"not done within {command.timeout_s:g} s"
        if code == 0:
            return Outcome.STARTED, "ended with 0"
        return Outcome.START_FAILED, f"ended with {code}"


def _spawn(command: Command, output: IO[bytes]) -> "subprocess.Popen[bytes]":
    # Only a step's output is kept: a program that stays would fill the disk.
    sink = subprocess.DEVNULL if command.keeps_running else output
    return subprocess.Popen(
        command.argv, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
        start_new_session=True, env={k: os.environ[k] for k in _PASSED_ON if k in os.environ},
    )  # fmt: skip


def _end(processes: "list[subprocess.Popen[bytes]]") -> None:
    """Ask, then kill; whole groups, so that no child stays."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    """Signal the group: its id can't be reused while one of it lives."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
