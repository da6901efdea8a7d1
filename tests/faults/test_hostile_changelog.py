"""Somebody writes to the workers' changelogs: nobody's state but the forged one is lost, nothing is
made of it, and nothing is written over what only another release can read."""

import asyncio
import random
from typing import Any

import pytest

from schemas.records import ActivityBatch
from schemas.topics import (
    ANOMALIES_OBSERVED,
    DEMAND_OBSERVED,
    DEMAND_PARTIALS,
    POPULATION_PARTIALS,
    RESERVE_STATUS,
    TELEMETRY_ACTIVITY,
    Topic,
)
from streams.pipeline.user import User
from streams.runtime.newest_store import body_of, rank_of, ranked
from streams.runtime.settlement import Stage
from streams.runtime.state_tables import PartitionTable, StateTable
from tests.testkit.crashing import Store
from tests.testkit.hostile import mutated
from tests.testkit.office import START_MS
from tests.testkit.stages import Stages, good_records
from tests.testkit.under_fire import SEED

pytestmark = pytest.mark.faults

NOW_MS = START_MS + 4 * 86_400_000
HIGHEST = 2**64 - 1
FORGED = (b"", b"short", b"\xff" * 60, b"\x80\x04\x95cos\nsystem\n", b"\xdd\xff\xff\xff\xff")
GOOD = good_records(SEED)
# What all users have in common, by the topic of its stage.
SHARED = {
    TELEMETRY_ACTIVITY: "_partitions", POPULATION_PARTIALS: "_table", DEMAND_OBSERVED: "_table",
    DEMAND_PARTIALS: "_table", RESERVE_STATUS: "_table", ANOMALIES_OBSERVED: "_table",
}  # fmt: skip


class Written:
    """What stages write to changelogs and bury of them, in a sink's place."""

    def __init__(self) -> None:
        self.states: list[bytes] = []
        self.records: list[tuple[bytes, bytes | None]] = []

    async def bury_state(self, topic: Topic, key: bytes, data: bytes) -> None:
        del topic, key
        self.states.append(data)

    async def start(self, topic: str, key: bytes, value: bytes | None, partition: int) -> None:
        del topic, partition
        self.records.append((key, value))

    def recovered(self, key: bytes, before: bytes) -> bytes:
        """What recovery makes of a key that the forged value was the last of."""
        return Store([(key, before), *(r for r in self.records if r[0] == key)]).data[key]


async def work(stages: Stages, topic: Topic, since: int = 0) -> None:
    for key, record in GOOD[topic][since:]:
        value = stages.codec.encode(topic, record)
        assert not await stages.work(topic, value, key.encode(), NOW_MS)


async def worked(written: Written) -> Stages:
    """Stages that have worked on everything, and saved it."""
    stages = Stages()
    stages.sink.bury_state = written.bury_state  # type: ignore[method-assign]
    stages.sink.start = written.start  # type: ignore[method-assign,assignment]
    for topic in GOOD:
        await work(stages, topic)
    await stages.restart()
    return stages


def table_of(stage: Stage, name: str) -> dict[bytes, bytes]:
    table: Any = vars(stage)[name]
    inner: StateTable = table._table if isinstance(table, PartitionTable) else table
    data: dict[bytes, bytes] = inner._table.data.data
    return data


def forgeries(chance: random.Random, kept: bytes) -> list[bytes]:
    """Bytes in place of a state: none, garbage, and itself with a few changed; of any rank."""
    body = body_of(kept)
    # The beginning stays: with another version it would be another release's, and end the worker.
    changed = [body[:4] + mutated(bytes(5) + body[4:], chance)[5:] for _ in range(20)]
    return [*FORGED, *(ranked(HIGHEST, forged) for forged in (*FORGED, *changed))]


def test_a_forged_user_is_buried_and_recovery_meets_it_no_more() -> None:
    chance = random.Random(SEED)

    async def run() -> int:
        written = Written()
        stages = await worked(written)
        users = table_of(stages.by_topic[TELEMETRY_ACTIVITY], "_users")
        victim = GOOD[TELEMETRY_ACTIVITY][-1][0].encode()
        kept, buried = dict(users), 0
        for forged in forgeries(chance, kept[victim]):
            users.clear()
            users.update(kept)
            users[victim] = forged
            users[b"\xff\xfe no text"] = kept[victim]
            written.states.clear()
            written.records.clear()
            await again(stages, victim.decode())
            others = kept.keys() - {victim}
            assert all(users[name] == kept[name] for name in others), "nobody else is lost"
            recovered = written.recovered(victim, forged)
            assert User.from_bytes(body_of(recovered)).offset > 0
            assert (rank_of(recovered) < HIGHEST) or not written.states
            buried += bool(written.states)
        return buried

    assert asyncio.run(run()) >= 2 * len(FORGED)


async def again(stages: Stages, key: str) -> None:
    """Work on the last events once more, as activity that is new, and save what came of it."""
    events = GOOD[TELEMETRY_ACTIVITY][-1][1].events
    batch = ActivityBatch(user=key, host="h", source=f"s{stages.sink.sent}", events=events)
    value = stages.codec.encode(TELEMETRY_ACTIVITY, batch)
    assert not await stages.work(TELEMETRY_ACTIVITY, value, key.encode(), NOW_MS)
    await stages.restart()


def test_a_forged_state_of_all_ends_the_worker_and_is_not_written_over() -> None:
    """As if there were none it would close minutes twice, and say that nobody launches anything."""

    async def run() -> None:
        stages = await worked(Written())
        for topic, name in SHARED.items():
            table = table_of(stages.by_topic[topic], name)
            good = dict(table)
            for forged in FORGED[1:]:
                await ends_and_leaves(stages, topic, table, ranked(HIGHEST, forged))
            table.update(good)
            await work(stages, topic, -1)

    asyncio.run(run())


async def ends_and_leaves(
    stages: Stages, topic: Topic, table: dict[bytes, bytes], forged: bytes
) -> None:
    kept = dict.fromkeys(table, forged)
    table.update(kept)
    with pytest.raises(AssertionError, match="would have ended: step failed"):
        await work(stages, topic, -1)
    await stages.restart()
    assert dict(table) == kept
