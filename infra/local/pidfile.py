"""Remembers which process serves a data folder, so a second start finds it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Served:
    """A process and the address it serves.

    Parameters
    ----------
    created_s
        The process's start in unix seconds: a number taken again by another process is not it.
    """

    pid: int
    created_s: float
    port: int

    def is_alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            # Linux counts from the boot: a clock that is being set moves it, by a second at a time.
            same = abs(process.create_time() - self.created_s) < 3.0
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def write(file: Path, pid: int, port: int) -> None:
    served = Served(pid, psutil.Process(pid).create_time(), port)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(asdict(served)))
    part.replace(file)


def read(file: Path) -> Served | None:
    """Return the live process that the file names, else None."""
    try:
        served = Served(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return served if served.is_alive() else None
