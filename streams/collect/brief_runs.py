"""Programs that begin and end between two looks, told apart from what the looks see. Pure."""

from collections.abc import Collection
from typing import NamedTuple

# A build starts thousands of processes a second; what is beyond this between two looks is counted.
MAX_KEPT = 5_000


class Began(NamedTuple):
    """A process at the moment it began a program.

    Parameters
    ----------
    pid, parent, created_s
        Its number, its parent's, and when it started in unix seconds.
    user, program
        Its owner, and the name of its executable: no path, no arguments.
    """

    pid: int
    parent: int
    created_s: float
    user: str
    program: str


class Brief(NamedTuple):
    """A program that has ended, and when it did in unix seconds."""

    began: Began
    ended_s: float

    @property
    def session(self) -> str:
        """Its name among runs, as `Runs` gives names."""
        return f"{self.began.pid}-{round(self.began.created_s)}"


class BriefRuns:
    """Follows the kernel's word on programs that begin and processes that end.

    Examples
    --------
    >>> brief = BriefRuns()
    >>> brief.exec(Began(7, 1, 100.0, "ada", "git"))
    >>> brief.exit(7, 100.004)
    >>> [(one.began.program, one.ended_s) for one in brief.take(seen=())]
    [('git', 100.004)]
    """

    def __init__(self) -> None:
        self._running: dict[int, Began] = {}
        self._ended: list[Brief] = []
        self._within: set[int] = set()
        self.dropped = 0

    def exec(self, began: Began) -> None:
        """Take in that a process began a program; one that it ran before is replaced.

        A child that runs what its parent runs belongs to the parent's run.
        """
        parent = self._running.get(began.parent)
        same = parent is not None and parent[3:] == began[3:]
        (self._within.add if same else self._within.discard)(began.pid)
        self._running[began.pid] = began

    def exit(self, pid: int, now_s: float) -> None:
        """Take in that a process ended."""
        began = self._running.pop(pid, None)
        if began is None or pid in self._within:
            self._within.discard(pid)
        elif len(self._ended) < MAX_KEPT:
            self._ended.append(Brief(began, now_s))
        else:
            self.dropped += 1

    def take(self, seen: Collection[tuple[int, str]]) -> list[Brief]:
        """Return what has ended since the last call and no look has seen.

        Parameters
        ----------
        seen
            Process number and program of what this look or the one before it saw.
        """
        ended, self._ended = self._ended, []
        return [one for one in ended if (one.began.pid, one.began.program) not in seen]
