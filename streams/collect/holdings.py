"""What a user's runs of a program hold together: a SAMPLE states the sum of those that run."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple


class Run(NamedTuple):
    """One run of a program, as recorded; NaN where unknown.

    Parameters
    ----------
    user, program
        Who runs what.
    cores, memory_bytes
        What the run holds.
    ends
        Whether its end is known; others are stated, but not added up for ever.
    """

    user: str
    program: str
    cores: float
    memory_bytes: float
    ends: bool

    def amounts(self) -> tuple[int, int] | None:
        """Return millicores and bytes, None where neither is known."""
        if math.isnan(self.cores) and math.isnan(self.memory_bytes):
            return None
        return _whole(self.cores * 1000), _whole(self.memory_bytes)


class Holdings:
    """Sums over the runs of each user and program, in integers, so that they come back to zero.

    Examples
    --------
    >>> holdings, run = Holdings(), Run("ada", "tests", 2.0, math.nan, ends=True)
    >>> list(holdings.begin(run)), list(holdings.begin(run))
    ([{'kind': 'SAMPLE', 'cpu_cores': 2.0}], [{'kind': 'SAMPLE', 'cpu_cores': 4.0}])
    >>> list(holdings.end(run)), list(holdings.end(run))
    ([{'kind': 'SAMPLE', 'cpu_cores': 2.0}], [])
    """

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], tuple[int, int, int]] = {}  # runs, millicores, bytes

    def begin(self, run: Run) -> Iterator[dict[str, Any]]:
        """Add a run; yield the sample that states the new sum."""
        amounts = run.amounts()
        if amounts is None:
            return
        runs, millicores, memory = self._sums.get((run.user, run.program), (0, 0, 0))
        with_it = (runs + 1, millicores + amounts[0], memory + amounts[1])
        if run.ends:
            self._sums[run.user, run.program] = with_it
        yield _sample(run, with_it)

    def end(self, run: Run) -> Iterator[dict[str, Any]]:
        """Take a run away; yield the sample that states what others still hold."""
        amounts = run.amounts()
        if amounts is None:
            return
        runs, millicores, memory = self._sums.pop((run.user, run.program))
        if runs == 1:
            return
        without = (runs - 1, millicores - amounts[0], memory - amounts[1])
        self._sums[run.user, run.program] = without
        yield _sample(run, without)

    def again(self, run: Run) -> Iterator[dict[str, Any]]:
        """Yield the sample that states the sum once more."""
        if run.amounts() is not None:
            yield _sample(run, self._sums[run.user, run.program])


def _sample(run: Run, held: tuple[int, int, int]) -> dict[str, Any]:
    _, millicores, memory = held
    sample: dict[str, Any] = {"kind": "SAMPLE"}
    if not math.isnan(run.cores):
        sample["cpu_cores"] = millicores / 1000
    if not math.isnan(run.memory_bytes):
        sample["memory_bytes"] = memory
    return sample


def _whole(amount: float) -> int:
    return 0 if math.isnan(amount) else round(amount)
