"""Puts the agents of one worker together and runs them."""

import time
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import faust
import structlog

from infra.observe import endpoint, tracing
from infra.observe import worker as metrics
from infra.observe.health import Health
from schemas.codec import Codec, SchemaIds
from schemas.pools import load_pools, pool_of
from schemas.registry import RegistryIds
from schemas.settings import Settings
from schemas.topics import (
    ALERTS_FEEDBACK,
    ANOMALIES_OBSERVED,
    DEMAND_OBSERVED,
    DEMAND_PARTIALS,
    POPULATION_PARTIALS,
    RESERVE_STATUS,
    TELEMETRY_ACTIVITY,
    TELEMETRY_TICKS,
    Topic,
)
from streams.agents.alerts import AlertStage
from streams.agents.pools import PoolStage
from streams.agents.population import PopulationStage
from streams.agents.profile import ProfileStage
from streams.agents.service import ServiceStage
from streams.agents.totals import TotalStage
from streams.models.sensitivity import Normal
from streams.pipeline.activity import Ways
from streams.pipeline.groups import by_patterns
from streams.runtime import garbage
from streams.runtime.app import SESSION_TIMEOUT_S, changelog, make_app, raw_table, raw_topic
from streams.runtime.calendar_reader import CalendarReader
from streams.runtime.continuity import Continuity
from streams.runtime.fence import Fence
from streams.runtime.follower import Follower
from streams.runtime.guard import end_process, guarded
from streams.runtime.learned_reader import LearnedReader
from streams.runtime.outbox import Outbox
from streams.runtime.sender import Sender
from streams.runtime.settlement import Settlement, Stage
from streams.runtime.state_tables import StateTable
from streams.runtime.stop_deadline import watch_stop
from streams.runtime.topic_admin import create_changelogs
from streams.runtime.warm_up import warm_up
from streams.runtime.watchdog import CommitWatchdog, RecoveryWatchdog
from streams.runtime.worker_health import WorkerHealth
from streams.runtime.zones import zone_named

WATCHDOG_INTERVAL_S = 10.0
# Nothing of ours writes these in transactions, whose markers take offsets.
WITHOUT_MARKERS = (
    TELEMETRY_ACTIVITY, TELEMETRY_TICKS, POPULATION_PARTIALS, DEMAND_OBSERVED, DEMAND_PARTIALS,
)  # fmt: skip
SILENCE_INTERVAL_S = 60.0
# Before the group can have given this worker's partitions to another.
FENCE_S = 0.8 * SESSION_TIMEOUT_S

log = structlog.get_logger()


def make_ways(settings: Settings) -> tuple[Ways, tuple[str, ...]]:
    """Return how this deployment sees events, and the names of its pools."""
    pools = load_pools(settings.pools_file)
    ways = Ways(
        # Matching patterns takes 2 us each, and every sample asks.
        lru_cache(maxsize=65_536)(lambda program: pool_of(program, pools)),
        ZoneInfo(settings.zone), Normal(),
        zones=zone_named, groups_of=by_patterns(settings.groups),
    )  # fmt: skip
    return ways, tuple(pool.name for pool in pools)


def make_worker(
    settings: Settings, ids: SchemaIds | None = None, health: Health | None = None
) -> Any:
    """Return a Faust app with all agents.

    Parameters
    ----------
    settings
        The deployment.
    ids
        Source of schema ids, by default the registry with its cache.
    health
        Is told how the worker is.
    """
    settlement = Settlement()
    app = make_app(settings, settlement)
    ids = ids or RegistryIds.of(settings)
    codec = Codec(ids, settings.topic_prefix)
    fence = Fence(FENCE_S)
    sender = Sender(Outbox(settings), codec, settings, fence.check)
    reader = LearnedReader(settings, codec)
    calendar = CalendarReader(settings, codec)
    settlement.add(_add_profile(app, settings, codec, sender, reader))
    settlement.add(_add_population(app, settings, codec, sender))
    settlement.add(_add_pools(app, settings, codec, sender, calendar))
    settlement.add(_add_total(app, settings, codec, sender))
    settlement.add(_add_service(app, settings, codec, sender))
    settlement.add(_add_alerts(app, settings, codec, sender))
    _add_tasks(app, (reader, calendar), health or Health("worker"), fence)
    return app


def _add_profile(
    app: Any, settings: Settings, codec: Codec, sender: Sender, reader: LearnedReader
) -> Stage:
    ways, pools = make_ways(settings)
    users = StateTable(raw_table(app, "users", settings.user_partitions), sender)
    partitions = StateTable(raw_table(app, "partitions", settings.user_partitions), sender)
    stage = ProfileStage(settings, codec, sender, reader, users, partitions, ways, pools)
    topic = raw_topic(app, settings, TELEMETRY_ACTIVITY, TELEMETRY_TICKS)
    _agent(
        app, topic, "profile", stage.step, sender, (TELEMETRY_ACTIVITY, TELEMETRY_TICKS), settings
    )

    @app.timer(interval=SILENCE_INTERVAL_S)  # type: ignore[untyped-decorator]
    async def tell_silences() -> None:
        try:
            await stage.tell_silences()
        except Exception as error:  # noqa: BLE001 - a detector that is dead must not look quiet
            end_process("silences can't be told", error=repr(error))

    return stage


def _add_population(app: Any, settings: Settings, codec: Codec, sender: Sender) -> Stage:
    table = StateTable(raw_table(app, "population", 1), sender)
    stage = PopulationStage(codec, sender, table, settings.user_partitions, settings.group_floor)
    topic = raw_topic(app, settings, POPULATION_PARTIALS)
    _agent(app, topic, "population", stage.step, sender, (POPULATION_PARTIALS,), settings)
    return stage


def _add_pools(
    app: Any, settings: Settings, codec: Codec, sender: Sender, calendar: CalendarReader
) -> Stage:
    table = StateTable(raw_table(app, "pools", settings.pool_partitions), sender)
    stage = PoolStage(codec, sender, calendar, table, settings.user_partitions)
    topic = raw_topic(app, settings, DEMAND_OBSERVED)
    _agent(app, topic, "pools", stage.step, sender, (DEMAND_OBSERVED,), settings)
    return stage


def _add_service(app: Any, settings: Settings, codec: Codec, sender: Sender) -> Stage:
    table = StateTable(raw_table(app, "service", settings.pool_partitions), sender)
    stage = ServiceStage(codec, sender, table)
    topic = raw_topic(app, settings, RESERVE_STATUS)
    _agent(app, topic, "service", stage.step, sender, (RESERVE_STATUS,), settings)
    return stage


def _add_alerts(app: Any, settings: Settings, codec: Codec, sender: Sender) -> Stage:
    table = StateTable(raw_table(app, "alerts", 1), sender)
    stage = AlertStage(settings, codec, sender, table)
    sources = (ANOMALIES_OBSERVED, ALERTS_FEEDBACK)
    topic = raw_topic(app, settings, *sources)
    _agent(app, topic, "alerts", stage.step, sender, sources, settings)
    return stage


def _add_total(app: Any, settings: Settings, codec: Codec, sender: Sender) -> Stage:
    pools = [pool.name for pool in load_pools(settings.pools_file)]
    stage = TotalStage(codec, sender, StateTable(raw_table(app, "total", 1), sender), pools)
    topic = raw_topic(app, settings, DEMAND_PARTIALS)
    _agent(app, topic, "total", stage.step, sender, (DEMAND_PARTIALS,), settings)
    return stage


def _agent(
    app: Any, topic: Any, name: str, step: Any, sender: Sender, sources: tuple[Topic, ...],
    settings: Settings,
) -> None:  # fmt: skip
    by_name = {settings.topic(source.name): source for source in sources}

    def committed(tp: Any) -> Any:
        return app.consumer._committed_offset.get(tp)  # noqa: SLF001 - Faust tells it nowhere

    continuity = Continuity(settings, committed)

    @app.on_partitions_revoked.connect(weak=False)  # type: ignore[untyped-decorator]
    async def forget(app: Any, revoked: Any, **kwargs: Any) -> None:
        del app, revoked, kwargs
        continuity.forget()

    async def bury(event: Any, error: Exception) -> None:
        await sender.bury(event, by_name[event.message.topic], error)

    async def checked(event: Any) -> None:
        if by_name[event.message.topic] in WITHOUT_MARKERS:
            await continuity.check(event.message)
        await step(event)

    async def body(stream: Any) -> None:
        took = metrics.STEP_TIME.labels(name)
        async for event in stream.events():
            with took.time(), tracing.continued(f"{name} step", event.message.headers):
                await guarded(event, checked, bury)

    app.agent(topic, name=name)(body)


def _add_tasks(app: Any, followers: Iterable[Follower], health: Health, fence: Fence) -> None:
    watchdog, recovery = CommitWatchdog(), RecoveryWatchdog()
    worker_health = WorkerHealth(health, app, watchdog)
    app.task(worker_health.beat)
    for follower in followers:
        app.task(_following(follower))

    @app.task  # type: ignore[untyped-decorator]
    async def watch_for_pauses() -> None:
        fence.start()
        watch_stop(lambda: app.should_stop)

    @app.timer(interval=WATCHDOG_INTERVAL_S)  # type: ignore[untyped-decorator]
    async def watch() -> None:
        watchdog.check(app.consumer, time.monotonic())
        recovery.check(app, time.monotonic())


def _following(follower: Follower) -> Callable[[], Awaitable[None]]:
    async def follow() -> None:
        try:
            await follower.run()
        except Exception as error:  # noqa: BLE001 - without it no step can go on
            end_process("reader failed", reader=type(follower).__name__, error=repr(error))

    return follow


def run(settings: Settings) -> None:
    """Run a worker until it is told to stop; ends the process."""
    health = Health("worker")
    health.wait_for("models", "they get ready, for one to three minutes on the first start here")
    tracing.start("worker")
    endpoint.serve(health, settings.metrics_host, settings.metrics_port)
    warm_up()
    app = make_worker(settings, health=health)
    health.met("models")
    create_changelogs(
        settings, {changelog(settings, t.name): t.partitions for t in app.tables.values()}
    )
    garbage.spare()
    log.info("worker starts", group=app.conf.id)
    faust.Worker(app, loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()
