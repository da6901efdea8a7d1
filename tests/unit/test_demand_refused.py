"""What no partition and no pool states is buried: learnt, it would end each worker that has it."""

import asyncio

import msgspec
import pytest

from schemas.records import DemandObserved, MinuteDemand, PopulationPartial
from schemas.topics import DEMAND_OBSERVED, POPULATION_PARTIALS, Topic
from streams.pipeline.pool_minutes import PoolMinutes
from tests.testkit.stages import Stages

HOUR_MS = 3_600_000
START_MS = 487_000 * HOUR_MS
MINUTE = MinuteDemand(
    time=START_MS, launches=3, cpu_millicore_ms=0, memory_kib_ms=0, storage_kib_ms=0,
    network_byte_ms=0, cpu_millicores=0, memory_kib=0, storage_kib=0, network_bytes_per_s=0,
)  # fmt: skip
GOOD = DemandObserved(
    pool="build", source_partition=0, source_offset=0, closed_through=START_MS + 60_000,
    minutes=[MINUTE], expected_launches=4.0,
)  # fmt: skip


def is_buried(observed: DemandObserved) -> bool:
    """Whether it is, after hours that would have to forecast from it."""
    stages = Stages()

    async def work(one: DemandObserved) -> bool:
        value = stages.codec.encode(DEMAND_OBSERVED, one)
        return await stages.work(DEMAND_OBSERVED, value, b"build", one.closed_through)

    async def play() -> bool:
        buried = await work(observed)
        for hour in range(1, 5):
            closed = START_MS + hour * HOUR_MS
            await work(msgspec.structs.replace(GOOD, closed_through=closed, minutes=[]))
        return buried

    return asyncio.run(play())


def test_good_demand_is_worked_on() -> None:
    assert not is_buried(GOOD)


@pytest.mark.parametrize("expected", [-1.0, float("nan"), float("inf"), 1e300])
def test_expectations_that_cant_be_are_buried(expected: float) -> None:
    assert is_buried(msgspec.structs.replace(GOOD, expected_launches=expected))


@pytest.mark.parametrize("launches", [-1, -(2**62), 2**62])
def test_launches_that_cant_be_are_buried(launches: int) -> None:
    minute = msgspec.structs.replace(MINUTE, launches=launches)
    assert is_buried(msgspec.structs.replace(GOOD, minutes=[minute]))


def test_more_years_than_can_be_closed_at_once_are_buried() -> None:
    """Half a century was closed by the hour in one step, 4.8 GB in its first five minutes."""
    minute = msgspec.structs.replace(MINUTE, time=2_721_920)
    assert is_buried(msgspec.structs.replace(GOOD, minutes=[minute]))


def test_what_would_be_closed_waits_for_the_partition_that_is_behind() -> None:
    minutes = PoolMinutes(2, 0, {})
    early = msgspec.structs.replace(GOOD, closed_through=60_000, minutes=[])
    late = msgspec.structs.replace(GOOD, source_partition=1)
    assert minutes.would_close(early) == 0
    minutes.tell(early)
    assert minutes.would_close(late) == 0, "it is closed as far as the first is"
    minutes.tell(late)
    after = msgspec.structs.replace(GOOD, minutes=[])
    assert minutes.would_close(after) == START_MS // 60_000


def buried_at(topic: Topic, record: msgspec.Struct, at_ms: int) -> bool:
    stages = Stages()
    return asyncio.run(stages.work(topic, stages.codec.encode(topic, record), at_ms=at_ms))


@pytest.mark.parametrize(
    ("partition", "hour", "buried"),
    [(0, 486_999, False), (1, 486_999, True), (-1, 486_999, True), (0, 487_001, True)],
)
def test_hours_are_of_partitions_that_there_are_and_of_the_past(
    partition: int, hour: int, buried: bool
) -> None:
    told = PopulationPartial(partition=partition, hour=hour, source_offset=0, body=b"")
    assert buried_at(POPULATION_PARTIALS, told, START_MS) == buried
