"""`warmfront warehouse`: forecasts, allocation and alerts in PostgreSQL, by Kafka Connect."""

import json
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from infra.connect.plugins import CompilationError, install_plugins
from infra.connect.postgres import LocalPostgres
from infra.connect.rest import ConnectError, ConnectRest
from infra.connect.sinks import Database, connectors
from infra.connect.warehouse import SinkKeeper, statements
from infra.connect.worker import LocalConnect
from infra.local.artifacts import ArtifactError
from infra.local.java import JavaError
from infra.local.server import ServerError
from schemas.settings import Settings
from streams.cli.shown import fail
from streams.runtime.terminal import Terminal

FAILED = 1
JdbcUrl = Annotated[
    str, typer.Option("--jdbc-url", help="Such as jdbc:postgresql://host:5432/warmfront.")
]
User = Annotated[str, typer.Option("--user", help="Who writes into the database.")]
Password = Annotated[
    str, typer.Option("--password", help="Or a reference such as ${file:/run/secrets/pg:password}.")
]
Replication = Annotated[int, typer.Option(help="Replicas of the topics made for it.")]


def up_command() -> None:
    """Run Kafka Connect and a PostgreSQL here beside `warmfront up`; Ctrl-C stops both."""
    settings, stopping = Settings(), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    console = Terminal(stderr=True)
    folder = settings.state_dir / "warehouse"
    try:
        with (
            LocalPostgres(folder / "postgres", settings.warehouse_port) as database,
            LocalConnect(
                folder / "connect", settings.bootstrap_servers, prefix=settings.topic_prefix
            ) as worker,
        ):
            database.run(statements())
            keeper = SinkKeeper(ConnectRest(worker.url), connectors(settings, database.jdbc))
            keeper.register()
            console.print(f"warehouse: {database.url}\nconnect:   {worker.url}", highlight=False)
            keeper.watch(stopping)
    except (ArtifactError, CompilationError, ConnectError, JavaError, ServerError) as error:
        fail(str(error), FAILED)


def sql_command() -> None:
    """Print the SQL that makes the warehouse's tables and views: pipe it into psql."""
    typer.echo(statements())


def sinks_command(
    jdbc_url: JdbcUrl,
    user: User,
    password: Password,
    replication: Replication = 3,
    connect: Annotated[
        str, typer.Option(help="Register them at this worker's REST API, and keep them running.")
    ] = "",
) -> None:
    """Print the sinks' configuration for any Kafka Connect, or register it and look after it."""
    made = connectors(Settings(), Database(jdbc_url, user, password), replication)
    if not connect:
        typer.echo(json.dumps(made, indent=2))
        return
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    keeper = SinkKeeper(ConnectRest(connect), made)
    try:
        keeper.register()
    except ConnectError as error:
        fail(str(error), FAILED)
    keeper.watch(stopping)


def plugins_command(
    folder: Annotated[Path, typer.Argument(help="For `plugin.path` of a Kafka Connect.")],
) -> None:
    """Download the sink and the converter and compile the transformation into a folder."""
    try:
        typer.echo(str(install_plugins(folder.absolute())))
    except (ArtifactError, CompilationError, JavaError) as error:
        fail(str(error), FAILED)
