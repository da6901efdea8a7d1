"""A worker dies at any moment: what it had not yet made durable comes again, and nothing shows.

Activity and heartbeats are delivered again from their own committed offsets, in any interleaving,
so a heartbeat may overtake the activity before it.
"""

import asyncio
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import crash_points
from schemas.crash_points import WorkerPoint
from schemas.records import Tick
from schemas.topics import TELEMETRY_ACTIVITY, TELEMETRY_LATE, TELEMETRY_TICKS
from tests.testkit.crashing import (
    Broker,
    CrashError,
    Worker,
    demand,
    forecasts,
    heartbeats,
    predictions,
    settled_users,
)
from tests.testkit.office import activities, log_of
from tests.testkit.offline import Message

CRASHES = 6
# The moments that a stage comes to on a broker in memory; the others need Kafka and Faust.
MOMENTS = (
    WorkerPoint.MESSAGE_SENT, WorkerPoint.HOUR_CLOSED, WorkerPoint.PROFILE_RESTORED,
    WorkerPoint.PROFILE_OUTPUTS_DURABLE, WorkerPoint.PROFILE_USERS_DURABLE,
    WorkerPoint.PROFILE_STATE_DURABLE,
)  # fmt: skip


def interleaved(
    activity: list[Message], ticks: list[Message], chance: random.Random
) -> list[Message]:
    """Both in their own order, mixed by chance."""
    merged, a, t = [], list(activity), list(ticks)
    while a or t:
        merged.append((a if a and (not t or chance.random() < 0.5) else t).pop(0))
    return merged


async def played(broker: Broker, order: list[Message], chance: random.Random, fuse: int) -> bool:
    """Work on the messages in one process; tell whether it lived to the end."""
    worker = Worker(broker, fuse)
    try:
        for message in order:
            await worker.work(message)
            if chance.random() < 0.15:
                await worker.commit()
        await worker.commit()
    except CrashError:
        broker.crash(chance)
        return False
    return True


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_crash_at_any_moment_does_not_show(seed: int) -> None:
    chance = random.Random(seed)
    log = log_of(activities(seed, 60, hours=20.0), 1)
    activity = [m for m in log if not isinstance(m.value, Tick)]
    ticks = heartbeats(activity, share=0.5)
    calm, broker = Broker(), Broker()
    in_turn = [message for pair in zip(activity, ticks, strict=True) for message in pair]
    assert asyncio.run(played(calm, in_turn, chance, 10**9))

    crashes = 0
    for life in range(CRASHES + 1):
        rest = activity[broker.committed[TELEMETRY_ACTIVITY.name] :]
        order = interleaved(rest, ticks[broker.committed[TELEMETRY_TICKS.name] :], chance)
        # The whole log takes more than 200 sends: the first life at least is cut short.
        fuse = chance.randrange(150) if life < CRASHES else 10**9
        crashes += not asyncio.run(played(broker, order, chance, fuse))

    assert crashes, "a fault test that injects no fault proves nothing"
    assert not [o for o in broker.outputs if o.topic is TELEMETRY_LATE]
    assert predictions(broker.outputs) == predictions(calm.outputs)
    assert demand(broker.outputs) == demand(calm.outputs)
    assert forecasts(broker.outputs) == forecasts(calm.outputs)
    assert settled_users(broker) == settled_users(calm)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_crash_at_a_named_moment_does_not_show(
    moment: WorkerPoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(moment)
    activity = [m for m in log_of(activities(7, 80), 1) if not isinstance(m.value, Tick)]
    ticks = heartbeats(activity, share=0.5)
    in_turn = [message for pair in zip(activity, ticks, strict=True) for message in pair]
    calm, broker = Broker(), Broker()
    assert asyncio.run(played(calm, in_turn, chance, 10**9))

    struck: list[WorkerPoint] = []

    def strike(_: Path, at: WorkerPoint) -> None:
        often = len(struck) < CRASHES and (not struck or chance.random() < 0.5)
        if at == moment and often:
            struck.append(at)
            raise CrashError

    monkeypatch.setattr(crash_points, "_folder", "armed")
    monkeypatch.setattr(crash_points, "strike", strike)
    lived, fuse = False, 120  # one more death, so that there is something to restore
    while not lived:
        rest = activity[broker.committed[TELEMETRY_ACTIVITY.name] :]
        order = interleaved(rest, ticks[broker.committed[TELEMETRY_TICKS.name] :], chance)
        lived, fuse = asyncio.run(played(broker, order, chance, fuse)), 10**9

    assert struck, "a fault test that injects no fault proves nothing"
    assert predictions(broker.outputs) == predictions(calm.outputs)
    assert demand(broker.outputs) == demand(calm.outputs)
    assert forecasts(broker.outputs) == forecasts(calm.outputs)
    assert settled_users(broker) == settled_users(calm)


async def replayed(
    broker: Broker, order: list[Message], chance: random.Random, fuse: int
) -> tuple[int, bool]:
    """Work on messages that a replay sends once the hours before them are published.

    Returns how many were worked on, and whether the process lived to the end.
    """
    worker = Worker(broker, fuse)
    done = 0
    try:
        for message in order:
            await worker.work(message)
            broker.publish_hours()
            done += 1
            if chance.random() < 0.05:
                await worker.commit()
        await worker.commit()
    except CrashError:
        broker.crash(chance)
        return done, False
    return done, True


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_comes_again_meets_what_was_learnt_when_it_came_first(seed: int) -> None:
    chance = random.Random(seed)
    activity = [m for m in log_of(activities(seed, 120, 40.0), 1) if not isinstance(m.value, Tick)]
    ticks = heartbeats(activity)
    log = [message for pair in zip(activity, ticks, strict=True) for message in pair]
    calm, broker = Broker(), Broker()
    assert asyncio.run(replayed(calm, log, chance, 10**9)) == (len(log), True)
    assert len(calm.priors) > 12, "hours go by"

    sent = crashes = 0
    for life in range(CRASHES + 1):
        mixed = interleaved(
            [m for m in log[:sent:2] if m.offset >= broker.committed[TELEMETRY_ACTIVITY.name]],
            [m for m in log[1:sent:2] if m.offset >= broker.committed[TELEMETRY_TICKS.name]],
            chance,
        )
        fuse = chance.randrange(200) if life < CRASHES else 10**9
        done, lived = asyncio.run(replayed(broker, mixed + log[sent:], chance, fuse))
        sent = max(sent, sent + done - len(mixed))
        crashes += not lived

    assert crashes, "a fault test that injects no fault proves nothing"
    assert predictions(broker.outputs) == predictions(calm.outputs)
    assert settled_users(broker) == settled_users(calm)
