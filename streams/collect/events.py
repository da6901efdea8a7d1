"""Events of a recording, merged in order of time: what a producer would have said live.

A row is a launch; its wait, its use of resources and its end become events of their own at their
own times. What lies ahead waits in a heap, whose size is the number of runs at that moment.
"""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from schemas.records import Activity
from streams.collect.rows import Rows

Resource = Literal["CPU", "MEMORY", "STORAGE", "NETWORK"]
FIELDS: dict[str, str] = {
    "CPU": "cpu_cores", "MEMORY": "memory_bytes", "STORAGE": "storage_bytes",
    "NETWORK": "network_bytes_per_s",
}  # fmt: skip
WHOLE = ("memory_bytes", "storage_bytes")

# The pipeline forgets what a program holds after a day without a sample.
RESAMPLE_MS = 12 * 3_600_000


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
    pending: list[tuple[int, int, dict[str, Any], int]] = []  # time, tie-break, event, row
    made = seq = 0
    for at in range(len(rows)):
        time_ms = int(rows.time_ms[at])
        while pending and pending[0][0] <= time_ms:
            yield _event(rows, heapq.heappop(pending), seq)
            seq += 1
        for offset_ms, fields in _of_row(rows, at, resource):
            entry = (time_ms + offset_ms, made, fields, at)
            made += 1
            if offset_ms == 0 and fields["kind"] != "EXIT":
                yield _event(rows, entry, seq)
                seq += 1
            else:
                heapq.heappush(pending, entry)
    while pending:
        yield _event(rows, heapq.heappop(pending), seq)
        seq += 1


def _event(rows: Rows, entry: tuple[int, int, dict[str, Any], int], seq: int) -> Event:
    time_ms, _, fields, at = entry
    activity = Activity(seq=seq, time=time_ms, program=rows.program[at], **fields)
    return Event(rows.user[at], activity, int(rows.number[at]), at)


def _of_row(rows: Rows, at: int, resource: Resource) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield a row's events as milliseconds after its time, and fields."""
    if rows.series:
        if not math.isnan(rows.value[at]):
            yield 0, _measured(resource, float(rows.value[at]))
        return
    session = str(rows.number[at])
    yield 0, {"kind": "LAUNCH", "session": session}
    wait_s, run_s = float(rows.wait_s[at]), float(rows.run_s[at])
    start_ms = 0
    if not math.isnan(wait_s):
        start_ms = round(wait_s * 1000)
        yield start_ms, {"kind": "WAIT", "session": session, "wait_s": wait_s}
    end_ms = start_ms if math.isnan(run_s) else start_ms + round(run_s * 1000)
    held = _held(float(rows.cores[at]), float(rows.memory_bytes[at]))
    if held:
        for moment_ms in range(start_ms, max(end_ms, start_ms + 1), RESAMPLE_MS):
            yield moment_ms, {"kind": "SAMPLE", "session": session, **held}
    if not math.isnan(run_s):
        yield end_ms, {"kind": "EXIT", "session": session}


def _held(cores: float, memory_bytes: float) -> dict[str, Any]:
    held: dict[str, Any] = {}
    if not math.isnan(cores):
        held["cpu_cores"] = cores
    if not math.isnan(memory_bytes):
        held["memory_bytes"] = round(memory_bytes)
    return held


def _measured(resource: Resource, value: float) -> dict[str, Any]:
    field = FIELDS[resource]
    return {"kind": "SAMPLE", field: round(value) if field in WHOLE else value}
