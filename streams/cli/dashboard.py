"""`warmfront dashboard`: the page."""

from typing import Annotated

import typer

from schemas.codec import Codec
from schemas.registry import RegistryIds
from schemas.settings import Settings
from streams.dashboard.feed import Feed
from streams.dashboard.server import serve


def command(
    port: Annotated[int | None, typer.Option(help="Port on loopback.")] = None,
) -> None:
    """Serve the dashboard on loopback: read-only, nothing loaded from elsewhere."""
    settings = Settings()
    codec = Codec(RegistryIds(settings.registry_url, settings.schema_cache), settings.topic_prefix)
    serve(Feed(settings, codec), port or settings.dashboard_port)
