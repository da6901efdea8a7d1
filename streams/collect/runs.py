"""From lists of processes to what users do: which programs they start, run and end.

A run of a program is a process and those of its descendants that are the same program of the same
user: a browser with thirty processes is one run. Pure: two lists in, what happened out.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from streams.collect.processes import Process

ProcessId = tuple[int, float]  # number and start: numbers are used again


class Run(NamedTuple):
    """One run of a program, named by its first process."""

    user: str
    program: str
    session: str
    began_s: float


class Use(NamedTuple):
    """What all of a user's runs of a program hold at a moment; None where it can't be told."""

    cpu_cores: float
    memory_bytes: int
    disk_bytes_per_s: float | None
    network_bytes_per_s: float | None


Owner = tuple[str, str]  # user and program


@dataclass(slots=True)
class Change:
    """What happened between two looks.

    Parameters
    ----------
    began, ended
        Runs that began and ended.
    use
        What runs now, per user and program.
    """

    began: list[Run] = field(default_factory=list)
    ended: list[Run] = field(default_factory=list)
    use: dict[Owner, Use] = field(default_factory=dict)


class Runs:
    """Follows the runs from look to look."""

    def __init__(self) -> None:
        self._run_of: dict[ProcessId, Run] = {}
        self._last: dict[ProcessId, Process] = {}
        self._at_s: float | None = None

    def look(
        self, processes: Iterable[Process], now_s: float, network: Mapping[int, int] | None = None
    ) -> Change:
        """Take in the processes that run now.

        Parameters
        ----------
        processes
            All that can be seen.
        now_s
            When, in unix seconds.
        network
            Bytes carried since the last look, per process number; None if unknown.
        """
        now = {(p.pid, p.created_s): p for p in processes}
        before = set(self._run_of.values())
        self._run_of = self._assign(now)
        running = set(self._run_of.values())
        change = Change(
            began=sorted(running - before, key=lambda run: (run.began_s, run.session)),
            ended=sorted(before - running, key=lambda run: run.session),
            use=self._use(now, now_s, network),
        )
        self._last, self._at_s = now, now_s
        return change

    def running(self) -> set[Run]:
        """Return the runs of the last look."""
        return set(self._run_of.values())

    def run_of(self, process: Process) -> Run:
        """Return the run that a process of the last look belongs to."""
        return self._run_of[process.pid, process.created_s]

    def _assign(self, now: Mapping[ProcessId, Process]) -> dict[ProcessId, Run]:
        """Give each process its run: the one it had, else its parent's, else a new one."""
        by_pid = {process.pid: process for process in now.values()}
        assigned: dict[ProcessId, Run] = {}
        for process in sorted(now.values(), key=lambda p: (p.created_s, p.pid)):
            key = process.pid, process.created_s
            parent = by_pid.get(process.parent)
            if key in self._run_of:
                assigned[key] = self._run_of[key]
            elif parent is not None and _same(parent, process):
                assigned[key] = assigned.get((parent.pid, parent.created_s)) or _new(process)
            else:
                assigned[key] = _new(process)
        return assigned

    def _use(
        self, now: Mapping[ProcessId, Process], now_s: float, network: Mapping[int, int] | None
    ) -> dict[Owner, Use]:
        """Sum what processes hold; rates since the last look, and none at the first."""
        if self._at_s is None or now_s <= self._at_s:
            return {}
        span_s = now_s - self._at_s
        parts: dict[Owner, list[Use]] = defaultdict(list)
        for key, process in now.items():
            part = _rates(process, self._last.get(key), span_s, network)
            parts[process.user, process.program].append(part)
        return {owner: _sum(uses) for owner, uses in parts.items()}


def _same(parent: Process, child: Process) -> bool:
    return (parent.user, parent.program) == (child.user, child.program)


def _new(process: Process) -> Run:
    session = f"{process.pid}-{round(process.created_s)}"
    return Run(process.user, process.program, session, process.created_s)


def _rates(
    now: Process, last: Process | None, span_s: float, network: Mapping[int, int] | None
) -> Use:
    """Return one process's use; what a new one did so far counts from its start."""
    cpu_s = now.cpu_s - (last.cpu_s if last else 0.0)
    disk = None
    if now.disk_bytes is not None:
        disk = max(0, now.disk_bytes - ((last.disk_bytes or 0) if last else 0)) / span_s
    carried = None if network is None else network.get(now.pid, 0) / span_s
    return Use(max(0.0, cpu_s) / span_s, now.memory_bytes, disk, carried)


def _sum(uses: list[Use]) -> Use:
    return Use(
        sum(use.cpu_cores for use in uses),
        sum(use.memory_bytes for use in uses),
        _known_sum([use.disk_bytes_per_s for use in uses]),
        _known_sum([use.network_bytes_per_s for use in uses]),
    )


def _known_sum(amounts: Iterable[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None
