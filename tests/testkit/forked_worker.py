"""Workers forked from a process that has imported and compiled everything already.

A start takes 0.5 s of a core instead of 5: for tests that start one after another. Linux only, as
`prctl` is.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from schemas import crash_points

PR_SET_PDEATHSIG = 1
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.testkit.warmed"])


class ForkedWorker:
    """A worker's process, with what tests use of a `subprocess.Popen`.

    Parameters
    ----------
    environment
        Variables on top of this process's.
    log
        File that its output is appended to.
    """

    args = ("warmfront", "worker")

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        arguments = (dict(environment), str(log))
        self._process = FORKS.Process(target=_run, args=arguments, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, a signal's number negated; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end; returns the exit code."""
        self._process.join(timeout)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)


def _run(environment: dict[str, str], log: str) -> None:
    """Be `warmfront worker` in an environment."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(out, number)
    os.environ.update(environment)
    crash_points._folder = environment.get(crash_points.FOLDER, "")
    sys.argv = list(ForkedWorker.args)
    from streams.cli import main  # noqa: PLC0415 - as late as the command does

    main()
