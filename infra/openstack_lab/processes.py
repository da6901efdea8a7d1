"""Starts the lab's processes beside this one, and ends them by their recorded ids."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import psutil

from infra.local import pidfile
from infra.local.ports import answers
from infra.openstack_lab.layout import Lab, LabError

POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Program:
    """A process of the lab.

    Parameters
    ----------
    name
        Of its pid file and log.
    command
        What is run.
    port
        Where it listens; 0 for nowhere.
    environment
        Variables on top of the lab's.
    """

    name: str
    command: Sequence[str]
    port: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)


def start(lab: Lab, program: Program) -> None:
    """Start a program in its own session, unless it runs.

    Raises
    ------
    LabError
        If something else listens on its port.
    """
    if is_alive(lab, program.name):
        return
    if program.port and answers(program.port):
        raise LabError(
            f"port {program.port}, which {program.name} needs, is taken by another process"
        )
    (lab.state / "pid").mkdir(exist_ok=True)
    with (lab.logs / f"{program.name}.log").open("ab") as log:
        process = subprocess.Popen(
            list(program.command), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, cwd=lab.state,
            env={**os.environ, **lab.environment, **program.environment},
        )  # fmt: skip
    pidfile.write(lab.state / "pid" / program.name, process.pid, program.port)


def is_alive(lab: Lab, name: str) -> bool:
    """Tell whether the process that was started under a name still runs."""
    return pidfile.read(lab.state / "pid" / name) is not None


def kill(lab: Lab, name: str) -> bool:
    """Send SIGKILL to a program and its children; return whether there was one."""
    return _signal(lab, name, signal.SIGKILL)


def stop(lab: Lab, name: str, deadline_s: float = 20.0) -> None:
    """Ask a program to end, and kill it after the deadline."""
    if not _signal(lab, name, signal.SIGTERM):
        return
    ends_s = time.monotonic() + deadline_s
    while is_alive(lab, name) and time.monotonic() < ends_s:
        time.sleep(POLL_S)
    _signal(lab, name, signal.SIGKILL)
    (lab.state / "pid" / name).unlink(missing_ok=True)


def started(lab: Lab) -> list[str]:
    """Return the names of the programs that run."""
    folder = lab.state / "pid"
    names = sorted(p.name for p in folder.iterdir()) if folder.exists() else []
    return [name for name in names if is_alive(lab, name)]


def wait_for(lab: Lab, program: Program, is_ready: Callable[[], bool], deadline_s: float) -> None:
    """Wait until a program is ready.

    Raises
    ------
    LabError
        If it ends, or is not ready by the deadline; with its last log lines.
    """
    ends_s = time.monotonic() + deadline_s
    while not is_ready():
        if not is_alive(lab, program.name):
            raise LabError(f"{program.name} has ended: {tail(lab, program.name)}")
        if time.monotonic() > ends_s:
            raise LabError(
                f"{program.name} was not ready in {deadline_s:.0f} s: {tail(lab, program.name)}"
            )
        time.sleep(POLL_S)


def tail(lab: Lab, name: str, lines: int = 8) -> str:
    """Return the last lines of a log, and where it is."""
    path = lab.logs / f"{name}.log"
    text = path.read_text(errors="replace") if path.exists() else ""
    return f"see {path}\n" + "\n".join(text.splitlines()[-lines:])


def _signal(lab: Lab, name: str, number: int) -> bool:
    """Signal the process and all it started, by the ids that were recorded."""
    served = pidfile.read(lab.state / "pid" / name)
    if served is None:
        return False
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
        members = [psutil.Process(served.pid), *psutil.Process(served.pid).children(recursive=True)]
        for member in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.send_signal(number)
    return True
