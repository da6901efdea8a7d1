"""What a user's programs hold while they run, and how that changes the demand of open minutes."""

from collections.abc import Callable

from schemas.records import Activity
from streams.pipeline.eventtime import MINUTE_MS, minute_of
from streams.pipeline.level import HOLD_MS, MAX_RUNNING, NOTHING, Level, risen
from streams.pipeline.user import Running, User

PoolOf = Callable[[str], str]  # gives the pool of a program


def run(user: User, event: Activity, pool_of: PoolOf) -> Running:
    """Return the running program, begun now if it was not known to run."""
    running = user.running.get(event.program)
    if running is None:
        running = Running(event.time, event.time, NOTHING)
        user.running[event.program] = running
        user.none_stale_ms = min(user.none_stale_ms, event.time + HOLD_MS)
        if len(user.running) > MAX_RUNNING:
            stalest = min(user.running, key=lambda name: user.running[name].touched_ms)
            end_run(user, stalest, event.time, pool_of)
    running.touched_ms = max(running.touched_ms, event.time)
    return running


def go(
    user: User, program: str, time_ms: int, before: Level, after: Level, pool_of: PoolOf
) -> None:
    """Let what a program holds go from one level to another."""
    if before != after:
        key = pool_of(program), minute_of(time_ms)
        user.open_minutes[key] = risen(user.open_minutes.get(key), time_ms, before, after)


def end_stale(user: User, time_ms: int, pool_of: PoolOf) -> None:
    """End what was not heard of for a day."""
    stale = [n for n, held in user.running.items() if held.touched_ms < time_ms - HOLD_MS]
    for name in stale:
        end_run(user, name, time_ms, pool_of)
    touched = (held.touched_ms for held in user.running.values())
    user.none_stale_ms = min(touched, default=time_ms) + HOLD_MS


def end_run(user: User, program: str, time_ms: int, pool_of: PoolOf) -> None:
    """End a program that runs, at the start of a minute: nobody said when it really ended."""
    level = user.running.pop(program).level
    go(user, program, time_ms - time_ms % MINUTE_MS, level, NOTHING, pool_of)
