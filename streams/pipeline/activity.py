"""Applies one event to one user: what each kind of event teaches is told here, and only here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo

from schemas.records import Activity
from schemas.topics import PREDICTIONS_PROGRAMS
from streams.models.dataaccess import data_key
from streams.models.programs import observe, probability_of
from streams.models.sensitivity import Normal
from streams.pipeline.eventtime import MINUTE_MS, hour_of, minute_of
from streams.pipeline.learned import HourDelta, Learned
from streams.pipeline.level import (
    HOLD_MS,
    MAX_RUNNING,
    NOTHING,
    Level,
    change_at,
    measured,
)
from streams.pipeline.outputs import Output
from streams.pipeline.prediction_record import prediction_record
from streams.pipeline.user import Running, User, program_number

ABANDONED = "abandoned"
# Measurements and ends go on without the person: only the rest shows presence.
OF_MACHINES = frozenset({"SAMPLE", "EXIT"})


@dataclass(frozen=True, slots=True)
class Ways:
    """How this deployment sees events.

    Parameters
    ----------
    pool_of
        Gives the pool of a program.
    zone
        The users' time zone.
    normal
        The operator's prior of how people react to waiting; what all users do moves it.
    """

    pool_of: Callable[[str], str]
    zone: tzinfo
    normal: Normal


@dataclass(frozen=True, slots=True)
class Moment:
    """An event in its place: who, when, what is known then, and the id of what it gives."""

    name: str
    event: Activity
    learned: Learned
    output_id: str

    @property
    def time_s(self) -> float:
        """Event time in seconds."""
        return self.event.time / 1000


def apply_event(user: User, moment: Moment, ways: Ways) -> list[Output]:
    """Let a user's state learn one event; return what follows from it at once."""
    event = moment.event
    user.clock_ms = max(user.clock_ms, event.time)
    _end_stale(user, event.time, ways)
    delta = user.delta(hour_of(event.time))
    if event.kind not in OF_MACHINES:
        _observe_cycles(user, moment, ways, delta)
    handler = _HANDLERS.get(event.kind)
    return handler(user, moment, ways, delta) if handler else []


def _observe_cycles(user: User, moment: Moment, ways: Ways, delta: HourDelta) -> None:
    launch = moment.event.kind == "LAUNCH"
    closed = user.cycles.observe(moment.time_s, ways.zone, launch=launch, counts=delta.week)
    if closed is not None:
        user.session_length.observe(closed, ways.zone)
        normal = ways.normal.counted(moment.learned.waits)
        user.sensitivity.observe_session_end(closed.end_s, normal, delta.waits)


def _launch(user: User, moment: Moment, ways: Ways, delta: HourDelta) -> list[Output]:
    event, number = moment.event, program_number(moment.event.program)
    unusual = _judge_launch(user, moment)
    user.launches += 1
    delta.launched(event.program)
    pool = ways.pool_of(event.program)
    user.pools[pool] = user.pools.get(pool, 0) + 1
    user.change(pool, minute_of(event.time), change_at(event.time, NOTHING, launches=1))
    _run(user, event, ways).launched_ms = event.time
    user.sensitivity.observe_launch(moment.time_s, number)
    user.data.observe_launch(number)
    prediction = observe(
        user.programs, moment.learned.programs, delta.programs, event.program, moment.time_s
    )
    record = prediction_record(
        prediction, user.data, output_id=moment.output_id, user=moment.name,
        after_program=event.program, made_at_ms=event.time, pool_of=ways.pool_of,
        sensitivity=user.sensitivity.estimate(None, ways.normal).value,
    )  # fmt: skip
    return [Output(PREDICTIONS_PROGRAMS, moment.name, record), *unusual]


def _judge_launch(user: User, moment: Moment) -> list[Output]:
    """Judge a launch against the profile as it was before."""
    program = moment.event.program
    probability = probability_of(user.programs, moment.learned.programs, program)
    if probability is None:
        return []
    return user.behaviour.launched(
        moment.output_id, moment.name, program, moment.time_s, probability, user.launches
    )


def _exit(user: User, moment: Moment, ways: Ways, delta: HourDelta) -> list[Output]:
    event = moment.event
    running = user.running.pop(event.program, None)
    if running is not None:
        _rise(user, event.program, event.time, NOTHING.plus(running.level, -1), ways)
        duration_s = max(0, event.time - running.launched_ms) / 1000
        user.consumption.observe_duration(
            program_number(event.program), duration_s, delta.consumption
        )
    return []


def _sample(user: User, moment: Moment, ways: Ways, delta: HourDelta) -> list[Output]:
    event, level = moment.event, measured(moment.event)
    running = _run(user, event, ways)
    if level != running.level:
        _rise(user, event.program, event.time, level.plus(running.level, -1), ways)
        running.level = level
    values = (
        event.cpu_cores,
        event.memory_bytes,
        event.storage_bytes,
        event.disk_bytes_per_s,
        event.network_bytes_per_s,
    )
    user.consumption.observe_sample(program_number(event.program), values, delta.consumption)
    return []


def _access(user: User, moment: Moment, ways: Ways, delta: HourDelta) -> list[Output]:
    del ways, delta
    if moment.event.data_ref:
        number = program_number(moment.event.program)
        user.data.observe_access(number, data_key(moment.event.data_ref))
    return []


def _wait(user: User, moment: Moment, ways: Ways, delta: HourDelta) -> list[Output]:
    event = moment.event
    if event.wait_s is not None and event.wait_s >= 0:
        user.sensitivity.observe_wait(
            moment.time_s,
            program_number(event.program),
            event.wait_s,
            abandoned=event.outcome == ABANDONED,
            normal=ways.normal.counted(moment.learned.waits),
            counts=delta.waits,
        )
    return []


_HANDLERS = {
    "LAUNCH": _launch, "EXIT": _exit, "SAMPLE": _sample, "ACCESS": _access, "WAIT": _wait,
}  # fmt: skip


def _run(user: User, event: Activity, ways: Ways) -> Running:
    """Return the running program, begun now if it was not known to run."""
    running = user.running.get(event.program)
    if running is None:
        running = Running(event.time, event.time, NOTHING)
        user.running[event.program] = running
        if len(user.running) > MAX_RUNNING:
            stalest = min(user.running, key=lambda name: user.running[name].touched_ms)
            _end(user, stalest, event.time, ways)
    running.touched_ms = max(running.touched_ms, event.time)
    return running


def _rise(user: User, program: str, time_ms: int, rise: Level, ways: Ways) -> None:
    if rise != NOTHING:
        user.change(ways.pool_of(program), minute_of(time_ms), change_at(time_ms, rise))


def _end_stale(user: User, time_ms: int, ways: Ways) -> None:
    """End what was not heard of for a day."""
    stale = [n for n, run in user.running.items() if run.touched_ms < time_ms - HOLD_MS]
    for name in stale:
        _end(user, name, time_ms, ways)


def _end(user: User, program: str, time_ms: int, ways: Ways) -> None:
    level = user.running.pop(program).level
    _rise(user, program, time_ms - time_ms % MINUTE_MS, NOTHING.plus(level, -1), ways)
