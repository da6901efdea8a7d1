"""The models that the contract suite holds to their promises: add a model by adding a line.

A case makes an empty model, feeds it an event of a synthetic user, and bounds its bytes.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import numpy as np

from streams.models.anomaly import (
    CrowdDetector,
    DriftDetector,
    ResidualDetector,
    SeriesDetector,
    Surprise,
)
from streams.models.anomaly.service import ServiceDetector
from streams.models.anomaly.silence import SilenceWatch
from streams.models.consumption import Consumption, ConsumptionCounts
from streams.models.cycles import ClosedSession, Cycles, WeekCounts
from streams.models.cycles.global_trend import GlobalTrend
from streams.models.cycles.session_length import SessionLength
from streams.models.cycles.session_starts import SessionStarts
from streams.models.dataaccess import DataAccess
from streams.models.demand import HourlyForecaster, MinuteForecaster
from streams.models.groups import GroupCounts
from streams.models.programs import (
    NeuralExpert,
    Population,
    PopulationDelta,
    UserPrograms,
    observe,
)
from streams.models.sensitivity import Normal, Sensitivity, WaitCounts
from streams.models.timing import GapCounts
from streams.pipeline.learned import HourDelta

ZONE: tzinfo = ZoneInfo("Europe/Berlin")
NORMAL = Normal()


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the synthetic user that every model is fed with."""

    time_s: float
    program: int
    value: float  # log-normal, around 1
    launch: bool


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    make: Callable[[], Any]
    feed: Callable[[Any, Event], None]
    max_bytes: int  # whatever it is fed
    framed: bool = True  # whether its bytes tell where they end; else who holds it does


def _cycles(model: Cycles, event: Event) -> None:
    model.observe(event.time_s, ZONE, launch=event.launch)


def _week_counts(model: WeekCounts, event: Event) -> None:
    hour = int(event.time_s // 3600)
    model.add_hour(hour, event.program)
    model.add_exposure(hour, hour + event.program % 400)


def _session_length(model: SessionLength, event: Event) -> None:
    session = ClosedSession(event.time_s, event.time_s + 600.0 * event.value, 3)
    model.observe(session, ZONE)


def _global_trend(model: GlobalTrend, event: Event) -> None:
    model.observe(int(event.time_s // 3600), event.program)


def _sample(event: Event) -> tuple[float | None, ...]:
    return (event.value, 2e9 * event.value, None, 1e5 * event.value, 0.0)


def _consumption(model: Consumption, event: Event) -> None:
    model.observe_sample(event.program, _sample(event))
    model.observe_duration(event.program, 60.0 * event.value)


def _consumption_counts(model: ConsumptionCounts, event: Event) -> None:
    Consumption().observe_sample(event.program, (event.value,), model)


def _sensitivity(model: Sensitivity, event: Event) -> None:
    model.observe_launch(event.time_s, event.program)
    abandoned = event.value > 2.0
    model.observe_wait(
        event.time_s, event.program, 30.0 * event.value, abandoned=abandoned, normal=NORMAL
    )
    if event.program % 3 == 0:
        model.observe_session_end(event.time_s + 100.0, NORMAL)


def _wait_counts(model: WaitCounts, event: Event) -> None:
    model.merge(WaitCounts(waits=1, waited_ms=round(1000 * event.value)))


def _data_access(model: DataAccess, event: Event) -> None:
    if event.launch:
        model.observe_launch(event.program)
    model.observe_access(event.program, hash((event.program, int(event.value * 3))) % 2**64)


def _session_starts(model: SessionStarts, event: Event) -> None:
    model.observe(event.time_s, ZONE)


def _gap_counts(model: GapCounts, event: Event) -> None:
    model.add(event.program, event.program % 7, round(60_000 * event.value))
    model.trim()


def _group_counts(model: GroupCounts, event: Event) -> None:
    if event.launch:
        user = UserPrograms()
        for k in range(16):
            name = "mail" if k % 2 else f"p{event.program}"
            user.record(name, event.time_s + 100.0 * k * event.value)
        model.add(user)


class Held:
    """A model that is compared by its bytes."""

    new: ClassVar[Callable[[], Any]]
    restore: ClassVar[Callable[[bytes], Any]]

    def __init__(self, model: Any = None) -> None:
        self.model = type(self).new() if model is None else model

    def to_bytes(self) -> bytes:
        data: bytes = self.model.to_bytes()
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> "Held":
        return cls(cls.restore(data))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # the state changes


def held(kind: Any, new: Callable[[], Any] | None = None) -> type[Held]:
    """Return a class of holders of a kind of model."""
    names = {"new": staticmethod(new or kind), "restore": staticmethod(kind.from_bytes)}
    return type(kind.__name__, (Held,), names)


NOBODY = Population.empty()


def _programs(holder: Held, event: Event) -> None:
    if event.launch:
        observe(holder.model, NOBODY, PopulationDelta(), f"p{event.program}", event.time_s)


def _teach(delta: PopulationDelta, event: Event) -> None:
    """Let a user of three launches teach the population."""
    user = UserPrograms()
    for k, name in enumerate(("login", f"p{event.program}", "mail")):
        observe(user, NOBODY, delta, name, event.time_s + 30.0 * k * event.value)


def _population(holder: Held, event: Event) -> None:
    if event.launch and event.program % 4 == 1:
        delta = PopulationDelta()
        _teach(delta, event)
        holder.model = holder.model.advanced(delta)


def _hour_delta(holder: Held, event: Event) -> None:
    delta: HourDelta = holder.model
    delta.by_person = None
    if event.launch and event.program % 4 == 1:
        _teach(delta.programs, event)
        delta.launched(f"p{event.program}")
    _week_counts(delta.week, event)
    Consumption().observe_sample(1 + event.program % 12, (event.value,), delta.consumption)
    _wait_counts(delta.waits, event)
    _gap_counts(delta.gaps, event)


def _neural(holder: Held, event: Event) -> None:
    names = np.array([event.program, 99_991, 99_992])
    holder.model.observe(names, np.full(3, 1 / 3), event.program, round(event.time_s * 1000))


def _minutes(holder: Held, event: Event) -> None:
    with suppress(ValueError):  # a minute that is not later is refused, and nothing learnt
        holder.model.observe(float(event.program), int(event.time_s // 60))


def _hours(holder: Held, event: Event) -> None:
    with suppress(ValueError):  # an hour that is not later is refused, and nothing learnt
        holder.model.observe(event.value, event.time_s // 3600 * 3600.0)


def _series(holder: Held, event: Event) -> None:
    holder.model.score(event.value, event.time_s)


def _residual(holder: Held, event: Event) -> None:
    holder.model.score(event.value, (0.05, 0.5, 0.95), (0.2, 1.0, 5.0))


def _surprise(holder: Held, event: Event) -> None:
    holder.model.score(min(1.0, event.value / 8.0))


def _drift(holder: Held, event: Event) -> None:
    holder.model.update(event.value)


def _service(holder: Held, event: Event) -> None:
    holder.model.misses(60, event.program % 9, 0.95)
    holder.model.launch_time(30.0 * event.value)


def _crowd(holder: Held, event: Event) -> None:
    holder.model.judge(int(event.time_s // 3600), {f"p{event.program}": event.program})


def _silence(holder: Held, event: Event) -> None:
    holder.model.heard(f"desk-{event.program}", round(event.time_s * 1000))
    holder.model.missed(round(event.time_s * 1000))


def _two_anchors() -> HourlyForecaster:
    return HourlyForecaster(anchors=(1, 24))


CASES = (
    Case("programs", held(UserPrograms), _programs, 19 * 1024),
    Case("session starts", SessionStarts, _session_starts, 111),
    Case("gap counts", GapCounts, _gap_counts, 100_000),
    Case("group counts", GroupCounts, _group_counts, 20_000),
    Case("cycles", Cycles, _cycles, 800),
    Case("week counts", WeekCounts, _week_counts, 5000),
    Case("session length", SessionLength, _session_length, 400),
    Case("global trend", GlobalTrend, _global_trend, 2200),
    Case("consumption", Consumption, _consumption, 1900),
    Case("consumption counts", ConsumptionCounts, _consumption_counts, 40_000),
    Case("sensitivity", Sensitivity, _sensitivity, 300),
    Case("wait counts", WaitCounts, _wait_counts, 100),
    Case("data access", DataAccess, _data_access, 900),
    Case("population", held(Population, Population.empty), _population, 3_400_000),
    Case("hour's statistics", held(HourDelta), _hour_delta, 400_000),
    Case("neural expert", held(NeuralExpert), _neural, 12_000),
    Case("minutes ahead", held(MinuteForecaster), _minutes, 10_000),
    # Arrays of fixed size: the same after 10 hours and after 4,000. Never saved, folded again.
    # Of the 816 KB, climates and analogs take 50: 89 experts in place of 79.
    Case("hours ahead", held(HourlyForecaster, _two_anchors), _hours, 820_000),
    Case("series", held(SeriesDetector), _series, 70_000),
    Case("residual", held(ResidualDetector), _residual, 100, framed=False),
    Case("surprise", held(Surprise), _surprise, 100, framed=False),
    Case("drift", held(DriftDetector), _drift, 10_000),
    Case("service", held(ServiceDetector), _service, 200),
    Case("crowd", held(CrowdDetector), _crowd, 60_000),
    Case("silences", held(SilenceWatch), _silence, 20_000),
)
