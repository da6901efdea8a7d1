"""`warmfront dashboard`: the page."""

from typing import Annotated

import typer

from infra.observe import endpoint
from infra.observe.endpoint import PortTakenError
from infra.observe.health import Health
from schemas.codec import Codec
from schemas.registry import RegistryIds
from schemas.settings import Settings
from streams.dashboard.feed import Feed
from streams.dashboard.server import UnsafeAddressError, serve

BAD_INPUT = 2


def command(
    port: Annotated[int | None, typer.Option(help="Port, by default the setting's.")] = None,
) -> None:
    """Serve the dashboard: read-only, on loopback by default, nothing loaded from elsewhere."""
    settings = Settings()
    codec = Codec(RegistryIds.of(settings), settings.topic_prefix)
    health = Health("dashboard")
    try:
        endpoint.serve(health, settings.metrics_host, settings.metrics_port)
        serve(Feed(settings, codec, health), settings, port or settings.dashboard_port)
    except (UnsafeAddressError, PortTakenError) as error:
        typer.echo(f"warmfront dashboard: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from error
