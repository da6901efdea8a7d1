"""The models that the contract suite holds to their promises: add a model by adding a line.

A case makes an empty model, feeds it an event of a synthetic user, and bounds its bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from streams.models.consumption import Consumption, ConsumptionCounts
from streams.models.cycles import ClosedSession, Cycles, WeekCounts
from streams.models.cycles.global_trend import GlobalTrend
from streams.models.cycles.session_length import SessionLength
from streams.models.cycles.session_starts import SessionStarts
from streams.models.dataaccess import DataAccess
from streams.models.groups import GroupCounts
from streams.models.programs import Population, PopulationDelta, UserPrograms, observe
from streams.models.sensitivity import Normal, Sensitivity, WaitCounts
from streams.models.timing import GapCounts

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
    model.add(event.program, 0, event.value)


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


class Programs:
    """The model of the next program, compared by its bytes."""

    def __init__(self, user: UserPrograms | None = None) -> None:
        self.user = user or UserPrograms()

    def to_bytes(self) -> bytes:
        return self.user.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Programs":
        return cls(UserPrograms.from_bytes(data))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Programs) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # the state changes


NOBODY = Population.empty()


def _programs(model: Programs, event: Event) -> None:
    if event.launch:
        observe(model.user, NOBODY, PopulationDelta(), f"p{event.program}", event.time_s)


CASES = (
    Case("programs", Programs, _programs, 16_384),
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
)
