"""The processes of this host as psutil tells them, as far as this user may see them."""

from pathlib import PurePath
from typing import Any, NamedTuple

import psutil

KERNEL_THREADS = 2  # kthreadd, and the parent of all others of its kind


class Process(NamedTuple):
    """One process at a moment.

    Parameters
    ----------
    pid, parent, created_s
        Its number, its parent's, and when it started in unix seconds.
    user, program
        Its owner, and the name of its executable: no path, no arguments.
    cpu_s, memory_bytes
        CPU seconds used since its start, and resident memory.
    disk_bytes
        Bytes read and written since its start; None where not permitted.
    """

    pid: int
    parent: int
    created_s: float
    user: str
    program: str
    cpu_s: float
    memory_bytes: int
    disk_bytes: int | None


class ProcessList:
    """Lists the processes; what can't change about one is asked once.

    Reading a process costs some 100 us, most of it for what can't change.
    """

    def __init__(self) -> None:
        self._names: dict[tuple[int, float], tuple[str, str] | None] = {}

    def read(self) -> list[Process]:
        """Return the processes that run and may be seen, kernel threads left out."""
        seen: dict[tuple[int, float], tuple[str, str] | None] = {}
        processes = [p for p in (self._process(p, seen) for p in psutil.process_iter()) if p]
        self._names = seen
        return processes

    def _process(
        self, process: Any, seen: dict[tuple[int, float], tuple[str, str] | None]
    ) -> Process | None:
        try:
            with process.oneshot():
                key = process.pid, process.create_time()
                names = self._names[key] if key in self._names else _names(process)
                seen[key] = names
                return _read(process, names) if names else None
        except psutil.Error:
            return None  # gone meanwhile, or not ours to see


def open_files(pid: int) -> set[str]:
    """Return the paths that a process has open, none where that is not permitted."""
    try:
        return {opened.path for opened in psutil.Process(pid).open_files()}
    except (psutil.Error, OSError):
        return set()


def own_cpu_s() -> float:
    """Return the CPU seconds used by this process and those it ran."""
    times = psutil.Process().cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def _read(process: Any, names: tuple[str, str]) -> Process:
    user, program = names
    times = process.cpu_times()
    return Process(
        process.pid,
        process.ppid(),
        process.create_time(),
        user,
        program,
        times.user + times.system,
        process.memory_info().rss,
        _disk_bytes(process),
    )


def _names(process: Any) -> tuple[str, str] | None:
    if KERNEL_THREADS in (process.pid, process.ppid()) and psutil.LINUX:
        return None
    return process.username(), _program(process)


def _program(process: Any) -> str:
    """Name the executable; where its file may not be seen, the name that the kernel keeps."""
    try:
        path = process.exe()
    except psutil.AccessDenied:
        path = ""
    name = PurePath(path.removesuffix(" (deleted)")).name or PurePath(process.name()).name
    return "".join(letter for letter in name if letter.isprintable()) or "unknown"


def _disk_bytes(process: Any) -> int | None:
    try:
        counters = process.io_counters()
    except (psutil.AccessDenied, AttributeError):  # some systems have no such counters
        return None
    return int(counters.read_bytes + counters.write_bytes)
