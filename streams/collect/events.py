"""Events of a recording, merged in order of time: what a producer would have said live.

A row is a launch; its wait, its use of resources and its end become events of their own at their
own times. What lies ahead waits in a heap, whose size is the number of runs at that moment.
"""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from schemas.records import Activity
from streams.collect.holdings import Holdings, Run
from streams.collect.rows import Rows

Resource = Literal["CPU", "MEMORY", "STORAGE", "NETWORK"]
FIELDS: dict[str, str] = {
    "CPU": "cpu_cores", "MEMORY": "memory_bytes", "STORAGE": "storage_bytes",
    "NETWORK": "network_bytes_per_s",
}  # fmt: skip
WHOLE = ("memory_bytes", "storage_bytes")

# The pipeline forgets what a program holds after a day without a sample.
RESAMPLE_MS = 12 * 3_600_000

Step = Literal["LAUNCH", "WAIT", "START", "HOLD", "EXIT", "VALUE"]
Entry = tuple[int, int, Step, int]  # time in ms, order of making, step, place of the row


@dataclass(frozen=True, slots=True)
class Event:
    """One user's event, numbered by its place in the merged order.

    Parameters
    ----------
    user, activity
        Who did what.
    row
        The row in the file that it is of.
    place
        That row's place in order of time.
    """

    user: str
    activity: Activity
    row: int
    place: int


def merged_events(rows: Rows, resource: Resource = "CPU") -> Iterator[Event]:
    """Yield all events in order of time; the same rows give the same events and numbers.

    Parameters
    ----------
    rows
        The recording.
    resource
        What the values of a series are.
    """
    return _Merge(rows, resource).events()


@dataclass(slots=True)
class _Merge:
    rows: Rows
    resource: Resource
    holdings: Holdings = field(default_factory=Holdings)
    pending: list[Entry] = field(default_factory=list)
    made: int = 0
    seq: int = 0

    def events(self) -> Iterator[Event]:
        for place in range(len(self.rows)):
            time_ms = int(self.rows.time_ms[place])
            self._plan(place, time_ms)
            # The plan's first entries are due now, and come after all that was planned before.
            while self.pending and self.pending[0][0] <= time_ms:
                yield from self._emit(heapq.heappop(self.pending))
        while self.pending:
            yield from self._emit(heapq.heappop(self.pending))

    def _plan(self, place: int, time_ms: int) -> None:
        for offset_ms, step in _steps(self.rows, place):
            heapq.heappush(self.pending, (time_ms + offset_ms, self.made, step, place))
            self.made += 1

    def _emit(self, entry: Entry) -> Iterator[Event]:
        time_ms, _, step, place = entry
        for fields in self._said(step, place):
            program = self.rows.program[place]
            activity = Activity(seq=self.seq, time=time_ms, program=program, **fields)
            self.seq += 1
            yield Event(self.rows.user[place], activity, int(self.rows.number[place]), place)

    def _said(self, step: Step, place: int) -> Iterator[dict[str, Any]]:
        session = str(self.rows.number[place])
        if step == "LAUNCH":
            yield {"kind": "LAUNCH", "session": session}
        elif step == "WAIT":
            yield {"kind": "WAIT", "session": session, "wait_s": float(self.rows.wait_s[place])}
        elif step == "EXIT":
            yield {"kind": "EXIT", "session": session}
            yield from self.holdings.end(self._run(place))
        elif step == "START":
            yield from self.holdings.begin(self._run(place))
        elif step == "HOLD":
            yield from self.holdings.again(self._run(place))
        else:
            yield _measured(self.resource, float(self.rows.value[place]))

    def _run(self, place: int) -> Run:
        rows = self.rows
        return Run(
            rows.user[place],
            rows.program[place],
            float(rows.cores[place]),
            float(rows.memory_bytes[place]),
            ends=not math.isnan(rows.run_s[place]),
        )


def _steps(rows: Rows, place: int) -> Iterator[tuple[int, Step]]:
    """Yield what a row leads to, each with its milliseconds after the row's time."""
    if rows.series:
        if not math.isnan(rows.value[place]):
            yield 0, "VALUE"
        return
    yield 0, "LAUNCH"
    start_ms = 0
    if not math.isnan(rows.wait_s[place]):
        start_ms = round(float(rows.wait_s[place]) * 1000)
        yield start_ms, "WAIT"
    yield start_ms, "START"
    if math.isnan(rows.run_s[place]):
        return
    end_ms = start_ms + round(float(rows.run_s[place]) * 1000)
    for moment_ms in range(start_ms + RESAMPLE_MS, end_ms, RESAMPLE_MS):
        yield moment_ms, "HOLD"
    yield end_ms, "EXIT"


def _measured(resource: Resource, value: float) -> dict[str, Any]:
    name = FIELDS[resource]
    return {"kind": "SAMPLE", name: round(value) if name in WHOLE else value}
