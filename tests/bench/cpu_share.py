"""Lets processes have a share of a core only, so that cores are not what ends first.

On two cores two workers, their broker and the bench are short of cores: what two workers gain is
then the machine's affair. With half a core each it is theirs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

VERSION_1, VERSION_2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
PERIOD_US = 20_000  # short: a worker that is held up for long would answer late


class CpuShare:
    """A group of the kernel's for each process that is held.

    Parameters
    ----------
    share
        Of one core, for each process with all that it has started.

    Raises
    ------
    OSError
        From `hold`, where this user may not make groups.
    """

    def __init__(self, share: float) -> None:
        self._quota_us = round(share * PERIOD_US)
        self._groups: list[Path] = []

    def hold(self, process: psutil.Process) -> None:
        """Give a process and its children their share from now on."""
        old = VERSION_1.is_dir()
        group = (VERSION_1 if old else VERSION_2) / f"warmfront-bench-{process.pid}"
        group.mkdir()
        self._groups.append(group)
        if old:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(self._quota_us))
        else:
            (group / "cpu.max").write_text(f"{self._quota_us} {PERIOD_US}")
        for member in (process, *process.children(recursive=True)):
            (group / "cgroup.procs").write_text(str(member.pid))

    def drop(self) -> None:
        """Remove the groups; their processes have ended."""
        for group in self._groups:
            group.rmdir()


@contextmanager
def cpu_share(share: float | None) -> Iterator[CpuShare | None]:
    """A share that is dropped at the end; None where nothing is to be held."""
    if share is None:
        yield None
        return
    held = CpuShare(share)
    try:
        yield held
    finally:
        held.drop()
