"""The task that all contenders of the bench do: one batch updates one user's whole profile.

It is what any framework would have to do in Python: decode the batch, apply each event with the
pipeline's own code, encode what is to be sent. Users stay decoded in memory, and `state` gives the
bytes to keep; how often that is asked, and where bytes go, is the framework's affair.

`KeyedProfile` stops at the user. `FullProfile` calls the worker's own fold of a partition, which
also closes minutes and hours and writes readable profiles: the same profile update as a worker's.
"""

import json
import os
import time
from collections import defaultdict
from itertools import groupby
from zlib import crc32

import msgspec

from schemas.codec import Codec
from schemas.records import Activity, ActivityBatch
from schemas.registry import RegistryIds
from schemas.settings import Settings
from schemas.topics import TELEMETRY_ACTIVITY
from streams.agents.worker import make_ways
from streams.pipeline.activity import Moment, apply_event
from streams.pipeline.eventtime import hour_of, minute_of
from streams.pipeline.learned import LearnedVersions
from streams.pipeline.outputs import Output
from streams.pipeline.partition import ProfilePartition
from streams.pipeline.samples import measure
from streams.pipeline.user import User
from tests.testkit.offline import LATENESS_MS, MemoryUsers

SETTLE_S = 1.0


def partition_of(user: str, partitions: int) -> int:
    """The partition that the bench sends a user's batches to."""
    return crc32(user.encode()) % partitions


class Progress:
    """Prints rates as JSON at the last message and ends the process: contenders run for ever."""

    def __init__(self, warm: int, total: int) -> None:
        self._warm, self._total = warm, total
        self._messages = self._events = self._folded = 0
        self._began = (0.0, 0.0)

    def applied(self, events: int, folded: int) -> None:
        """Count a message and those of its events that profiles took in.

        The clock runs from the last warm-up message on.
        """
        self._messages += 1
        if self._messages > self._warm:
            self._events += events
            self._folded += folded
        elif self._messages == self._warm:
            self._began = time.perf_counter(), time.process_time()
        if self._messages == self._total:
            self._tell()

    def _tell(self) -> None:
        wall_s = time.perf_counter() - self._began[0]
        cpu_s = time.process_time() - self._began[1]
        answer = {
            "events": self._events, "folded": self._folded, "wall_s": wall_s, "cpu_s": cpu_s,
        }  # fmt: skip
        os.write(1, json.dumps(answer).encode() + b"\n")  # Faust makes a log of sys.stdout
        os._exit(0)


class Task:
    """What a framework is given to do with each message.

    Parameters
    ----------
    settings
        Where the registry is, and how records are read.
    progress
        Counts the messages.
    """

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self._codec = Codec(RegistryIds.of(settings), settings.topic_prefix)
        self._ways, self._pools = make_ways(settings)
        self._learned = LearnedVersions().at
        self._progress = progress
        self._in_message = self._folded = 0

    def apply(self, value: bytes, partition: int, offset: int) -> list[tuple[bytes, bytes]]:
        """Apply a batch; keys and values of what follows from it."""
        batch = self._codec.decode(TELEMETRY_ACTIVITY, value, ActivityBatch)
        self._in_message, self._folded = len(batch.events), 0
        made = self._outputs(batch, partition, offset)
        return [(o.key.encode(), self._codec.encode(o.topic, o.record)) for o in made if o.record]

    def done(self) -> None:
        """Note that a message's outputs and state were handed to the framework."""
        self._progress.applied(self._in_message, self._folded)

    def state(self, key: bytes) -> bytes:
        """The bytes to keep of a user."""
        return self._user(key.decode()).to_bytes()

    def _outputs(self, batch: ActivityBatch, partition: int, offset: int) -> list[Output]:
        raise NotImplementedError

    def _user(self, name: str) -> User:
        raise NotImplementedError


class KeyedProfile(Task):
    """Updates profiles, user by user."""

    def __init__(self, settings: Settings, progress: Progress) -> None:
        super().__init__(settings, progress)
        self._users: dict[str, User] = {}

    def _outputs(self, batch: ActivityBatch, partition: int, offset: int) -> list[Output]:
        user = self._users.setdefault(batch.user, User(partition))
        minute = minute_of(user.clock_ms) - 2
        user.drop_closed(minute, minute // 60)
        moments = [
            Moment(batch.user, event, self._learned(event.time), partition, offset, number)
            for number, event in enumerate(batch.events)
            if self._is_new(user, batch.source, event)
        ]
        self._folded += len(moments)
        outputs = []
        for hour, run in groupby(moments, _hour_of_samples):
            if hour is None:
                outputs += [o for moment in run for o in apply_event(user, moment, self._ways)]
            else:
                counts = user.delta(hour).consumption
                measure(user, [moment.event for moment in run], counts, self._ways.pool_of)
        user.offset, user.events = offset, len(batch.events)
        return outputs

    def _is_new(self, user: User, source: str, event: Activity) -> bool:
        is_new = event.seq > user.last_seq(source)
        if is_new:
            user.heard(source, event.seq)
        return is_new

    def _user(self, name: str) -> User:
        return self._users[name]


def _hour_of_samples(moment: Moment) -> int | None:
    """The hour of a measurement, of which a run is taken in at once; None of all else."""
    return hour_of(moment.event.time) if moment.event.kind == "SAMPLE" else None


class FullProfile(Task):
    """Updates profiles by the worker's fold of a partition."""

    def __init__(self, settings: Settings, progress: Progress) -> None:
        super().__init__(settings, progress)
        self._users: dict[int, MemoryUsers] = defaultdict(MemoryUsers)
        self._folds: dict[int, ProfilePartition] = {}
        self._decoded: dict[str, User] = {}
        self._settled_s = time.monotonic()

    def _outputs(self, batch: ActivityBatch, partition: int, offset: int) -> list[Output]:
        fold = self._folds.get(partition) or self._begun(partition)
        outputs = []
        for step in fold.apply(batch, offset, batch.events[-1].time):
            if step.user is not None:
                user = step.user[1]
                self._users[partition].decoded[batch.user] = self._decoded[batch.user] = user
            outputs += step.outputs
            self._folded += step.counts.get("ok", 0)
        self._settle()
        return outputs

    def state_of_all(self, partition: int) -> bytes:
        """The bytes to keep of all users of a partition."""
        users = self._users[partition].decoded
        return msgspec.msgpack.encode({name: user.to_bytes() for name, user in users.items()})

    def _begun(self, partition: int) -> ProfilePartition:
        self._folds[partition] = ProfilePartition(
            partition, self._users[partition], self._ways, self._pools, LATENESS_MS, self._learned
        )
        return self._folds[partition]

    def _settle(self) -> None:
        """Let users drop each second what is closed, as a worker does."""
        if time.monotonic() - self._settled_s > SETTLE_S:
            self._settled_s = time.monotonic()
            for fold in self._folds.values():
                fold.settled()

    def _user(self, name: str) -> User:
        return self._decoded[name]
