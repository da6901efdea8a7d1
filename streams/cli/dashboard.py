"""`warmfront dashboard`: the page."""

from typing import Annotated

import typer

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
    codec = Codec(RegistryIds(settings.registry_url, settings.schema_cache), settings.topic_prefix)
    try:
        serve(Feed(settings, codec), settings, port or settings.dashboard_port)
    except UnsafeAddressError as error:
        typer.echo(f"warmfront dashboard: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from error
