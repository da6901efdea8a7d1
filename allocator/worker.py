"""The allocator's process: a Kafka consumer that owns pools by owning their partitions."""

import faulthandler
import gc
import os
import signal
import sys
from collections import Counter, defaultdict
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from allocator.clock import CallClock, PartitionClock, wall_ms
from allocator.clouds import Clouds
from allocator.executor import Executor
from allocator.hints import Hints
from allocator.journal import Journal
from allocator.options import AllocatorOptions
from allocator.owner import PartitionOwner
from allocator.partitioning import partition_of
from allocator.policy.capacity import CapacityCalendar
from allocator.policy.rehearsal import rehearse
from allocator.pools import restore_pool
from allocator.predictions import PredictionReader
from allocator.reconcile.hosts import Hosts
from allocator.runner.declared import load_programs
from allocator.runners import make_stepper, runner_maker
from allocator.starter import Starter
from infra.observe import endpoint, tracing
from infra.observe.health import Health
from schemas.codec import Codec, SchemaIds
from schemas.connection import kafka_config
from schemas.crash_points import AllocatorPoint, reached
from schemas.pools import load_pools
from schemas.registry import RegistryIds
from schemas.settings import Settings
from schemas.shadow import load_shadow
from schemas.topics import ALLOCATION_REQUESTS, FORECASTS_DEMAND

LOG = structlog.get_logger(__name__)
POLL_S = 0.05
EXIT_START_AGAIN = 70


# Threads that wait for the cloud compute now and then, reading listings: each time the loop comes
# back from Kafka, several times an answer, it waits for the one at work, by default up to 5 ms.
SWITCH_S = 0.0005


def _let_answers_go_first() -> None:
    sys.setswitchinterval(SWITCH_S)
    # What is loaded by now stays: looking it through again stopped the world for 0.15 s.
    gc.collect()
    gc.freeze()


class AllocatorWorker:
    """Consumes requests and forecasts, one owner per partition.

    Parameters
    ----------
    settings, options
        The deployment, and how the allocator is run.
    ids
        Source of schema ids, by default the registry with its cache.
    health
        Is told how it is.
    """

    def __init__(
        self, settings: Settings, options: AllocatorOptions, ids: SchemaIds | None = None,
        health: Health | None = None,
    ) -> None:  # fmt: skip
        self._health = health or Health("allocator")
        self._health.wait_for("assigned", "not a member of its group yet")
        self._settings = settings
        self._options = options
        ids = ids or RegistryIds.of(settings)
        self._codec = Codec(ids, settings.topic_prefix)
        self._pools = {pool.name: pool for pool in load_pools(settings.pools_file)}
        self._topics = [settings.topic(t.name) for t in (ALLOCATION_REQUESTS, FORECASTS_DEMAND)]
        self._consumer = Consumer(
            {
                **kafka_config(settings),
                "group.id": settings.topic("allocator"),
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                # Both topics' partitions of one number go to one member.
                "partition.assignment.strategy": "range",
                "session.timeout.ms": 10_000,
                "fetch.wait.max.ms": 50,
                "log_level": 3,
            }
        )
        self._clouds = Clouds(settings, options, self._pools)
        self._shadow = load_shadow(settings.shadow_file)
        self._predictions = (
            PredictionReader(settings, self._codec, from_start=options.clock != "wall")
            if self._shadow.step
            else None
        )
        self._owners: dict[int, PartitionOwner] = {}
        self._sensitivities: dict[str, float] = {}
        self._capacity = CapacityCalendar()
        self._hosts = Hosts()
        self._hints = Hints(settings, self._codec, self._pools, self._sensitivities, self._capacity)
        self._commands = load_programs(settings.programs_file)
        self._make_runner = runner_maker(
            options.runner, self._shadow.ssh, self._commands, options.seed
        )
        self._is_stopping = False
        self.counters: Counter[str] = Counter()

    def run(self) -> None:
        """Work until `stop`.

        Raises
        ------
        KafkaException
            If something could not be committed; what is in memory is worth nothing then.
        """
        LOG.info("policies get ready; on the first start they are compiled, for up to a minute")
        rehearse()
        _let_answers_go_first()
        self._consumer.subscribe(
            self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )
        try:
            while not self._is_stopping:
                self._turn()
        finally:
            self._hints.close()
            self._consumer.close()
            if self._predictions is not None:
                self._predictions.close()

    def stop(self) -> None:
        """End `run` after the turn under way."""
        self._is_stopping = True

    def _turn(self) -> None:
        self._health.beat()
        has_more = any(owner.has_more for owner in self._owners.values())
        first = self._consumer.poll(0.0 if has_more else POLL_S)
        if first is not None:
            by_partition: dict[int, list[Any]] = defaultdict(list)
            for message in (first, *self._consumer.consume(self._options.batch - 1, 0)):
                if message.error() is not None:
                    raise KafkaException(message.error())
                by_partition[message.partition()].append(message)
            for partition, messages in by_partition.items():
                if partition in self._owners:
                    self._owners[partition].handle(messages)
        if self._predictions is not None:
            for prediction in self._predictions.read():
                for owner in self._owners.values():
                    owner.predicted(prediction)
        self._hints.poll(self._owners.values())
        for owner in list(self._owners.values()):
            owner.cycle()

    def _assigned(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        for partition in sorted({p.partition for p in partitions}):
            self._owners[partition] = self._own(partition)
            reached(AllocatorPoint.STATE_READ)
        # Only now: the older owner's last transaction is settled since it was fenced.
        positions = consumer.committed(partitions, 30)
        for position in positions:
            if position.error is not None:
                raise KafkaException(position.error)
        consumer.assign(positions)
        self._health.met("assigned")
        LOG.info("owns", partitions=sorted(self._owners))

    def _revoked(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        del consumer
        self._health.wait_for("assigned", "partitions are given out anew")
        for partition in {p.partition for p in partitions}:
            owner = self._owners.pop(partition, None)
            if owner is not None:
                owner.close()

    def _lost(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        """Forget: somebody else may own them, and our commit would be fenced."""
        del consumer
        self._health.wait_for("assigned", "partitions were lost")
        for partition in {p.partition for p in partitions}:
            owner = self._owners.pop(partition, None)
            if owner is not None:
                owner.abandon()

    def _own(self, partition: int) -> PartitionOwner:
        journal = Journal(self._settings, self._codec, partition)
        state = journal.open()
        clock = PartitionClock(self._options.clock)
        call_clock = CallClock(clock)
        count = self._settings.pool_partitions
        reconcilers = {
            name: restore_pool(
                pool,
                self._options,
                state.get(name, {}),
                wall_ms(),
                self._sensitivities,
                self._shadow,
                self._capacity,
                self._hosts,
            )
            for name, pool in self._pools.items()
            if partition_of(name.encode(), count) == partition
        }
        cloud = self._clouds.of(partition, call_clock)
        stepper = make_stepper(self._shadow, cloud)
        starter = Starter(self._make_runner(cloud), self._commands)
        executor = Executor(cloud, self._pools, call_clock, starter, stepper)
        return PartitionOwner(
            self._settings, self._options, self._codec, self._pools, reconcilers, journal,
            executor, clock, self._consumer.consumer_group_metadata, self.counters,
        )  # fmt: skip


def run(
    settings: Settings, options: AllocatorOptions | None = None, ids: SchemaIds | None = None
) -> None:
    """Run an allocator until SIGTERM or SIGINT; ends the process with 70 to be started again."""
    faulthandler.enable()
    health = Health("allocator")
    tracing.start("allocator")
    endpoint.serve(health, settings.metrics_host, settings.metrics_port)
    worker = AllocatorWorker(settings, options or AllocatorOptions(), ids, health)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    try:
        worker.run()
        tracing.stop()
    except Exception:
        LOG.exception("allocator_ends")
        sys.stderr.flush()
        # At once: nothing in memory may be committed after a failed commit.
        os._exit(EXIT_START_AGAIN)
