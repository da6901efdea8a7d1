"""The disk is full: what must be on it is not pretended to be, and work goes on when there is room.

The kernel refuses every write to a file (RLIMIT_FSIZE), as on a full disk, which needs no root.
Only the soft limit is set, so that it can be lifted again.
"""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from schemas.records import ActivityBatch
from schemas.settings import Settings
from schemas.topics import TELEMETRY_ACTIVITY
from streams.collect.checkpoint import Checkpoint, CheckpointFile
from streams.collect.exclusive import NotKeptError
from streams.collect.numbering import BLOCK, Numbering
from streams.collect.open_runs import OpenRuns
from streams.collect.pseudonym import Pseudonyms
from streams.runtime.guard import EXIT_FATAL
from tests.testkit.pipeline import REPOSITORY, START_S, Deployment, deployed

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
        with full_disk(), pytest.raises(NotKeptError, match="File too large; it is as it was"):
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
    with full_disk(), pytest.raises(NotKeptError, match="File too large; it is as it was"):
        file.write(Checkpoint(topic_id="t", source="s", shift_ms=0, events=200))
    kept = file.read("t")
    assert kept is not None
    assert kept.events == 100
    file.write(Checkpoint(topic_id="t", source="s", shift_ms=0, events=300))
    assert file.read("t").events == 300


def test_a_collectors_runs_stay_those_before(tmp_path: Path) -> None:
    runs = OpenRuns(tmp_path, "desk")
    runs.keep([])
    with full_disk(), pytest.raises(NotKeptError, match="File too large; it is as it was"):
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
            stdout=log, stderr=log, cwd=REPOSITORY, timeout=START_S, check=False,
        )  # fmt: skip
    assert done.returncode == EXIT_FATAL
    assert (tmp_path / "log").read_text() == "", "there was no room for a word"


LAUNCHES = 40
UNAVAILABLE = 1


WITHOUT_ROOM = (
    "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, -1));"
    "os.execv(sys.argv[1], sys.argv[1:])"
)


def replayed(
    deployment: Deployment, recording: Path, before: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run `warmfront replay` below a program that prepares its process."""
    options = ("--user", "user", "--program", "program", "--time", "time", "--no-pace")
    return subprocess.run(
        [*before, *deployment.command("replay", str(recording), *options)],
        env={**os.environ, **deployment.environment}, cwd=REPOSITORY, capture_output=True,
        text=True, timeout=START_S, check=False,
    )  # fmt: skip


def launches(deployment: Deployment) -> list[tuple[str, int]]:
    events = []
    for _, batch in deployment.records(TELEMETRY_ACTIVITY):
        assert isinstance(batch, ActivityBatch)
        events += [(batch.source, e.seq) for e in batch.events if e.kind == "LAUNCH"]
    return events


def test_a_replay_on_a_full_disk_says_so_and_goes_on_when_there_is_room(
    kafka_bootstrap: str, registry_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    rows = [f"2025-11-24T08:{n:02d}:00Z,ada,{'vim' if n % 2 else 'git'}" for n in range(LAUNCHES)]
    recording = tmp_path / "day.csv"
    recording.write_text("\n".join(["time,user,program", *rows]) + "\n")
    with deployed(kafka_bootstrap, registry_url, topic_prefix, tmp_path) as deployment:
        full = replayed(deployment, recording, (sys.executable, "-c", WITHOUT_ROOM))
        assert full.returncode == UNAVAILABLE, full.stdout + full.stderr
        assert "can't be written: File too large" in full.stderr
        assert "Traceback" not in full.stderr
        assert not (tmp_path / "data-key").exists(), "names would be hashed with no key at all"
        again = replayed(deployment, recording)
        assert again.returncode == 0, again.stderr
        sent = launches(deployment)
    assert len(sent) == len(set(sent)) == LAUNCHES


def test_an_emptied_key_is_refused_and_never_used(tmp_path: Path) -> None:
    (tmp_path / "data-key").touch()
    with pytest.raises(ValueError, match="data-key holds no key; remove it"):
        Pseudonyms.from_settings(Settings(state_dir=tmp_path))
