"""Merges what the partitions learnt: one hour is published once every partition has closed it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from schemas.records import PopulationPartial, PopulationPrior
from schemas.topics import POPULATION_PRIOR
from streams.models.anomaly import Crowd, CrowdDetector, Observation
from streams.models.anomaly.running_tail import judge
from streams.models.cycles.global_trend import GlobalTrend
from streams.models.groups import FLOOR
from streams.pipeline.eventtime import HOUR_MS
from streams.pipeline.groups import DAY_HOURS, group_outputs, unpacked
from streams.pipeline.judged import judged
from streams.pipeline.learned import HourDelta
from streams.pipeline.outputs import Output, output_id
from streams.pipeline.state_version import decoded

VERSION = 1
HOURS_AHEAD = 24
# Hours without launches are published too, so that nobody waits for them; after so many in a row
# none is until the next launch.
MOST_EMPTY = 48


class _Wire(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    closed: dict[int, int]
    pending: dict[int, dict[int, bytes]]
    trend: bytes
    crowds: bytes = b""
    groups: dict[int, dict[int, bytes]] = {}
    days: dict[int, int] = {}
    published: int = -1
    busy: int = -1


_decoder = msgspec.msgpack.Decoder(_Wire)


@dataclass(slots=True)
class PopulationFold:
    """Collects the partitions' hours.

    Parameters
    ----------
    partitions
        How many partitions of telemetry there are; an hour is whole once all have closed it.
    closed
        By partition, the last hour it has closed.
    pending
        By hour, the partitions' statistics that are not published yet.
    trend
        River's model of the total launches an hour, over all users.
    crowds
        Judges each program's launches an hour, over all users.
    groups
        By day, the partitions' counts of groups that are not told yet.
    days
        By partition, the last day that it has counted groups at.
    floor
        Users that a group's program needs before it is named.
    published
        The last hour that there is nothing more to say of; -1 before the first launch.
    busy
        The last hour with launches; -1 before the first.
    """

    partitions: int
    closed: dict[int, int]
    pending: dict[int, dict[int, bytes]]
    trend: GlobalTrend = field(default_factory=GlobalTrend)
    crowds: CrowdDetector = field(default_factory=CrowdDetector)
    groups: dict[int, dict[int, bytes]] = field(default_factory=dict)
    days: dict[int, int] = field(default_factory=dict)
    floor: int = FLOOR
    published: int = -1
    busy: int = -1

    @classmethod
    def empty(cls, partitions: int) -> "PopulationFold":
        """Return the state before anything was heard."""
        return cls(partitions, {}, {})

    def apply(self, partial: PopulationPartial) -> list[Output]:
        """Take one partition's hour; return the hours that became whole, in order.

        Raises
        ------
        ValueError
            If the body holds no statistics, so that it never enters the state.
        """
        if partial.body:
            HourDelta.from_bytes(partial.body)
        if partial.groups:
            unpacked(partial.groups)
        last = self.closed.get(partial.partition)
        if last is not None and partial.hour <= last:
            return []
        self.closed[partial.partition] = partial.hour
        if partial.body:
            self.pending.setdefault(partial.hour, {})[partial.partition] = partial.body
        if partial.groups is not None:
            day = (partial.hour + 1) // DAY_HOURS
            self.groups.setdefault(day, {})[partial.partition] = partial.groups
            self.days[partial.partition] = day
        return self._whole() + self._days_counted()

    def _whole(self) -> list[Output]:
        if len(self.closed) < self.partitions:
            return []
        through = min(self.closed.values())
        outputs = []
        for hour in sorted(hour for hour in self.pending if hour <= through):
            outputs += self._empty_before(hour) + self._publish(hour)
            self.published = self.busy = hour
        return outputs + self._empty_before(through + 1)

    def _empty_before(self, hour: int) -> list[Output]:
        """Publish the hours without launches; which ones does not depend on who spoke when."""
        if self.busy < 0:
            return []
        empty = range(self.published + 1, min(hour, self.busy + MOST_EMPTY + 1))
        self.published = max(self.published, hour - 1)
        return [output for missing in empty for output in self._publish(missing)]

    def _days_counted(self) -> list[Output]:
        """Tell of groups as of the last day that all partitions have counted.

        A partition that skipped a day, being silent, counts with its first one after it.
        """
        if len(self.days) < self.partitions:
            return []
        through = min(self.days.values())
        counted = [day for day in self.groups if day <= through]
        if not counted:
            return []
        day = max(counted)
        bodies = [self._first_from(day, partition) for partition in sorted(self.days)]
        self.groups = {d: told for d, told in self.groups.items() if d > day}
        return group_outputs(bodies, day, self.floor)

    def _first_from(self, day: int, partition: int) -> bytes:
        days = (d for d in sorted(self.groups) if d >= day and partition in self.groups[d])
        return self.groups[next(days)][partition]

    def _publish(self, hour: int) -> list[Output]:
        total = HourDelta()
        bodies = self.pending.pop(hour, {})
        for body in bodies.values():
            total.merge(HourDelta.from_bytes(body))
        self.trend.observe(hour, total.launches)
        record = PopulationPrior(
            kind="DELTA",
            hour=hour,
            body=total.to_bytes() if bodies else b"",
            expected_launches=self.trend.expected(HOURS_AHEAD),
        )
        prior = Output(POPULATION_PRIOR, f"delta-{hour}", record)
        return [prior, *judged_crowds(hour, self.crowds.judge(hour, total.by_program))]

    def to_bytes(self) -> bytes:
        """Return the state as versioned bytes."""
        wire = _Wire(
            VERSION, self.closed, self.pending, self.trend.to_bytes(), self.crowds.to_bytes(),
            self.groups, self.days, self.published, self.busy,
        )  # fmt: skip
        return msgspec.msgpack.encode(wire)

    @classmethod
    def from_bytes(cls, data: bytes, partitions: int) -> "PopulationFold":
        """Return the state; raises ValueError for bytes that are none."""
        wire = decoded(_decoder, data, "population state", VERSION)
        trend = GlobalTrend.from_bytes(wire.trend)
        crowds = CrowdDetector.from_bytes(wire.crowds) if wire.crowds else CrowdDetector()
        return cls(
            partitions, wire.closed, wire.pending, trend, crowds, wire.groups, wire.days,
            published=wire.published, busy=wire.busy,
        )  # fmt: skip


def judged_crowds(hour: int, crowds: Sequence[Crowd]) -> list[Output]:
    """Return the unlikely ones of an hour as judged points.

    With so many programs and hours something is always unlikely: a p-value counts times the tests
    of a day.
    """
    tests = HOURS_AHEAD * len(crowds)
    outputs: list[Output] = []
    for number, crowd in enumerate(crowds):
        judgement = judge(min(1.0, max(crowd.p_value, 1e-300) * tests))
        seen = Observation(
            kind="crowd", time_s=(hour + 1) * HOUR_MS / 1000, score=judgement.score,
            observed=float(crowd.launches), expected_low=0.0, expected_high=crowd.usual,
            p_value=judgement.p_value,
            what=f"{crowd.launches} launches of {crowd.program} in an hour",
        )  # fmt: skip
        name = output_id("population", 0, hour, number)
        outputs += judged(name, f"program/{crowd.program}", seen)
    return outputs
