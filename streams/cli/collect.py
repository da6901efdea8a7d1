"""`warmfront collect`: what the users of this host do, as telemetry."""

import math
import platform
import sys
from contextlib import closing
from typing import Annotated

import msgspec
import structlog
import typer

from infra.observe import endpoint, tracing
from infra.observe.endpoint import PortTakenError
from infra.observe.health import Health
from schemas.codec import Codec
from schemas.registry import RegistryIds, RegistryUnavailableError
from schemas.settings import Settings
from streams.collect.delivery import DeliveryError
from streams.collect.exclusive import HeldByAnotherError, NotKeptError
from streams.collect.host import HostCollector, Senses
from streams.collect.host_zone import host_zone
from streams.collect.nearby import Nearby
from streams.collect.predictions import FollowedPredictions
from streams.collect.process_connector import short_programs
from streams.collect.producer import TelemetryProducer
from streams.collect.stopping import until_signalled

BAD_INPUT = 2
UNAVAILABLE = 1
# How long the end may take: what Kafka has not taken by then is reported as lost.
LAST_FLUSH_S = 10.0


def command(
    every: Annotated[
        float, typer.Option(min=1.0, help="Shortest time between two looks, in seconds.")
    ] = 5.0,
    source: Annotated[
        str | None, typer.Option(help="Name of this collector, by default the host's.")
    ] = None,
    prefix: Annotated[str | None, typer.Option(help="Topic prefix.")] = None,
    bring_near: Annotated[
        bool, typer.Option(help="Read files ahead that the next program is predicted to touch.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was sent as JSON.")] = False,
) -> None:
    """Watch this host's programs until stopped: launches, exits, use of resources, files."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    settings = Settings() if prefix is None else Settings(topic_prefix=prefix)
    try:
        sent = _collect(settings, source or f"host-{platform.node()}", every, near=bring_near)
    except (ValueError, HeldByAnotherError, PortTakenError) as error:
        _fail(str(error), BAD_INPUT)
    except (DeliveryError, RegistryUnavailableError, NotKeptError) as error:
        _fail(str(error), UNAVAILABLE)
    if as_json:
        print(msgspec.json.encode({"events": sent}).decode())


def _collect(settings: Settings, source: str, every_s: float, *, near: bool) -> int:
    health = Health("collector")
    tracing.start("collector")
    endpoint.serve(health, settings.metrics_host, settings.metrics_port)
    with until_signalled() as stopped:
        producer = TelemetryProducer(
            settings, source, delivery_timeout_s=math.inf, zone=host_zone()
        )
        try:
            near_by = (Nearby(), _predictions(settings)) if near else None
            with short_programs() as brief, closing(
                HostCollector(
                    settings, producer, every_s=every_s, health=health, near=near_by,
                    senses=Senses(brief=brief),
                )
            ) as collector:  # fmt: skip
                typer.echo(f"collecting as {source} every {every_s:g} s; Ctrl-C ends", err=True)
                collector.run(stopped)
        finally:
            producer.close(LAST_FLUSH_S)
            tracing.stop()
        return producer.sent


def _predictions(settings: Settings) -> FollowedPredictions:
    ids = RegistryIds.of(settings)
    return FollowedPredictions(settings, Codec(ids, settings.topic_prefix))


def _fail(message: str, code: int) -> None:
    typer.echo(f"warmfront collect: {message}", err=True)
    raise typer.Exit(code)
