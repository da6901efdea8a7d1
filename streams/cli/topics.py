"""`warmfront topics`: the catalogue, and creating what is missing of it."""

import json
from typing import Annotated

import typer
from rich.table import Table

from schemas.settings import Settings
from schemas.topics import CATALOGUE
from streams.runtime.terminal import Terminal
from streams.runtime.topic_admin import create_topics, partitions_of


def command(
    *,
    create: Annotated[bool, typer.Option(help="Create the topics that are missing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the topics, or create those that are missing."""
    settings = Settings()
    created = create_topics(settings) if create else []
    rows = [
        {
            "topic": settings.topic(topic.name),
            "key": topic.key,
            "record": topic.record.__name__ if topic.record else "original bytes",
            "partitions": partitions_of(topic, settings),
            "cleanup": topic.cleanup,
            "retention_ms": topic.retention_ms,
            "about": topic.about,
        }
        for topic in CATALOGUE
    ]
    if as_json:
        typer.echo(json.dumps({"topics": rows, "created": created}))
        return
    table = Table("topic", "key", "record", "partitions", "cleanup", "about")
    for row in rows:
        table.add_row(
            *(
                str(row[name])
                for name in ("topic", "key", "record", "partitions", "cleanup", "about")
            )
        )
    Terminal().print(table)
    if create:
        typer.echo(f"created {len(created)} topics")
