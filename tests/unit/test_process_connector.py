"""Programs of milliseconds: followed purely, and seen by the kernel where it tells this process."""

import socket
import subprocess
import time

import pytest

from streams.collect import process_connector
from streams.collect.brief_runs import MAX_KEPT, Began, BriefRuns
from streams.collect.process_connector import (
    NotPermittedError,
    ProcessConnector,
    began_now,
    short_programs,
)
from tests.testkit.kernel_events import NAME, kernel_tells


def began(pid: int, program: str, parent: int = 1) -> Began:
    return Began(pid, parent, 100.0, "ada", program)


def programs(brief: BriefRuns, seen=()) -> list[str]:
    return [one.began.program for one in brief.take(seen)]


def test_what_a_look_saw_is_not_told_again() -> None:
    brief = BriefRuns()
    for pid, program in ((5, "git"), (6, "ls")):
        brief.exec(began(pid, program))
        brief.exit(pid, 101.0)
    assert programs(brief, {(5, "git")}) == ["ls"]
    assert programs(brief) == [], "each is told once"


def test_a_program_that_replaces_another_is_the_one_that_counts() -> None:
    brief = BriefRuns()
    brief.exec(began(5, "env"))
    brief.exec(began(5, "make"))
    brief.exit(5, 101.0)
    assert programs(brief) == ["make"]


def test_a_child_that_runs_the_same_belongs_to_its_parents_run() -> None:
    brief = BriefRuns()
    brief.exec(began(5, "make"))
    brief.exec(began(6, "make", parent=5))
    brief.exec(began(7, "cc", parent=6))
    for pid in (7, 6, 5):
        brief.exit(pid, 101.0)
    assert programs(brief) == ["cc", "make"]


def test_more_than_can_be_kept_is_counted() -> None:
    brief = BriefRuns()
    for pid in range(MAX_KEPT + 3):
        brief.exec(began(pid + 10, "cc", parent=1))
        brief.exit(pid + 10, 101.0)
    assert len(programs(brief)) == MAX_KEPT
    assert brief.dropped == 3


def test_a_process_is_named_as_looks_name_it() -> None:
    import os  # noqa: PLC0415

    from streams.collect.processes import ProcessList  # noqa: PLC0415

    looked = next(p for p in ProcessList().read() if p.pid == os.getpid())
    mine = began_now(os.getpid())
    assert mine is not None
    assert (mine.user, mine.program, mine.parent) == (looked.user, looked.program, looked.parent)
    assert mine.created_s == pytest.approx(looked.created_s, abs=0.05)
    assert began_now(2**22 + 1) is None


@pytest.mark.parametrize("refusal", [PermissionError("not you"), TimeoutError("no answer")])
def test_where_the_kernel_refuses_looks_go_on_alone(monkeypatch, refusal) -> None:
    def refused(_: socket.socket) -> None:
        raise refusal

    monkeypatch.setattr(process_connector, "_await_yes", refused)
    with pytest.raises(NotPermittedError, match="does not tell this process: "):
        ProcessConnector()
    with short_programs() as brief:
        assert brief(()) == []


def connector() -> ProcessConnector:
    """A connector; skips where the kernel has none for this process, and there only."""
    try:
        return ProcessConnector()
    except NotPermittedError as error:
        if kernel_tells():
            raise
        pytest.skip(f"no {NAME} here: {error}")


def test_the_kernel_tells_short_programs() -> None:
    with connector() as listening:
        # Not waited for, they keep their names until the reader comes to them.
        children = [subprocess.Popen(["true"]) for _ in range(20)]
        started = {child.pid for child in children}
        found: dict[int, str] = {}
        end_s = time.monotonic() + 120
        while found.keys() < started and time.monotonic() < end_s:
            time.sleep(0.1)
            some = listening.take(())
            found |= {o.began.pid: o.began.program for o in some if o.began.pid in started}
        for child in children:
            child.wait()
    assert set(found) == started
    assert set(found.values()) <= {"true", "coreutils", "busybox"}
