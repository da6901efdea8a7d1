"""Users are forgotten in the order of the log, whenever workers die: once, and for good.

The worker is the real stage, on the broker in memory of tests/testkit/crashing.py.
"""

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import ActivityBatch, Tick
from schemas.topics import (
    DEMAND_OBSERVED,
    PREDICTIONS_PROGRAMS,
    PROFILES_USERS,
    TELEMETRY_ACTIVITY,
    TELEMETRY_LATE,
    TELEMETRY_TICKS,
)
from streams.pipeline.user import User
from streams.runtime.newest_store import body_of
from tests.testkit.crashing import Broker, CrashError, Store, Worker
from tests.testkit.office import HOUR_MS, activities, log_of
from tests.testkit.offline import Message

CRASHES = 5


def forgetting(seed: int, chance: random.Random) -> list[Message]:
    """Activity of a few users, each of whom is forgotten here and there, and may come back."""
    values = [
        m.value for m in log_of(activities(seed, 60), 1) if isinstance(m.value, ActivityBatch)
    ]
    log: list[Message] = []
    for value in values:
        at_ms = value.events[0].time
        log.append(Message(0, len(log), at_ms, value))
        if chance.random() < 0.2:
            name = f"user{chance.randrange(5)}"
            erasure = ActivityBatch(user=name, host="", source="f", events=[], forget=True)
            log.append(Message(0, len(log), at_ms, erasure))
    return log


def beats(activity: list[Message]) -> list[Message]:
    """Heartbeats for each message, and enough after the last for keys to go."""
    ends = [m.appended_ms for m in activity]
    until = [*(end - 1 for end in ends[1:]), ends[-1] + 2 * HOUR_MS]
    until += [until[-1] + k for k in range(1, 4)]
    return [
        Message(
            0, k, time_ms,
            Tick(
                source="s", time=time_ms, partition=0,
                activity_offset=min(k + 1, len(activity)),
            ),
        )
        for k, time_ms in enumerate(until)
    ]  # fmt: skip


def interleaved(
    activity: list[Message], ticks: list[Message], chance: random.Random
) -> list[Message]:
    merged, a, t = [], list(activity), list(ticks)
    while a or t:
        merged.append((a if a and (not t or chance.random() < 0.5) else t).pop(0))
    return merged


async def live(broker: Broker, order: list[Message], chance: random.Random, fuse: int) -> bool:
    worker = Worker(broker, fuse)
    try:
        for message in order:
            await worker.work(message)
            if chance.random() < 0.2:
                await worker.commit()
        for _ in range(3):  # as long as something comes, the agent settles
            await worker.work(order[-1])
            await worker.commit()
    except CrashError:
        broker.crash(chance)
        return False
    return True


def said(broker: Broker) -> dict[str, dict]:
    """What consumers have: predictions by id, launches by minute."""
    outputs = broker.outputs
    predictions: dict[str, object] = {}
    for output in outputs:
        if output.topic is PREDICTIONS_PROGRAMS:
            known = predictions.setdefault(output.record.prediction_id, output.record)
            assert known == output.record, "a repeat says the same"
    return {
        "predictions": predictions,
        "launches": {
            (o.record.pool, m.time): m.launches
            for o in outputs
            if o.topic is DEMAND_OBSERVED
            for m in o.record.minutes
        },
    }


def last_profiles(broker: Broker) -> dict[str, object]:
    """What profiles.users has under each key; None where it was taken back."""
    return {o.key: o.record for o in broker.outputs if o.topic is PROFILES_USERS}


def kept(broker: Broker) -> dict[str, User]:
    store = Store(broker.changelogs["users-0"])
    return {key.decode(): User.from_bytes(body_of(value)) for key, value in store.data.items()}


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_crash_at_any_moment_does_not_show(seed: int) -> None:
    chance = random.Random(seed)
    activity = forgetting(seed, chance)
    ticks = beats(activity)
    calm, broker = Broker(), Broker()
    assert asyncio.run(live(calm, interleaved(activity, ticks, chance), chance, 10**9))

    deaths = 0
    for life in range(CRASHES + 1):
        rest = activity[broker.committed[TELEMETRY_ACTIVITY.name] :]
        order = interleaved(rest, ticks[broker.committed[TELEMETRY_TICKS.name] :], chance)
        fuse = chance.randrange(120) if life < CRASHES else 10**9
        if not order or asyncio.run(live(broker, order, chance, fuse)):
            break
        deaths += 1
    assert deaths > 0, "nothing was injected"

    assert not [o for b in (calm, broker) for o in b.outputs if o.topic is TELEMETRY_LATE]
    assert said(broker) == said(calm)
    last = {m.value.user: m.value.forget for m in activity}
    for told in (calm, broker):
        users, profiles = kept(told), last_profiles(told)
        assert all(profiles[name] is None for name, forgotten in last.items() if forgotten)
        assert set(users) == {name for name, forgotten in last.items() if not forgotten}
        assert not any(user.departing for user in users.values())
    assert {n: u.launches for n, u in kept(broker).items()} == {
        n: u.launches for n, u in kept(calm).items()
    }
