"""A Kafka Connect and a PostgreSQL for tests, with the warehouse's sinks between them."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from infra.connect.postgres import LocalPostgres
from infra.connect.rest import ConnectRest
from infra.connect.sinks import connectors
from infra.connect.warehouse import SinkKeeper, statements
from infra.connect.worker import LocalConnect
from schemas.settings import Settings


@contextmanager
def postgres() -> Iterator[LocalPostgres]:
    """A PostgreSQL with the warehouse's tables and views."""
    folder = Path(tempfile.mkdtemp(prefix="warmfront-pg-"))  # pytest's own is closed to nobody
    folder.chmod(0o755)
    try:
        with LocalPostgres(folder) as server:
            server.run(statements())
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def query(server: LocalPostgres, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run SQL and return its rows."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        cursor = connection.execute(sql, values or None)
        return cursor.fetchall() if cursor.description else []


@dataclass
class Warehouse:
    """Both servers and the sinks."""

    settings: Settings
    database: LocalPostgres
    connect: LocalConnect

    @property
    def keeper(self) -> SinkKeeper:
        sinks = connectors(self.settings, self.database.jdbc)
        return SinkKeeper(ConnectRest(self.connect.url), sinks)

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return query(self.database, sql, *values)

    def count(self, table: str) -> int:
        return int(self.query(f"SELECT count(*) FROM {table}")[0][0])


@contextmanager
def warehouse(settings: Settings, folder: Path) -> Iterator[Warehouse]:
    """A warehouse with all its sinks running."""
    name = settings.topic_prefix
    with (
        postgres() as database,
        LocalConnect(folder / "connect", settings.bootstrap_servers, prefix=name) as connect,
    ):
        made = Warehouse(settings, database, connect)
        made.keeper.register()
        made.keeper.wait_until_running(400)
        yield made
