"""The agent of telemetry: feeds each partition's fold and carries out its steps."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from schemas.codec import Codec, UndecodableError
from schemas.records import ActivityBatch, Tick
from schemas.settings import Settings
from schemas.topics import TELEMETRY_ACTIVITY, TELEMETRY_TICKS
from streams.models.anomaly.silence import SilenceWatch
from streams.pipeline.activity import Ways
from streams.pipeline.learned import learned_hour
from streams.pipeline.partition import ProfilePartition, Step
from streams.pipeline.silences import silence_outputs
from streams.runtime.guard import PoisonError
from streams.runtime.learned_reader import LearnedReader
from streams.runtime.sender import Sender
from streams.runtime.state_tables import PartitionTable, UserTable


class ProfileStage:
    """Telemetry in; predictions, profiles, demand and hourly statistics out.

    `committed` gives the first offset of a partition's activity that may be delivered again.
    """

    def __init__(
        self, settings: Settings, codec: Codec, sender: Sender, reader: LearnedReader,
        users: Any, partitions: Any, ways: Ways, pools: Sequence[str],
        committed: Callable[[int], int],
    ) -> None:  # fmt: skip
        self._ticks = settings.topic(TELEMETRY_TICKS.name)
        self._lateness_ms = round(settings.lateness_s * 1000)
        self._codec = codec
        self._sender = sender
        self._reader = reader
        self._users = users
        self._partitions = PartitionTable(partitions)
        self._ways = ways
        self._pools = pools
        self._committed = committed
        self._folds: dict[int, tuple[ProfilePartition, UserTable]] = {}
        self._read_for_hour: dict[int, int] = {}
        self._partition_watch = SilenceWatch()

    def forget_partitions(self) -> None:
        """Drop what was derived from the tables: after a rebalance they may hold something else."""
        self._folds.clear()
        self._read_for_hour.clear()
        self._partition_watch = SilenceWatch()

    async def step(self, event: Any) -> None:
        """Apply one message."""
        message = event.message
        partition = message.partition
        self._partition_watch.heard(f"partition-{partition}", time.time_ns() // 1_000_000)
        fold, users = self._fold(partition)
        appended_ms = round(message.timestamp * 1000)
        for step in await self._steps(fold, message, appended_ms):
            await self._carry_out(step, partition, users)
        await self._bury_hostile(users)

    async def tell_silences(self) -> None:
        """Send which sources and which of our partitions are missed, though nothing comes."""
        now_ms = time.time_ns() // 1_000_000
        missed = self._partition_watch.missed(now_ms)
        outputs = silence_outputs("quiet-partitions", 0, now_ms, now_ms, missed)
        for fold, _ in list(self._folds.values()):
            outputs += fold.silences(now_ms)
        await self._sender.send(outputs)

    async def _steps(
        self, fold: ProfilePartition, message: Any, appended_ms: int
    ) -> Iterator[Step]:
        try:
            if message.topic == self._ticks:
                tick = self._codec.decode(TELEMETRY_TICKS, message.value, Tick)
                await self._read_what_is_learned(message.partition, tick.time)
                return fold.tick(tick, message.offset, appended_ms)
            batch = self._codec.decode(TELEMETRY_ACTIVITY, message.value, ActivityBatch)
        except UndecodableError as error:
            raise PoisonError(str(error)) from error
        if message.key != batch.user.encode():
            raise PoisonError("the key is not the batch's user")
        latest_ms = max((e.time for e in batch.events), default=0)
        await self._read_what_is_learned(message.partition, latest_ms)
        return fold.apply(batch, message.offset, appended_ms)

    async def _read_what_is_learned(self, partition: int, time_ms: int) -> None:
        """Before the first event of an hour, read all that was learnt up to now."""
        hour = learned_hour(time_ms)
        if hour > self._read_for_hour.get(partition, -(2**62)):
            await self._reader.caught_up()
            self._read_for_hour[partition] = hour

    async def _carry_out(self, step: Step, partition: int, users: UserTable) -> None:
        """The order is what makes effects happen once: see streams/pipeline/partition.py."""
        await self._sender.send(step.outputs)
        if step.partition is not None:
            self._partitions.save(partition, step.partition)
            await self._sender.durable()
        if step.user is not None:
            users.save(*step.user)

    def _fold(self, partition: int) -> tuple[ProfilePartition, UserTable]:
        if partition not in self._folds:
            users = UserTable(self._users, partition)
            fold = ProfilePartition(
                partition, users, self._ways, self._pools, self._lateness_ms,
                self._reader.versions.at, self._partitions.get(partition),
            )  # fmt: skip
            fold.restored(self._committed(partition), users.scan())
            self._folds[partition] = (fold, users)
        return self._folds[partition]

    async def _bury_hostile(self, users: UserTable) -> None:
        while users.hostile:
            name, data = users.hostile.pop()
            await self._sender.bury_state(TELEMETRY_ACTIVITY, name.encode(), data)
