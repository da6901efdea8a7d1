"""The agent of telemetry: feeds each partition's fold and carries out its steps."""

from collections.abc import Iterator, Sequence
from typing import Any

from schemas.codec import Codec, UndecodableError
from schemas.crash_points import WorkerPoint, reached
from schemas.records import ActivityBatch, Tick
from schemas.settings import Settings
from schemas.steady_clock import SteadyClock
from schemas.topics import TELEMETRY_ACTIVITY, TELEMETRY_TICKS
from streams.models.anomaly.silence import SilenceWatch
from streams.pipeline.activity import Ways
from streams.pipeline.learned import learned_hour
from streams.pipeline.partition import ProfilePartition, Step
from streams.pipeline.silences import silence_outputs
from streams.runtime.guard import PoisonError, refuse_long
from streams.runtime.learned_reader import LearnedReader
from streams.runtime.sender import Sender
from streams.runtime.settlement import Stage, beside
from streams.runtime.state_tables import PartitionTable, StateTable, UserTable

MOST_ASKED = 1000
SETTLE_HOURS = 2


class ProfileStage(Stage):
    """Telemetry in; predictions, profiles, demand and hourly statistics out."""

    def __init__(
        self, settings: Settings, codec: Codec, sender: Sender, reader: LearnedReader,
        users: StateTable, partitions: StateTable, ways: Ways, pools: Sequence[str],
    ) -> None:  # fmt: skip
        super().__init__()
        self._ticks = settings.topic(TELEMETRY_TICKS.name)
        self._lateness_ms = round(settings.lateness_s * 1000)
        self._codec = codec
        self._sender = sender
        self._reader = reader
        self._users = users
        self._partitions = PartitionTable(partitions)
        self._ways = ways
        self._pools = pools
        self._folds: dict[int, tuple[ProfilePartition, UserTable]] = {}
        self._unsettled: set[int] = set()
        self._asked: dict[int, tuple[int, int]] = {}
        self._settled_hour: dict[int, int] = {}
        self._partition_watch = SilenceWatch()
        self._now_ms = SteadyClock()  # a clock that is set must not make anybody look missed

    async def step(self, event: Any) -> None:
        """Apply one message in memory and send its outputs; `settle` makes all of it durable."""
        async with self._busy:
            partition = event.message.partition
            self._partition_watch.heard(f"partition-{partition}", self._now_ms())
            fold, users = self._fold(partition)
            hour = fold.state.open_hour
            for step in await self._steps(fold, event.message):
                if step.user is not None:
                    users.changed(*step.user)
                await self._sender.send(step.outputs)
            self._unsettled.add(partition)
            reached(WorkerPoint.MESSAGE_SENT)
            if fold.state.open_hour > hour:
                reached(WorkerPoint.HOUR_CLOSED)
            await self._bury_hostile(partition, users)
            await self._settle_often(partition, fold)

    async def tell_silences(self) -> None:
        """Send which sources and which of our partitions are missed, though nothing comes."""
        async with self._busy:
            now_ms = self._now_ms()
            missed = self._partition_watch.missed(now_ms)
            outputs = silence_outputs("quiet-partitions", 0, now_ms, now_ms, missed)
            for fold, _ in self._folds.values():
                outputs += fold.silences(now_ms)
            await self._sender.send(outputs)

    def _forget(self) -> None:
        self._folds.clear()
        self._asked.clear()
        self._settled_hour.clear()
        self._partition_watch = SilenceWatch()

    async def _settle(self) -> None:
        folds = {partition: self._folds[partition] for partition in sorted(self._unsettled)}
        self._unsettled.clear()
        # Encoding takes about as long as the outputs' way, and nothing is folded meanwhile.
        changed = await beside(
            self._sender.settle(), lambda: [users.encoded() for _, users in folds.values()]
        )
        if not folds:
            return
        reached(WorkerPoint.PROFILE_OUTPUTS_DURABLE)
        for (fold, users), encoded in zip(folds.values(), changed, strict=True):
            await users.save(encoded)
            for name in fold.gone():
                await users.remove(name)
        await self._sender.settle()
        reached(WorkerPoint.PROFILE_USERS_DURABLE)
        for partition, (fold, _) in folds.items():
            await self._partitions.save(partition, fold.state)
        await self._sender.settle()
        reached(WorkerPoint.PROFILE_STATE_DURABLE)
        for partition, (fold, _) in folds.items():
            fold.settled()
            self._settled_hour[partition] = fold.state.open_hour

    async def _steps(self, fold: ProfilePartition, message: Any) -> Iterator[Step]:
        appended_ms = round(message.timestamp * 1000)
        try:
            if message.topic == self._ticks:
                tick = self._codec.decode(TELEMETRY_TICKS, message.value, Tick)
                refuse_long(tick.source)
                await self._read_what_is_learned(message.partition, tick.time)
                return fold.tick(tick, message.offset, appended_ms)
            batch = self._codec.decode(TELEMETRY_ACTIVITY, message.value, ActivityBatch)
        except UndecodableError as error:
            raise PoisonError(str(error)) from error
        if message.key != batch.user.encode():
            raise PoisonError("the key is not the batch's user")
        if batch.forget and batch.events:
            raise PoisonError("an erasure has no events")
        if not batch.forget:
            refuse_long(batch.user, batch.source, *(event.program for event in batch.events))
        latest_ms = max((e.time for e in batch.events), default=0)
        await self._read_what_is_learned(message.partition, latest_ms)
        return fold.apply(batch, message.offset, appended_ms)

    async def _read_what_is_learned(self, partition: int, time_ms: int) -> None:
        """Until the hour that applies is known, read all that was learnt up to now.

        Whoever sent a message after an hour was published has its event meet that hour. One that is
        never published is given up after MOST_ASKED messages: each costs a question to the broker.
        """
        hour = learned_hour(time_ms)
        if hour <= self._reader.versions.hour:
            return
        asked_for, times = self._asked.get(partition, (hour, 0))
        times = 0 if asked_for < hour else times
        if asked_for <= hour and times < MOST_ASKED:
            self._asked[partition] = hour, times + 1
            await self._reader.caught_up()

    async def _settle_often(self, partition: int, fold: ProfilePartition) -> None:
        """Settle every SETTLE_HOURS of event time, however fast they pass.

        What comes again after a crash then meets what was learnt when it came first: that is kept
        for some hours only.
        """
        hour = fold.state.open_hour
        if hour >= self._settled_hour.setdefault(partition, hour) + SETTLE_HOURS:
            await self._settle()

    def _fold(self, partition: int) -> tuple[ProfilePartition, UserTable]:
        if partition not in self._folds:
            users = UserTable(self._users, partition)
            fold = ProfilePartition(
                partition, users, self._ways, self._pools, self._lateness_ms,
                self._reader.versions.at, self._partitions.get(partition),
            )  # fmt: skip
            fold.restored(users.scan())
            self._folds[partition] = (fold, users)
            if fold.state.next_offset:
                reached(WorkerPoint.PROFILE_RESTORED)
        return self._folds[partition]

    async def _bury_hostile(self, partition: int, users: UserTable) -> None:
        """Bury states that are none, and drop them: recovery keeps the highest rank, theirs."""
        while users.hostile:
            name, data = users.hostile.pop()
            await self._sender.bury_state(TELEMETRY_ACTIVITY, name.encode(), data)
            await self._users.drop(partition, name.encode())
