"""A worker dies at any moment: what it had not yet made durable comes again, and nothing shows.

The broker keeps a prefix of the changelog; activity and heartbeats are delivered again from their
own committed offsets, in any interleaving, so a heartbeat may overtake the activity before it.
"""

import random
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import MinuteDemand, Tick
from schemas.topics import DEMAND_OBSERVED, PREDICTIONS_PROGRAMS, TELEMETRY_LATE
from streams.pipeline.learned import LearnedVersions
from streams.pipeline.outputs import Output
from streams.pipeline.partition import ProfilePartition
from streams.pipeline.partition_state import PartitionState
from streams.pipeline.user import User, partition_of
from tests.testkit.office import POOLS, WAYS, activities, log_of
from tests.testkit.offline import LATENESS_MS, MemoryUsers, Message


@dataclass
class Worker:
    """One process: its folds in memory, and what is durable outside it."""

    users: MemoryUsers = field(default_factory=MemoryUsers)
    durable_users: dict[str, bytes] = field(default_factory=dict)
    durable_partition: bytes | None = None
    pending: list[tuple[str, bytes]] = field(default_factory=list)
    sent: list[Output] = field(default_factory=list)
    committed: int = 0

    def start(self) -> None:
        self.users = MemoryUsers(
            dict(self.durable_users),
            {name: User.from_bytes(data) for name, data in self.durable_users.items()},
        )
        saved = self.durable_partition
        state = PartitionState.from_bytes(saved) if saved else None
        names = tuple(pool.name for pool in POOLS)
        learned = LearnedVersions().at
        self.fold = ProfilePartition(0, self.users, WAYS, names, LATENESS_MS, learned, state)
        found = [(name, *partition_of(data)[1:]) for name, data in self.durable_users.items()]
        self.fold.restored(self.committed, found)

    def flush(self) -> None:
        self.durable_users.update(self.pending)
        self.pending.clear()

    def work(self, message: Message) -> None:
        value = message.value
        apply = self.fold.tick if isinstance(value, Tick) else self.fold.apply
        for step in apply(value, message.offset, message.appended_ms):
            self.sent += step.outputs
            if step.partition is not None:
                self.durable_partition = step.partition.to_bytes()
                self.flush()
            if step.user is not None:
                self.users.save(*step.user)
                self.pending.append((step.user[0], self.users.saved[step.user[0]]))

    def commit(self, next_activity: int) -> None:
        self.flush()
        self.committed = next_activity

    def crash(self, chance: random.Random) -> None:
        self.durable_users.update(self.pending[: chance.randrange(len(self.pending) + 1)])
        self.pending.clear()
        self.start()


def demand(outputs: list[Output]) -> dict[tuple[str, int], MinuteDemand]:
    return {
        (o.record.pool, m.time): m
        for o in outputs
        if o.topic is DEMAND_OBSERVED
        for m in o.record.minutes
    }


def predictions(outputs: list[Output]) -> dict[str, object]:
    return {o.record.prediction_id: o.record for o in outputs if o.topic is PREDICTIONS_PROGRAMS}


def heartbeats(activity: list[Message]) -> list[Message]:
    """After each message one that speaks for the time up to the next, as a collector's do."""
    latest = [max(e.time for e in m.value.events) for m in activity]
    until = [*(time - 1 for time in latest[1:]), latest[-1] + 7_200_000]
    return [
        Message(0, k, until[k], Tick(source="s", time=until[k], partition=0, activity_offset=k + 1))
        for k in range(len(activity))
    ]


def interleaved(
    activity: list[Message], ticks: list[Message], chance: random.Random
) -> list[Message]:
    """Both in their own order, mixed by chance."""
    merged, a, t = [], list(activity), list(ticks)
    while a or t:
        merged.append((a if a and (not t or chance.random() < 0.5) else t).pop(0))
    return merged


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_crash_at_any_moment_does_not_show(seed: int) -> None:
    chance = random.Random(seed)
    log = log_of(activities(seed, 80), 1)
    activity = [m for m in log if not isinstance(m.value, Tick)]
    ticks = heartbeats(activity)
    calm = Worker()
    calm.start()
    for pair in zip(activity, ticks, strict=True):
        for message in pair:
            calm.work(message)

    crashed = Worker()
    crashed.start()
    committed_ticks = position = 0
    order = interleaved(activity, ticks, chance)
    for _ in range(4):
        stop = chance.randrange(len(order) + 1)
        for message in order[:stop]:
            crashed.work(message)
            if isinstance(message.value, Tick):
                position = message.offset + 1
            if chance.random() < 0.1:
                done = [m.offset for m in order[:stop] if not isinstance(m.value, Tick)]
                seen = [o for o in done if o <= crashed.fold.state.next_offset - 1]
                crashed.commit(max([crashed.committed, *(o + 1 for o in seen)]))
                committed_ticks = max(committed_ticks, position)
        crashed.crash(chance)
        order = interleaved(activity[crashed.committed :], ticks[committed_ticks:], chance)
    for message in order:
        crashed.work(message)

    assert not [o for o in crashed.sent if o.topic is TELEMETRY_LATE]
    assert predictions(crashed.sent) == predictions(calm.sent)
    assert demand(crashed.sent) == demand(calm.sent)
