"""Applies one event to one user: what each kind of event teaches is told here, and only here.

But for measurements, which come in runs: `streams/pipeline/samples.py` takes them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo

import msgspec

from schemas.records import Activity
from schemas.topics import PREDICTIONS_PROGRAMS
from streams.models.dataaccess import data_key
from streams.models.programs import observe, probability_of
from streams.models.sensitivity import Normal
from streams.models.timing import last_launch
from streams.pipeline.eventtime import hour_of, minute_of
from streams.pipeline.groups import everybody
from streams.pipeline.learned import HourDelta, Learned
from streams.pipeline.level import NOTHING, change_at
from streams.pipeline.outputs import Output, output_id
from streams.pipeline.prediction_record import prediction_record
from streams.pipeline.running import end_stale, go, run
from streams.pipeline.user import Glance, User, program_number

ABANDONED = "abandoned"


def _no_zone(name: str) -> tzinfo | None:
    del name
    return None


@dataclass(frozen=True, slots=True)
class Ways:
    """How this deployment sees events.

    Parameters
    ----------
    pool_of
        Gives the pool of a program.
    zone
        The time zone of users who tell none.
    normal
        The operator's prior of how people react to waiting; what all users do moves it.
    zones
        Gives the time zone of a name, None where there is none.
    groups_of
        Gives the groups of a user.
    """

    pool_of: Callable[[str], str]
    zone: tzinfo
    normal: Normal
    zones: Callable[[str], tzinfo | None] = _no_zone
    groups_of: Callable[[str], tuple[str, ...]] = everybody

    def zone_of(self, user: User | Glance) -> tzinfo:
        """Return the time zone that a user lives in, the deployment's where none was told."""
        return (self.zones(user.zone) if user.zone else None) or self.zone


class Moment(msgspec.Struct, frozen=True):
    """An event in its place: who, when, what is known then, and where on the log."""

    name: str
    event: Activity
    learned: Learned
    partition: int
    offset: int
    number: int

    @property
    def output_id(self) -> str:
        """Id of what the event gives: most give nothing, so it is put together when asked for."""
        return output_id("profile", self.partition, self.offset, self.number)

    @property
    def time_s(self) -> float:
        """Event time in seconds."""
        return self.event.time / 1000


def apply_event(user: User, moment: Moment, ways: Ways) -> list[Output]:
    """Let a user's state learn one event, no SAMPLE; return what follows from it at once."""
    event = moment.event
    user.clock_ms = max(user.clock_ms, event.time)
    if event.time > user.none_stale_ms:
        end_stale(user, event.time, ways.pool_of)
    delta = user.delta(hour_of(event.time))
    if event.kind != "EXIT":  # ends go on without the person: only the rest shows presence
        user.by_person = delta.by_person = None
        _observe_cycles(user, moment, ways, delta)
    handler = _HANDLERS.get(event.kind)
    return handler(user, moment, ways, delta) if handler else []


def _observe_cycles(user: User, moment: Moment, ways: Ways, delta: HourDelta) -> None:
    launch = moment.event.kind == "LAUNCH"
    zone, first = ways.zone_of(user), user.cycles.last_s is None
    closed = user.cycles.observe(moment.time_s, zone, launch=launch, counts=delta.week)
    if first or closed is not None:
        user.session_starts.observe(moment.time_s, zone)
    if closed is not None:
        user.session_length.observe(closed, zone)
        normal = ways.normal.counted(moment.learned.waits)
        user.sensitivity.observe_session_end(closed.end_s, normal, delta.waits)


def _launch(user: User, moment: Moment, ways: Ways, delta: HourDelta) -> list[Output]:
    event, number = moment.event, program_number(moment.event.program)
    unusual = _judge_launch(user, moment)
    user.launches += 1
    taught = delta.launched(event.program)
    pool = ways.pool_of(event.program)
    user.pools[pool] = user.pools.get(pool, 0) + 1
    user.change(pool, minute_of(event.time), change_at(event.time, NOTHING, launches=1))
    run(user, event, ways.pool_of).launched_ms = event.time
    user.sensitivity.observe_launch(moment.time_s, number)
    user.data.observe_launch(number)
    before = last_launch(user.programs)
    if before is not None:
        taught.gaps.add(program_number(before[0]), number, event.time - before[1])
    prediction = observe(
        user.programs, moment.learned.programs, taught.programs, event.program, moment.time_s
    )
    record = prediction_record(
        prediction, user.data, output_id=moment.output_id, user=moment.name,
        after_program=event.program, made_at_ms=event.time, pool_of=ways.pool_of,
        sensitivity=user.sensitivity.value(ways.normal),
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
        go(user, event.program, event.time, running.level, NOTHING, ways.pool_of)
        duration_s = max(0, event.time - running.launched_ms) / 1000
        user.consumption.observe_duration(
            program_number(event.program), duration_s, delta.measured()
        )
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


_HANDLERS = {"LAUNCH": _launch, "EXIT": _exit, "ACCESS": _access, "WAIT": _wait}
