"""Small worlds of telemetry for tests of the folds: seeded, in event time, no broker."""

import random
import zlib
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from schemas.pools import Pool, pool_of
from schemas.records import Activity, ActivityBatch, Tick
from streams.models.sensitivity import Normal
from streams.pipeline.activity import Ways
from streams.pipeline.user import User
from tests.testkit.offline import MemoryUsers, Message, Offline

POOLS = (Pool("build", ("compiler", "tests")), Pool("default"))
WAYS = Ways(lambda program: pool_of(program, POOLS), ZoneInfo("UTC"), Normal())
PROGRAMS = ("mail", "editor", "compiler", "tests", "browser")
START_MS = 1_750_000_000_000 // 3_600_000 * 3_600_000
HOUR_MS = 3_600_000
REPOSITORY = Path(__file__).parents[2]


def activities(
    seed: int, count: int, hours: float = 3.0, users: int = 5
) -> list[tuple[str, Activity]]:
    """Events of some users in time order: launches, samples, exits, waits and accesses."""
    chance = random.Random(seed)
    times = sorted(chance.randrange(round(hours * HOUR_MS)) for _ in range(count))
    return [
        (f"user{chance.randrange(users)}", _activity(chance, seq, START_MS + t))
        for seq, t in enumerate(times)
    ]


def _activity(chance: random.Random, seq: int, time_ms: int) -> Activity:
    kind = chance.choice(("LAUNCH", "LAUNCH", "SAMPLE", "SAMPLE", "EXIT", "WAIT", "ACCESS"))
    return Activity(
        seq=seq, time=time_ms, kind=kind, program=chance.choice(PROGRAMS),
        cpu_cores=chance.random() * 4 if kind == "SAMPLE" else None,
        memory_bytes=chance.randrange(2**33) if kind == "SAMPLE" else None,
        wait_s=chance.random() * 90 if kind == "WAIT" else None,
        outcome=chance.choice(("ok", "abandoned")) if kind == "WAIT" else None,
        data_ref=f"{chance.randrange(9):016x}" if kind == "ACCESS" else None,
    )  # fmt: skip


def log_of(
    rows: Sequence[tuple[str, Activity]], partitions: int, *, last_tick: bool = True
) -> list[Message]:
    """A log as the paced replay writes it: heartbeats to all partitions five past each hour."""
    messages: list[Message] = []
    offsets, ticks = [0] * partitions, [0] * partitions

    def beat(time_ms: int) -> None:
        for p in range(partitions):
            tick = Tick(source="s", time=time_ms, partition=p, activity_offset=offsets[p])
            messages.append(Message(p, ticks[p], time_ms, tick))
            ticks[p] += 1

    mark = START_MS + HOUR_MS + 300_000
    for user, event in rows:
        while event.time >= mark:
            beat(mark)
            mark += HOUR_MS
        p = zlib.crc32(user.encode()) % partitions
        batch = ActivityBatch(user=user, host="h", source="s", events=[event])
        messages.append(Message(p, offsets[p], event.time, batch))
        offsets[p] += 1
    if last_tick:
        beat(max(event.time for _, event in rows) + 2 * HOUR_MS)
    return messages


class ReloadedUsers(MemoryUsers):
    """Users that are read back from their bytes after every write, as after a restart."""

    def save(self, name: str, user: User) -> None:
        self.saved[name] = user.to_bytes()
        self.decoded[name] = User.from_bytes(self.saved[name])


def played(messages: Sequence[Message], partitions: int, *, reloaded: bool = False) -> Offline:
    """The offline fold over a log."""
    users = ReloadedUsers if reloaded else MemoryUsers
    offline = Offline(WAYS, tuple(p.name for p in POOLS), partitions, users)
    offline.run(messages)
    return offline
