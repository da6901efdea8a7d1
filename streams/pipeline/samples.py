"""Applies measurements to a user: four in five events are some, and a batch holds runs of them."""

from collections.abc import Sequence

from schemas.records import Activity
from streams.models.consumption import ConsumptionCounts
from streams.pipeline.eventtime import MINUTE_MS
from streams.pipeline.level import measured, risen
from streams.pipeline.running import PoolOf, end_stale, run
from streams.pipeline.user import User, program_number


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
    user.clock_ms = max(user.clock_ms, *(event.time for event in events))
    known, minutes, observe = user.running, user.open_minutes, user.consumption.observe_sample
    for event in events:
        time_ms, program = event.time, event.program
        if time_ms > user.none_stale_ms:
            end_stale(user, time_ms, pool_of)
        running = known.get(program)
        if running is None:
            running = run(user, event, pool_of)
        elif time_ms > running.touched_ms:
            running.touched_ms = time_ms
        level = measured(event)
        if level != running.level:
            key = pool_of(program), time_ms // MINUTE_MS
            minutes[key] = risen(minutes.get(key), time_ms, running.level, level)
            running.level = level
        values = (
            event.cpu_cores, event.memory_bytes, event.storage_bytes, event.disk_bytes_per_s,
            event.network_bytes_per_s,
        )  # fmt: skip
        observe(program_number(program), values, counts)
