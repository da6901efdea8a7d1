"""Which files programs have open: a few processes at each look, each file of a run told once."""

from collections.abc import Callable, Iterator, Sequence

from streams.collect.processes import Process
from streams.collect.runs import Run

# Looking at all processes cost 66 ms at 100 processes, four times the rest of a look.
PROCESSES_PER_LOOK = 10
FILES_PER_RUN = 200


class Accesses:
    """Goes round the processes.

    Parameters
    ----------
    open_files
        Gives the paths that a process has open.
    """

    def __init__(self, open_files: Callable[[int], set[str]]) -> None:
        self._open_files = open_files
        self._told: dict[Run, set[str]] = {}
        self._next = 0

    def look(
        self, processes: Sequence[Process], run_of: Callable[[Process], Run]
    ) -> Iterator[tuple[Run, str]]:
        """Yield runs and the files that they were not seen with before."""
        begin = self._next if self._next < len(processes) else 0
        chosen = processes[begin : begin + PROCESSES_PER_LOOK]
        self._next = begin + PROCESSES_PER_LOOK
        for process in chosen:
            run = run_of(process)
            told = self._told.setdefault(run, set())
            new = sorted(self._open_files(process.pid) - told)
            for path in new[: FILES_PER_RUN - len(told)]:
                told.add(path)
                yield run, path

    def forget(self, run: Run) -> None:
        """Forget a run that ended."""
        self._told.pop(run, None)
