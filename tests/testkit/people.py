"""People with known habits: their telemetry through the fold of a partition, their profiles."""

import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from schemas.records import Activity, ActivityBatch, Tick, UserProfile
from schemas.topics import POPULATION_PARTIALS, PROFILES_USERS, Topic
from streams.models.sensitivity import Normal
from streams.pipeline.activity import Ways
from streams.pipeline.learned import LearnedVersions
from streams.pipeline.outputs import Output
from streams.pipeline.partition import ProfilePartition, Step
from streams.pipeline.readable_profile import readable_profile
from tests.testkit.office import HOUR_MS, POOLS, START_MS, WAYS
from tests.testkit.offline import LATENESS_MS, MemoryUsers

NORMAL = Normal()


@dataclass
class World:
    """One partition, fed in event time; what it learns goes round as the population agent does."""

    ways: Ways = WAYS
    users: MemoryUsers = field(default_factory=MemoryUsers)
    versions: LearnedVersions = field(default_factory=LearnedVersions)
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = tuple(pool.name for pool in POOLS)
        self.fold = ProfilePartition(0, self.users, self.ways, names, LATENESS_MS, self.versions.at)
        self.offset = 0
        self._seq = 0

    def send(self, user: str, *events: Activity, zone: str | None = None) -> None:
        """Send events of a user, numbered here."""
        numbered = []
        for event in events:
            self._seq += 1
            numbered.append(_numbered(event, self._seq))
        batch = ActivityBatch(user=user, host="h", source="s", events=numbered, zone=zone)
        latest = max((event.time for event in events), default=0)
        self._take(self.fold.apply(batch, self.offset, latest))
        self.offset += 1

    def play(
        self, rows: Iterable[tuple[str, Activity]], zones: Mapping[str, str] | None = None
    ) -> None:
        """Send events of several users in time order, with the zones that their hosts tell."""
        for user, event in sorted(rows, key=lambda row: row[1].time):
            self.send(user, event, zone=(zones or {}).get(user))

    def tick(self, time_ms: int) -> None:
        """Let event time go on."""
        self._take(self.fold.tick(Tick(source="s", time=time_ms, partition=0), 0, time_ms))

    def records(self, topic: Topic) -> list:
        """What was said on a topic."""
        return [o.record for step in self.steps for o in step.outputs if o.topic is topic]

    def records_of(self, topic_name: str) -> list:
        """What was said on a topic, by its name."""
        outputs = [o for step in self.steps for o in step.outputs]
        return [o.record for o in outputs if o.topic.name == topic_name]

    def forget(self, user: str) -> None:
        """Have a user forgotten."""
        batch = ActivityBatch(user=user, host="", source="f", events=[], forget=True)
        self._take(self.fold.apply(batch, self.offset, 0))
        self.offset += 1

    def published(self, user: str) -> UserProfile:
        """The last profile of a user on the topic."""
        return [p for p in self.records(PROFILES_USERS) if p.user == user][-1]

    def profile(self, user: str, now_ms: int) -> UserProfile:
        """The profile of a user as it would be written at a moment."""
        state = self.users.get(user)
        assert state is not None
        return readable_profile(user, state, self.versions.at(now_ms), now_ms, self.ways)

    def _take(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self.steps.append(step)
            if step.user is not None:
                self.users.save(*step.user)
            self.learn(step.outputs)

    def learn(self, outputs: list[Output]) -> None:
        """Let what the partition's closed hours teach go round."""
        for output in outputs:
            if output.topic is POPULATION_PARTIALS:
                self.versions.add_published(output.record.hour, output.record.body)


def _numbered(event: Activity, seq: int) -> Activity:
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return Activity(**{**fields, "seq": seq})


def event(kind: str, after_s: float, program: str = "mail", **fields: object) -> Activity:
    """An event so many seconds after the world's start."""
    time_ms = START_MS + round(after_s * 1000)
    return Activity(seq=0, time=time_ms, kind=kind, program=program, **fields)  # type: ignore[arg-type]


def waiting_life(
    true: float,
    waits: int,
    seed: int,
    *,
    relaunch_share: float = 0.05,
    factors: tuple[float, ...] = (1.0,),
) -> list[Activity]:
    """What a person of a known sensitivity does, launch after launch, as events.

    Each launch comes two hours after the last. The person gives up at a hazard of sensitivity
    times the normal one, else may launch again or leave early, with waiting or by habit.
    """
    rng, events = random.Random(seed), []
    for k in range(waits):
        now, program = k * 7200.0, rng.randrange(len(factors))
        name, s = f"program{program}", true * factors[program]
        wait_s = 0.0 if rng.random() < 0.3 else rng.lognormvariate(math.log(40.0), 0.8)
        patience_s = 60.0 * rng.expovariate(s * NORMAL.abandons_per_min)
        abandoned, wait_s = patience_s < wait_s, min(wait_s, patience_s)
        done = now + wait_s
        events.append(event("LAUNCH", now, name))
        outcome = "abandoned" if abandoned else "ok"
        events.append(event("WAIT", done, name, wait_s=wait_s, outcome=outcome))
        if abandoned:
            continue
        minutes = wait_s / 60.0

        def happens(share: float, rate: float, exposure: float = s * minutes) -> bool:
            return rng.random() < 1.0 - (1.0 - share) * math.exp(-exposure * rate)

        if happens(relaunch_share, NORMAL.relaunches_per_min):
            events.append(event("LAUNCH", done + 20.0, name))
        if not happens(NORMAL.cut_share, NORMAL.cuts_per_min):
            events += [event("SWITCH", done + after, "other") for after in (500.0, 1000.0)]
    return events


__all__ = ["HOUR_MS", "NORMAL", "START_MS", "World", "event", "waiting_life"]
