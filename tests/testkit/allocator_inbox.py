"""An owner of two pools and its hints without Kafka: fed message by message, restored from what it
has committed."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

from allocator.clock import CallClock, PartitionClock
from allocator.cloud.simulated import SimulatedCloud, Simulation
from allocator.executor import Executor
from allocator.hints import WAY_BACK, Hints
from allocator.machine.outbox import Outbox
from allocator.options import AllocatorOptions
from allocator.owner import PartitionOwner
from allocator.policy.capacity import CapacityCalendar
from allocator.pools import restore_pool
from allocator.runner.simulated import SimulatedRunner
from allocator.starter import Starter
from schemas.codec import Codec, MemoryIds
from schemas.pools import Pool
from schemas.records import AllocationEvent
from schemas.settings import Settings
from schemas.topics import (
    ALERTS_ANOMALIES,
    ALLOCATION_EVENTS,
    RESERVE_ACTIONS,
    RESERVE_STATUS,
    SHADOW_EVENTS,
    Topic,
)

CAP = 6
POOLS = {
    name: Pool(name, programs, min_instances=1, max_instances=4, cap=CAP)
    for name, programs in (("build", ("compiler", "tests")), ("default", ()))
}
BATCH_MS = 1_000


class Inbox:
    """What the allocator's process does with each message, its transactions kept in memory.

    Parameters
    ----------
    start_ms
        The wall's time at first; `pass_time` moves it.
    """

    def __init__(self, start_ms: int) -> None:
        self.now_ms = start_ms
        self.codec = Codec(MemoryIds())
        self.settings = Settings()
        self.events: list[AllocationEvent] = []
        self.letters = 0
        self.offset = 0
        self._state: dict[str, dict[str, bytes]] = {name: {} for name in POOLS}
        self._sensitivities: dict[str, float] = {}
        self._options = AllocatorOptions(simulation=Simulation(launch_spread=0.0), runner="none")
        clock = PartitionClock("wall", lambda: self.now_ms)
        self._cloud = SimulatedCloud(CallClock(clock), "me", self._options.simulation)
        self.start()

    def start(self) -> None:
        """Begin as a new process does: from what is committed, and all hints anew."""
        capacity, clock = CapacityCalendar(), PartitionClock("wall", lambda: self.now_ms)
        starter = Starter(SimulatedRunner(), {})
        self._executor = Executor(self._cloud, POOLS, CallClock(clock), starter)
        reconcilers = {
            name: restore_pool(
                pool, self._options, self._state[name], self.now_ms, self._sensitivities,
                calendar=capacity,
            )
            for name, pool in POOLS.items()
        }  # fmt: skip
        self.owner = PartitionOwner(
            self.settings, self._options, self.codec, POOLS, reconcilers, self, self._executor,
            clock, lambda: None, Counter(),
        )  # fmt: skip
        self._hints = Hints(self.settings, self.codec, POOLS, self._sensitivities, capacity)

    def stop(self) -> None:
        """Give the pools up."""
        self.owner.close()
        self._hints.close()

    def take(self, topic: Topic, value: bytes, key: bytes = b"") -> None:
        """Take a message as the process does."""
        self.offset += 1
        name, offset = self.settings.topic(topic.name), self.offset
        message: Any = SimpleNamespace(
            topic=lambda: name, value=lambda: value, key=lambda: key, offset=lambda: offset,
            partition=lambda: 0, headers=list, error=lambda: None,
        )  # fmt: skip
        if topic in WAY_BACK:
            self._hints._tell(message, [self.owner])
        else:
            self.owner.handle([message])

    def pass_time(self, ms: int = BATCH_MS) -> None:
        """Let time pass, and the pools be looked after."""
        self.now_ms += ms
        self.owner._cycle_s = self.owner._listed_s = 0.0
        self.owner.cycle()

    def commit(
        self, changes: Any, outbox: Outbox, letters: Any, offsets: Any, group: Any, now_ms: int
    ) -> None:
        """Keep what a journal writes; all of it has to be what its topics take."""
        del offsets, group, now_ms
        for pool, of_pool in changes.items():
            for key, value in of_pool.items():
                if value is None:
                    self._state[pool].pop(key, None)
                else:
                    self._state[pool][key] = value
        for topic, records in (
            (ALLOCATION_EVENTS, outbox.events), (RESERVE_ACTIONS, outbox.actions),
            (RESERVE_STATUS, outbox.statuses), (SHADOW_EVENTS, outbox.shadows),
            (ALERTS_ANOMALIES, outbox.alerts),
        ):  # fmt: skip
            for record in records:
                self.codec.encode(topic, record)
        self.events += outbox.events
        self.letters += len(letters)
