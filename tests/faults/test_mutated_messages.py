"""Thousands of messages that somebody has tampered with, on every topic that a worker reads: each
is worked on or buried, no worker ends, and what it keeps of them it can read again."""

import asyncio
import random
import time
from collections import Counter

import pytest

from schemas.records import ActivityBatch
from schemas.topics import TELEMETRY_ACTIVITY
from tests.testkit.hostile import hostile
from tests.testkit.office import START_MS
from tests.testkit.pipeline import environment_number
from tests.testkit.stages import Stages, good_records
from tests.testkit.under_fire import SEED, write_report

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

MESSAGES = environment_number("WARMFRONT_MUTATIONS", 10_000)
NOW_MS = START_MS + 4 * 86_400_000  # the broker's time, days after all that is good
EVERY = 500  # messages between two restarts


async def played(stages: Stages, chance: random.Random) -> tuple[Counter[str], Counter[str]]:
    """Send all messages; returns by topic how many were worked on, and how many buried."""
    good = good_records(SEED)
    topics, worked, buried = list(good), Counter[str](), Counter[str]()
    for topic, records in good.items():
        for key, record in records:
            await stages.work(topic, stages.codec.encode(topic, record), key.encode(), NOW_MS)
    for number in range(MESSAGES):
        topic = chance.choice(topics)
        key, record = chance.choice(good[topic])
        value = hostile(stages.codec, topic, record, chance)
        if topic is TELEMETRY_ACTIVITY:
            key = user_in(stages, value) or key
        is_buried = await stages.work(topic, value, key.encode("utf-8", "replace"), NOW_MS)
        (buried if is_buried else worked)[topic.name] += 1
        if number % EVERY == EVERY - 1:
            await stages.restart()
    return worked, buried


def user_in(stages: Stages, value: bytes) -> str:
    """The user that a batch names, where it can be read: under another key nobody looks at it."""
    try:
        return str(stages.codec.decode(TELEMETRY_ACTIVITY, value, ActivityBatch).user)
    except ValueError:
        return ""


def test_no_message_ends_a_worker_or_spoils_its_state() -> None:
    stages, chance = Stages(), random.Random(SEED)
    worked, buried = asyncio.run(played(stages, chance))
    after, recovered_s = asyncio.run(neighbours(stages))
    write_report(
        "mutated-messages", seed=SEED, strikes=sum(worked.values()) + sum(buried.values()),
        worked=dict(worked), buried=dict(buried), recovered_s=[recovered_s],
    )  # fmt: skip
    assert sum(worked.values()) + sum(buried.values()) == MESSAGES
    assert len(buried) >= 7, "on each topic some make no sense"
    assert len(worked) >= 9, "and some are as good as any"
    assert after > 0
    assert recovered_s > 0.0


async def neighbours(stages: Stages) -> tuple[int, float]:
    """Good activity of somebody else, after all that; returns how many outputs came of it, and how
    many seconds the first took."""
    before, began_s, first_s = stages.sink.sent, time.monotonic(), 0.0
    for key, record in good_records(SEED)[TELEMETRY_ACTIVITY]:
        batch = ActivityBatch(
            user=f"neighbour-{key}", host="h", source="neighbour", events=record.events
        )
        value = stages.codec.encode(TELEMETRY_ACTIVITY, batch)
        assert not await stages.work(TELEMETRY_ACTIVITY, value, batch.user.encode(), NOW_MS)
        if stages.sink.sent > before and not first_s:
            first_s = time.monotonic() - began_s
    await stages.restart()
    return stages.sink.sent - before, first_s
