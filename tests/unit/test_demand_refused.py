"""Demand that no partition states is buried: learnt, it would end each worker that has the pool."""

import asyncio

import msgspec
import pytest

from schemas.records import DemandObserved, MinuteDemand
from schemas.topics import DEMAND_OBSERVED
from tests.testkit.stages import Stages

HOUR_MS = 3_600_000
START_MS = 487_000 * HOUR_MS
MINUTE = MinuteDemand(
    time=START_MS, launches=3, cpu_millicore_ms=0, memory_kib_ms=0, storage_kib_ms=0,
    network_byte_ms=0, cpu_millicores=0, memory_kib=0, storage_kib=0, network_bytes_per_s=0,
)  # fmt: skip
GOOD = DemandObserved(
    pool="office", source_partition=0, source_offset=0, closed_through=START_MS + 60_000,
    minutes=[MINUTE], expected_launches=4.0,
)  # fmt: skip


def is_buried(observed: DemandObserved) -> bool:
    """Whether it is, after hours that would have to forecast from it."""
    stages = Stages()

    async def work(one: DemandObserved) -> bool:
        value = stages.codec.encode(DEMAND_OBSERVED, one)
        return await stages.work(DEMAND_OBSERVED, value, b"office", one.closed_through)

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
