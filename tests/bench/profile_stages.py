"""What each stage of the path takes of one core, in microseconds an event.

The same batches go through decode, fold, state encode and the encoding of outputs; then what came
of them is produced, outputs and changelog, through the worker's outbox. CPU time of this process,
its threads included.
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka.admin import AdminClient, NewTopic

from schemas.codec import Codec, MemoryIds
from schemas.connection import kafka_config
from schemas.records import ActivityBatch
from schemas.settings import Settings
from schemas.topics import TELEMETRY_ACTIVITY
from streams.agents.worker import make_ways
from streams.pipeline.learned import LearnedVersions
from streams.pipeline.outputs import Output
from streams.pipeline.partition import ProfilePartition
from streams.runtime.outbox import Outbox
from tests.testkit.offline import LATENESS_MS, MemoryUsers

SETTLE_EVERY = 500  # messages between two encodings of what changed, as at 500 messages a second
WARM_SHARE = 0.25


class Stages:
    """Runs batches through the stages and adds up what each takes."""

    def __init__(self, settings: Settings) -> None:
        self.codec = Codec(MemoryIds())
        ways, pools = make_ways(settings)
        self.users = MemoryUsers()
        learned = LearnedVersions().at
        self.fold = ProfilePartition(0, self.users, ways, pools, LATENESS_MS, learned)
        self.spent_s = dict.fromkeys(("decode", "fold", "encode state", "encode outputs"), 0.0)
        self.outputs: list[bytes] = []
        self.states: list[bytes] = []
        self._changed: set[str] = set()
        self._offset = 0

    def run(self, data: Sequence[bytes]) -> None:
        """Put messages through."""
        for value in data:
            batch = self._timed(
                "decode", lambda v=value: self.codec.decode(TELEMETRY_ACTIVITY, v, ActivityBatch)
            )
            now_ms = batch.events[-1].time
            steps = self._timed(
                "fold", lambda b=batch, t=now_ms: list(self.fold.apply(b, self._offset, t))
            )
            made = [output for step in steps for output in step.outputs]
            for name, user in (step.user for step in steps if step.user is not None):
                self.users.decoded[name] = user
                self._changed.add(name)
            self.outputs += self._timed("encode outputs", lambda m=made: self._encoded(m))
            self._offset += 1
            if self._offset % SETTLE_EVERY == 0:
                self.settle()

    def settle(self) -> None:
        """Encode each user that changed."""
        changed = [self.users.decoded[name] for name in sorted(self._changed)]
        self.states += self._timed("encode state", lambda: [user.to_bytes() for user in changed])
        self._changed.clear()
        self.fold.settled()

    def _encoded(self, outputs: Sequence[Output]) -> list[bytes]:
        return [self.codec.encode(o.topic, o.record) for o in outputs if o.record is not None]

    def _timed(self, stage: str, work: Callable[[], Any]) -> Any:
        began_s = time.process_time()
        result = work()
        self.spent_s[stage] += time.process_time() - began_s
        return result


def stages(log: Sequence[ActivityBatch], settings: Settings) -> dict[str, float]:
    """Microseconds an event of each stage, after a quarter to warm up; bytes a user."""
    run = Stages(settings)
    data = [run.codec.encode(TELEMETRY_ACTIVITY, batch) for batch in log]
    first = round(len(data) * WARM_SHARE)
    run.run(data[:first])
    run.settle()
    run.spent_s = dict.fromkeys(run.spent_s, 0.0)
    run.outputs, run.states = [], []
    run.run(data[first:])
    run.settle()
    counted = sum(len(batch.events) for batch in log[first:])
    spent_s = {**run.spent_s, "produce outputs": asyncio.run(_produced(settings, run.outputs)),
               "changelog": asyncio.run(_produced(settings, run.states))}  # fmt: skip
    sizes = [len(user.to_bytes()) for user in run.users.decoded.values()]
    return {
        **{f"{name}, us/event": round(s / counted * 1e6, 1) for name, s in spent_s.items()},
        "outputs/event": round(len(run.outputs) / counted, 2),
        "states/event": round(len(run.states) / counted, 3),
        "states/message": round(len(run.states) / (len(data) - first), 3),
        "bytes/user": statistics.median(sizes),
    }


async def _produced(settings: Settings, values: Sequence[bytes]) -> float:
    """CPU seconds to have values on a topic of their own, all acknowledged."""
    topic = settings.topic(f"bench-produced-{time.time_ns()}")
    admin = AdminClient(kafka_config(settings))
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    outbox = Outbox(settings)
    began_s = time.process_time()
    for value in values:
        await outbox.put(topic, None, value)
    await outbox.settle()
    spent_s = time.process_time() - began_s
    admin.delete_topics([topic])[topic].result(30)
    return spent_s
