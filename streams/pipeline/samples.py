"""Applies measurements to a user: four in five events are some, and a batch holds runs of them."""

from collections.abc import Sequence
from math import nan

import numpy as np

from schemas.records import Activity
from streams.models.consumption import ConsumptionCounts
from streams.pipeline.level import Change, Level
from streams.pipeline.measurements import WIDTH, taken_in
from streams.pipeline.running import PoolOf, end_stale, run
from streams.pipeline.user import Running, User, program_number

_PADDING = (0.0,) * (WIDTH - 4)
_VALUES = 5


def measure(
    user: User, events: Sequence[Activity], counts: ConsumptionCounts, pool_of: PoolOf
) -> None:
    """Let what programs were measured at change their levels, and be learnt.

    Parameters
    ----------
    user
        Whose programs.
    events
        SAMPLE events of one hour, in order.
    counts
        Of all users, what the user adds to in that hour.
    pool_of
        Gives the pool of a program.
    """
    held: dict[str, Running] = {}
    rows: list[float | None] = []
    for event in events:
        time_ms, program = event.time, event.program
        number, running = program_number(program), user.running.get(program)
        if running is None or time_ms > user.none_stale_ms or number not in user.consumption:
            # Programs may end now, or give way: not before what they were measured at is known.
            _take_in(user, held, rows, counts, pool_of)
            held, rows = {}, []
            if time_ms > user.none_stale_ms:
                end_stale(user, time_ms, pool_of)
            running = run(user, event, pool_of)
        elif time_ms > running.touched_ms:
            running.touched_ms = time_ms
        if program not in held:
            held[program] = running
        rows += (
            time_ms, list(held).index(program), user.consumption.touched(number), number,
            event.cpu_cores, event.memory_bytes, event.storage_bytes, event.disk_bytes_per_s,
            event.network_bytes_per_s,
        )  # fmt: skip
    user.clock_ms = max(user.clock_ms, *(event.time for event in events))
    _take_in(user, held, rows, counts, pool_of)


def _take_in(
    user: User, held: dict[str, Running], rows: list[float | None], counts: ConsumptionCounts,
    pool_of: PoolOf,
) -> None:  # fmt: skip
    """Apply measurements to programs that run."""
    if not rows:
        return
    if None in rows:
        rows = [nan if value is None else value for value in rows]
    levels = [part for running in held.values() for part in (*running.level, *_PADDING)]
    counts.open(_VALUES * len(rows) // WIDTH)
    both = np.array(levels + rows, np.float64).reshape(-1, WIDTH)
    head, *found = taken_in(
        both, len(held), user.consumption.table, counts.numbers, counts.counts, counts.used
    ).tolist()
    counts.used = head[0]
    for running, level in zip(held.values(), found, strict=False):
        running.level = Level(*level[:4])
    names = list(held)
    for who, minute, *change in found[len(held) :]:
        if names[who] in user.running:  # a late one gives way at once to the most that may run
            rise, total = Level(*change[:4]), Level(*change[4:])
            user.change(pool_of(names[who]), minute, Change(0, rise, total))
