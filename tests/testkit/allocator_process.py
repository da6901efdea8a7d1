"""The allocator as a process of its own, on a simulated cloud with the times a test asks for."""

import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from allocator.worker import EXIT_START_AGAIN
from infra.local import spawn
from schemas.settings import Settings
from tests.testkit.pipeline import START_S, TOLD_CHARS, Deployment, Waited, wait_for

STOP_S = 120.0
LOOK_EVERY_S = 0.5

PROGRAM = """
import json, sys
from allocator.cloud.simulated import Simulation
from allocator.options import AllocatorOptions
from allocator.worker import run
from schemas.settings import Settings
simulation = Simulation(**json.loads(sys.argv[2]))
run(Settings(), AllocatorOptions(clock=sys.argv[1], poll_s=0.2, simulation=simulation))
"""


def start_allocator(
    settings: Settings, *, clock: str = "wall", shadow_file: Path | None = None,
    launch_median_s: float = 0.5, fault_rate: float = 0.0,
    environment: Mapping[str, str] | None = None,
) -> spawn.Process:  # fmt: skip
    """Start an allocator whose cloud rebuilds and deletes at once; it logs on allocator.log."""
    times = {
        "launch_median_s": launch_median_s, "rebuild_s": 0.3, "delete_s": 0.2,
        "fault_rate": fault_rate,
    }  # fmt: skip
    env = {**Deployment(settings).environment, **(environment or {})}
    if shadow_file is not None:
        env["WARMFRONT_SHADOW_FILE"] = str(shadow_file)
    command = [sys.executable, "-c", PROGRAM, clock, json.dumps(times)]
    with (settings.state_dir / "allocator.log").open("ab") as log:
        return spawn.spawn(command, output=log, env=env)


@dataclass
class KeptAllocator:
    """An allocator under a supervisor's eye: one that ended to be started again is.

    It ends so where its group has given it up, as on a machine that stood still for ten seconds.

    Parameters
    ----------
    settings
        The deployment.
    how
        What else `start_allocator` is told.
    """

    settings: Settings
    how: Mapping[str, Any] = field(default_factory=dict)
    process: spawn.Process | None = None
    _starting: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        self.process = start_allocator(self.settings, **self.how)

    def running(self) -> spawn.Process:
        """Its process; started again where it asked for that, and in no other case."""
        with self._starting:
            assert self.process is not None
            if self.process.poll() == EXIT_START_AGAIN:
                self.start()
            assert self.process.poll() is None, self.said()
            return self.process

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """Wait until a condition holds, while it runs."""

        def held() -> object:
            return self.running() and condition()

        wait_for(held, Waited(what, self.said), START_S)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Start it, and look after it from a thread until the block ends; then it is stopped."""
        is_over = threading.Event()

        def look() -> None:
            while not is_over.wait(LOOK_EVERY_S):
                self.running()

        self.start()
        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()
            self.stop()

    def kill(self) -> None:
        spawn.kill(self.running())

    def stop(self) -> None:
        """Ask it to end, which it does in good order."""
        assert spawn.stop(self.running(), STOP_S) == 0, self.said()

    def said(self) -> str:
        """What it said last, in all its lives."""
        log = self.settings.state_dir / "allocator.log"
        return log.read_text(errors="replace")[-TOLD_CHARS:] if log.exists() else ""
