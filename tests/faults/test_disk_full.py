"""The disk is full: what must be on it is not pretended to be, and work goes on when there is room.

The kernel refuses every write to a file (RLIMIT_FSIZE), as on a full disk, which needs no root.
Only the soft limit is set, so that it can be lifted again.
"""

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streams.collect.checkpoint import Checkpoint, CheckpointFile
from streams.collect.numbering import BLOCK, Numbering
from streams.collect.open_runs import OpenRuns
from streams.runtime.guard import EXIT_FATAL
from tests.testkit.pipeline import REPOSITORY

pytestmark = pytest.mark.faults


@contextmanager
def full_disk() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_no_number_is_given_that_is_not_reserved_on_the_disk(tmp_path: Path) -> None:
    numbering = Numbering(tmp_path, "desk")
    given = [numbering.take() for _ in range(BLOCK)]
    for _ in range(3):
        with full_disk(), pytest.raises(OSError, match="File too large"):
            numbering.take()
    given += [numbering.take() for _ in range(BLOCK // 2)]
    killed_and_restarted(numbering)
    assert given == sorted(set(given))
    assert Numbering(tmp_path, "desk").take() > given[-1], "no number is given twice"


def killed_and_restarted(numbering: Numbering) -> None:
    """Let go of the lock alone, as the kernel does: nothing is given back."""
    numbering._file.close()


def test_a_replays_place_stays_the_one_before(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path, "recording")
    file.write(Checkpoint(topic_id="t", source="s", shift_ms=0, events=100))
    with full_disk(), pytest.raises(OSError, match="File too large"):
        file.write(Checkpoint(topic_id="t", source="s", shift_ms=0, events=200))
    kept = file.read("t")
    assert kept is not None
    assert kept.events == 100
    file.write(Checkpoint(topic_id="t", source="s", shift_ms=0, events=300))
    assert file.read("t").events == 300


def test_a_collectors_runs_stay_those_before(tmp_path: Path) -> None:
    runs = OpenRuns(tmp_path, "desk")
    runs.keep([])
    with full_disk(), pytest.raises(OSError, match="File too large"):
        runs.keep([("ada", "vim", "s", 1.0)])
    assert runs.read() == set()
    runs.keep([("ada", "vim", "s", 1.0)])
    assert len(runs.read()) == 1


def test_a_worker_ends_even_where_it_can_not_say_why(tmp_path: Path) -> None:
    """Else the exception of the log would leave the agent, and Faust would ack the event."""
    child = (
        "import resource, signal; from streams.runtime.guard import end_process\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "try:\n"
        "    end_process('step failed')\n"
        "except OSError:\n"
        "    pass\n"
    )
    with (tmp_path / "log").open("wb") as log:
        done = subprocess.run(
            [sys.executable, "-u", "-c", child],
            stdout=log, stderr=log, cwd=REPOSITORY, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == EXIT_FATAL
    assert (tmp_path / "log").read_text() == "", "there was no room for a word"
