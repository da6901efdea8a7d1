"""Measures how a partition grows: memory a user, cost an event and an hour by the number of users.

python -m tests.bench.bench_scale [--users 10000 100000] [--messages 2000] [--out FILE]

In one process, without Kafka: the worker's own table of users on a store in memory, filled with
copies of some people's states, then the fold. `all` picks the user of each message among all, so
that most have to be decoded first; `at work` picks among a twentieth of those kept decoded, as in a
session. CPU time of this thread, its memory as the system counts it. Writes reports/scale.json.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import psutil

from schemas.codec import Codec, MemoryIds
from schemas.records import Activity, ActivityBatch
from schemas.settings import Settings
from schemas.topics import TELEMETRY_ACTIVITY
from streams.agents.worker import make_ways
from streams.pipeline.closing import expected_by_pool
from streams.pipeline.learned import LearnedVersions
from streams.pipeline.partition import ProfilePartition
from streams.pipeline.partition_state import PartitionState
from streams.runtime.newest_store import ranked
from streams.runtime.state_tables import MAX_DECODED, StateTable, UserTable
from tests.bench.bench_profile import START_MS, batches, events
from tests.bench.pieces import machine
from tests.testkit.crashing import Store
from tests.testkit.offline import LATENESS_MS
from tests.testkit.people import World
from tests.testkit.pipeline import REPOSITORY

TEMPLATES = 25
LEARNT = 160  # events of each, over two days
BATCH = 8
SETTLED_EVERY = 250
AT_WORK = MAX_DECODED // 20


class _Nowhere:
    """Takes what would be sent."""

    async def start(self, *message: object) -> None:
        """Forget a message."""


def templates() -> list[bytes]:
    """States of people who have worked for a while, as they are on the changelog at rest."""
    world = World()
    for batch in batches(events(LEARNT * TEMPLATES, TEMPLATES, every_s=1000)):
        for step in world.fold.apply(batch, world.offset, batch.events[-1].time):
            if step.user is not None:
                world.users.decoded[step.user[0]] = step.user[1]
            world.learn(step.outputs)
        world.offset += 1
        world.fold.settled()
    for user in world.users.decoded.values():
        user.drop_closed(2**62, 2**62)
        user.sources, user.offset = {"bench": -1}, -1
    return [user.to_bytes() for user in world.users.decoded.values()]


class Partition:
    """A partition with many users, as a worker has it after a restart."""

    def __init__(self, count: int, states: Sequence[bytes]) -> None:
        store = Store([])
        before = _memory()
        for number in range(count):
            store.put(b"user%d" % number, ranked(0, states[number % len(states)]), 0)
        self.bytes_at_rest = (_memory() - before) / count
        table = StateTable(SimpleNamespace(data=store, changelog_topic_name="c"), _Nowhere())
        self.users = UserTable(table, 0)
        self.ways, pools = make_ways(Settings())
        # Twenty minutes past an hour: its closing, with a sixth of the profiles, is told by itself.
        self._now_ms = START_MS + 3 * 86_400_000 + 1_200_000
        state = PartitionState(levels={}, waiting=[])
        state.clock_ms, state.open_minute = self._now_ms, self._now_ms // 60_000 - 1
        self.learned = LearnedVersions().at
        self.fold = ProfilePartition(
            0, self.users, self.ways, pools, LATENESS_MS, self.learned, state
        )
        began_s = time.thread_time()
        self.fold.restored(self.users.scan())
        self.scan_us = (time.thread_time() - began_s) / count * 1e6
        self._codec, self._offset, self._seq = Codec(MemoryIds()), 0, 0

    def run(self, names: Sequence[int]) -> float:
        """Microseconds an event from bytes to outputs' and states' bytes, a batch a name."""
        data = [self._encoded(name) for name in names]
        began_s = time.thread_time()
        for value, appended_ms in data:
            self._step(value, appended_ms)
        asyncio.run(self.users.save(self.users.encoded()))
        return (time.thread_time() - began_s) / len(names) / BATCH * 1e6

    def hour_s(self) -> float:
        """Seconds to ask all users what is expected of the next hour."""
        hour = self._now_ms // 3_600_000 + 1
        began_s = time.thread_time()
        assert expected_by_pool(self.users, hour, self.learned(self._now_ms), self.ways)
        return time.thread_time() - began_s

    def _step(self, value: bytes, appended_ms: int) -> None:
        batch = self._codec.decode(TELEMETRY_ACTIVITY, value, ActivityBatch)
        for step in self.fold.apply(batch, self._offset, appended_ms):
            if step.user is not None:
                self.users.changed(*step.user)
            for output in step.outputs:
                assert output.record is not None
                self._codec.encode(output.topic, output.record)
        self._offset += 1
        if self._offset % SETTLED_EVERY == 0:
            asyncio.run(self.users.save(self.users.encoded()))
            self.fold.settled()

    def _encoded(self, name: int) -> tuple[bytes, int]:
        self._now_ms += 40
        self._seq += BATCH
        made = [self._event(k) for k in range(BATCH)]
        batch = ActivityBatch(user=f"user{name}", host="h", source="bench", events=made)
        return self._codec.encode(TELEMETRY_ACTIVITY, batch), self._now_ms

    def _event(self, place: int) -> Activity:
        program, seq = f"program{(self._seq + place) % 7}", self._seq + place
        if place % 5 == 0:
            return Activity(seq=seq, time=self._now_ms, kind="LAUNCH", program=program)
        return Activity(
            seq=seq, time=self._now_ms, kind="SAMPLE", program=program,
            cpu_cores=0.1 + seq % 13 / 4, memory_bytes=2**28 + seq % 997 * 2**20,
            network_bytes_per_s=1000.0 + seq % 513,
        )  # fmt: skip


def _memory() -> int:
    return int(psutil.Process().memory_info().rss)


def measured(count: int, messages: int, states: Sequence[bytes]) -> dict[str, float]:
    """One size of partition."""
    chance = random.Random(count)
    partition = Partition(count, states)
    at_work = [chance.randrange(AT_WORK) for _ in range(messages)]
    partition.run(at_work)  # decodes them
    result = {
        "users": count, "bytes_at_rest": round(partition.bytes_at_rest),
        "scan_us_a_user": round(partition.scan_us, 1),
        "us_an_event_at_work": round(partition.run(at_work), 1),
        "us_an_event_all": round(partition.run([chance.randrange(count) for _ in at_work]), 1),
        "hour_us_a_user": round(partition.hour_s() / count * 1e6, 1),
        "process_mb": round(_memory() / 2**20),
    }  # fmt: skip
    return result | {"mb_a_million_events": round(_slope(partition, at_work), 2)}


def _slope(partition: Partition, at_work: Sequence[int]) -> float:
    """Megabytes that memory grows by in a million events of users at work."""
    partition.run(at_work)
    before = _memory()
    for _ in range(3):
        partition.run(at_work)
    return (_memory() - before) / 2**20 / (3 * len(at_work) * BATCH) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "reports" / "scale.json")
    asked = parser.parse_args()
    states = templates()
    rows = []
    for count in asked.users:
        rows.append(measured(count, asked.messages, states))
        sys.stderr.write(f"{rows[-1]}\n")
    sizes = sorted(map(len, states))
    result = {"machine": machine(), "state_bytes": sizes, "sizes": rows}
    asked.out.parent.mkdir(exist_ok=True)
    asked.out.write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(asked.out.read_text())


if __name__ == "__main__":
    main()
