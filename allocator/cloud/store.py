"""The simulated cloud's own books, in SQLite: they outlive the allocator, as a real cloud's do."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

SCHEMA = """
create table if not exists instances (
  instance_id text primary key, owner text not null, pool text not null, intent_id text not null,
  created_ms integer not null, ready_ms integer not null, breaks integer not null default 0,
  is_paused integer not null default 0, rebuilt integer not null default 0, gone_ms integer
);
create index if not exists by_pool on instances (owner, pool);
"""


class CloudStore:
    """Rows of instances, shared by all processes that open the same file.

    Parameters
    ----------
    path
        File, or None to keep them in memory.
    """

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(
            path or ":memory:", timeout=30, isolation_level=None, check_same_thread=False
        )
        self._db.execute("pragma journal_mode=wal")
        # A killed process loses nothing of what it wrote; only a power cut could, and this is a
        # simulation.
        self._db.execute("pragma synchronous=off")
        self._db.executescript(SCHEMA)

    def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Return a query's rows."""
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def write(self, statement: str, values: tuple[Any, ...]) -> int:
        """Execute a statement and return how many rows it touched."""
        with self._lock:
            return self._db.execute(statement, values).rowcount

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
