"""Makes the Faust application, with the settings that measurements asked for.

Figures are in docs/explanation/effectively-once.md; each setting says what it is there for.
"""

import asyncio
import logging
from pathlib import Path
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver
from mode.services import WaitResults

from schemas.connection import name_and_password, tls_context
from schemas.crash_points import WorkerPoint, reached
from schemas.settings import Settings
from schemas.topics import Topic
from streams.runtime.begun import Begun
from streams.runtime.bulk_recovery import BulkRecovery
from streams.runtime.flow import Flow
from streams.runtime.newest_store import NewestTable
from streams.runtime.settlement import Settlement
from streams.runtime.topic_admin import COMPACTED

# Faust's 1.5 s lets an idle partition hold back a busy one: a fetch under way does not see what
# arrives on partitions that it did not ask for.
FETCH_WAIT_MS = 50
# After a SIGKILL nobody takes over before this; Faust's default is a minute.
SESSION_TIMEOUT_S = 10.0
HEARTBEAT_S = 3.0
COMMIT_INTERVAL_S = 1.0
WORKERS = "workers"


class _ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 - Faust has no setting for it
        return consumer

    async def _fetch_records(
        self, consumer: Any, active_partitions: Any, *limits: Any, **more: Any
    ) -> Any:
        """Fetch of the partitions that are active, and leave no hole where that changes meanwhile.

        Faust passes the set that it goes on changing: empty, as after a recovery, it means all
        partitions to aiokafka. What came of sources then, behind the seek to their committed
        offsets and before they were resumed, was dropped: 2 to 99 messages, of one worker in
        fourteen that joined a busy group. What is dropped now is sought back to.
        """
        asked = frozenset(active_partitions)
        if not asked:
            return {}
        fetched = await super()._fetch_records(consumer, asked, *limits, **more)
        wanted = active_partitions | self.consumer._buffered_partitions  # noqa: SLF001
        for tp in fetched.keys() - wanted:
            consumer._fetcher.seek_to(tp, fetched.pop(tp)[0].offset)  # noqa: SLF001
        return fetched


class _Consumer(driver.Consumer):  # type: ignore[misc]
    """Faust's consumer without the race that loses messages after a rebalance.

    Faust resumes a source's partitions before it seeks to their committed offsets. What is fetched
    in between is delivered from somewhere behind the committed offset; what lies before it then
    counts as a gap that needs no work, and is dropped when it comes (faust-streaming #596; in our
    tests some 3 of 1,000 messages at a worker's stop). Here they wait until flow is resumed, which
    Faust does after the seek.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._waiting: set[Any] = set()
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def resume_partitions(self, tps: Any) -> None:
        changelogs = self.app.tables.changelog_topics
        self._waiting |= {tp for tp in tps if tp.topic not in changelogs}
        super().resume_partitions({tp for tp in tps if tp.topic in changelogs})

    def pause_partitions(self, tps: Any) -> None:
        self._waiting -= set(tps)
        super().pause_partitions(tps)

    async def wait_first(self, *coros: Any, **more: Any) -> Any:
        """Wait as Faust does, but make no tasks where the first is through without waiting.

        Faust makes four for each message that it hands to an agent, 90 us of some 1,250 in all.
        """
        first, *others = coros
        if asyncio.iscoroutine(first) and not self.should_stop:
            begun = Begun(first)
            if begun.is_through:
                for other in others:
                    other.close()
                return WaitResults([first], [begun.result], stopped=False)
            coros = (begun.rest(), *others)
        return await super().wait_first(*coros, **more)

    def resume_flow(self) -> None:
        super().resume_flow()
        waiting, self._waiting = self._waiting, set()
        super().resume_partitions(waiting)

    async def perform_seek(self) -> None:
        """Go to the committed offsets, and to the beginning of a source that has none.

        aiokafka leaves the latter where it is. A worker that was killed before the group's first
        commit, with state on the changelogs, has twice been seen to get no message after its
        restart, for the two minutes until the watchdog ended it.
        """
        await super().perform_seek()
        changelogs = self.app.tables.changelog_topics
        sources = {tp for tp in self.assignment() if tp.topic not in changelogs}
        fresh = {tp: 0 for tp in sources if self._committed_offset.get(tp) is None}
        if fresh:
            await self.seek_wait(fresh)

    def close(self) -> None:
        """Take no more where the group rebalances amid a stop; closing is left to the stop itself.

        Faust closes here, from the wrong thread's event loop. Half of it fails: this member never
        leaves its group, and a commit whose connection broke, or a seek, asks for ever for the
        coordinator of one that is closing.
        """
        self.stop_flow()

    async def _commit_offsets(self, offsets: Any, start_new_transaction: bool = True) -> bool:
        # The offsets are chosen already: what is settled now covers them, and maybe more.
        await self.transport.settlement.settle()
        reached(WorkerPoint.SETTLED)
        committed = await super()._commit_offsets(offsets, start_new_transaction)
        reached(WorkerPoint.COMMITTED)
        return bool(committed)


class _Transport(driver.Transport):  # type: ignore[misc]
    Consumer = _Consumer

    def __init__(self, *args: Any, settlement: Settlement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.settlement = settlement


def make_app(settings: Settings, settlement: Settlement, name: str = WORKERS) -> Any:
    """Return the Faust app of one worker.

    Parameters
    ----------
    settings
        Where Kafka is and what the deployment is called.
    settlement
        What must be durable before offsets are committed and before partitions are given up.
    name
        Name of the consumer group, before which the deployment's prefix is put.
    """
    brokers = ";".join(f"kafka://{address}" for address in settings.bootstrap_servers.split(","))
    app = faust.App(
        settings.topic(f"warmfront-{name}"),
        broker=brokers,
        broker_credentials=credentials(settings),
        datadir=str(Path(settings.state_dir).absolute() / "faust"),
        Table=NewestTable,
        store="memory://",  # state comes back from the changelog; no persisted offset can be wrong
        web_enabled=False,  # /table would serve users' data on every interface
        topic_disable_leader=True,
        stream_wait_empty=False,  # else SIGINT hangs on unacked events for ever
        processing_guarantee="at_least_once",  # exactly_once loses state in recovery
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=SESSION_TIMEOUT_S,
        broker_heartbeat_interval=HEARTBEAT_S,
        broker_commit_interval=COMMIT_INTERVAL_S,
        broker_max_poll_records=500,
        broker_request_timeout=60.0,
        stream_buffer_maxsize=16384,
        table_standby_replicas=0,
        producer_compression_type="lz4",
        producer_max_request_size=8 * 1024 * 1024,
        consumer_max_fetch_size=8 * 1024 * 1024,
    )
    app.flow_control = Flow(loop=app.loop)
    app.transport = _Transport(app.conf.broker, app, settlement=settlement)
    tables = app.tables
    tables._recovery = BulkRecovery(  # noqa: SLF001 - Faust has no setting for it
        settings, app, tables, beacon=tables.beacon, loop=tables.loop
    )

    @app.on_partitions_revoked.connect(weak=False)  # type: ignore[untyped-decorator]
    async def give_up(app: Any, revoked: Any, **kwargs: Any) -> None:
        del app, revoked, kwargs
        await settlement.give_up()
        reached(WorkerPoint.GIVEN_UP)

    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    return app


def credentials(settings: Settings) -> Any:
    """Return who the worker is, in Faust's terms; None where nobody asks."""
    if (who := name_and_password(settings)) is not None:
        username, password = who
        return faust.SASLCredentials(
            username=username,
            password=password,
            mechanism=settings.kafka_sasl_mechanism,
            ssl_context=tls_context(settings),
        )
    context = tls_context(settings)
    return None if context is None else faust.SSLCredentials(context)


def raw_topic(app: Any, settings: Settings, *topics: Topic) -> Any:
    """Return topics as bytes: decoding is done in the body, where a failure can be handled."""
    names = [settings.topic(topic.name) for topic in topics]
    return app.topic(
        *names, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw",
        internal=False,
    )  # fmt: skip


def changelog(settings: Settings, table: str) -> str:
    """Return the name of the topic that a table's state is kept on."""
    return settings.topic(f"warmfront-{WORKERS}-{table}-changelog")


def raw_table(app: Any, name: str, partitions: int) -> Any:
    """Return a table of bytes by bytes, with a compacted changelog."""
    return app.Table(
        name, key_type=bytes, value_type=bytes, partitions=partitions,
        extra_topic_configs=COMPACTED,
    )  # fmt: skip
