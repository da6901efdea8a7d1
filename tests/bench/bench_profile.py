"""Measures the whole profile's update: 20 % launches, 80 % samples of five resources.

python -m tests.bench.bench_profile [--events 20000] [--users 20] [--pure] [--json]

Prints microseconds of CPU per event (the fold of a partition: everything but Kafka), what a launch
and a sample take, what saving a user takes, and bytes per user. `--pure` runs the kernels
uncompiled. CPU time of this process, so that other load shows little.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

import typer

from schemas.records import Activity, ActivityBatch
from tests.bench.pieces import machine
from tests.testkit.people import World

START_MS = 1_750_000_000_000 // 3_600_000 * 3_600_000
PROGRAMS = 10
LAUNCHES = 0.2
WARM_UP = 0.25
BATCH = 8
SETTLED_EVERY = 300  # messages: a worker settles each second, and users then drop what is closed


def events(
    count: int, users: int, seed: int = 1, every_s: float = 40
) -> list[tuple[str, Activity]]:
    """Events in time order, of each user one in `every_s` seconds; programs follow a habit."""
    chance = random.Random(seed)
    current = [0] * users
    rows, at_ms = [], float(START_MS)
    for seq in range(count):
        at_ms += chance.uniform(0, 2 * every_s * 1000 / users)  # many users' fall into one
        user = chance.randrange(users)
        launch = chance.random() < LAUNCHES
        if launch:
            usual = (current[user] + 1) % PROGRAMS
            current[user] = usual if chance.random() < 0.7 else chance.randrange(PROGRAMS)
        rows.append((f"user{user}", _event(chance, seq, int(at_ms), current[user], launch=launch)))
    return rows


def _event(
    chance: random.Random, seq: int, time_ms: int, program: int, *, launch: bool
) -> Activity:
    name = f"program{program}"
    if launch:
        return Activity(seq=seq, time=time_ms, kind="LAUNCH", program=name)
    return Activity(
        seq=seq, time=time_ms, kind="SAMPLE", program=name, cpu_cores=chance.lognormvariate(0, 1),
        memory_bytes=chance.randrange(2**33), storage_bytes=chance.randrange(2**35),
        disk_bytes_per_s=chance.lognormvariate(12, 1),
        network_bytes_per_s=chance.lognormvariate(10, 1),
    )  # fmt: skip


def batches(rows: Sequence[tuple[str, Activity]], size: int = BATCH) -> list[ActivityBatch]:
    """Events of each user in batches, as a producer sends them."""
    waiting: dict[str, list[Activity]] = {}
    made = []
    for user, event in rows:
        open_events = waiting.setdefault(user, [])
        open_events.append(event)
        if len(open_events) == size or event.time - open_events[0].time > 50_000:
            made.append(ActivityBatch(user=user, host="h", source="s", events=open_events))
            waiting[user] = []
    return made


def measure(count: int, users: int) -> dict[str, float]:
    """Play the events through the fold, and time them after a warm-up."""
    world, log = World(), batches(events(count, users))
    first = round(len(log) * WARM_UP)
    for batch in log[:first]:
        _apply(world, batch)
    spent_s, timed = 0.0, 0
    by_kind: dict[str, list[float]] = {"LAUNCH": [], "SAMPLE": []}
    for batch in log[first:]:
        took_s = _apply(world, batch)
        kinds = {event.kind for event in batch.events}
        if len(kinds) == 1:
            by_kind[kinds.pop()].append(took_s / len(batch.events) * 1e6)
        timed += len(batch.events)
        spent_s += took_s
    total_us = spent_s / timed * 1e6
    save_us, sizes = _saving(world)
    sample = statistics.median(by_kind["SAMPLE"])
    return {
        "events": timed,
        "us_per_event": round(total_us, 1),
        "us_per_sample": round(sample, 1),
        "us_per_launch": round((total_us - (1 - LAUNCHES) * sample) / LAUNCHES, 1),
        "us_per_save_after_a_launch": round(save_us, 1),
        "bytes_per_user_median": statistics.median(sizes),
        "bytes_per_user_most": max(sizes),
    }


def _apply(world: World, batch: ActivityBatch) -> float:
    """Apply a batch and return the CPU seconds of the fold; what is learnt goes round untimed."""
    latest = max(event.time for event in batch.events)
    began_s = time.process_time()
    steps = list(world.fold.apply(batch, world.offset, latest))
    spent_s = time.process_time() - began_s
    world.offset += 1
    if world.offset % SETTLED_EVERY == 0:
        world.fold.settled()
    for step in steps:
        if step.user is not None:
            world.users.decoded[step.user[0]] = step.user[1]
        world.learn(step.outputs)
    return spent_s


def _saving(world: World) -> tuple[float, list[int]]:
    """Encode each user from nothing; sizes without what is open, as of a user at rest."""
    users = list(world.users.decoded.values())
    began = time.process_time()
    for user in users:
        user.by_person = None
        for delta in user.open_hours.values():
            delta.by_person = None
        user.to_bytes()
    took_us = (time.process_time() - began) / len(users) * 1e6
    for user in users:
        user.drop_closed(2**62, 2**62)
    return took_us, [len(user.to_bytes()) for user in users]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--pure", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.pure and os.environ.get("NUMBA_DISABLE_JIT") != "1":
        again = [sys.executable, "-m", "tests.bench.bench_profile", *sys.argv[1:]]
        return subprocess.call(again, env={**os.environ, "NUMBA_DISABLE_JIT": "1"})
    result = measure(options.events, options.users)
    facts = {"machine": machine(), **result}
    typer.echo(json.dumps(facts) if options.json else _shown(result))
    return 0


def _shown(result: dict[str, float]) -> str:
    return "\n".join(f"{name:28s} {value:,}" for name, value in result.items())


if __name__ == "__main__":
    sys.exit(main())
