"""The simulated cloud's own books, in SQLite: they outlive the allocator, as a real cloud's do."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

SCHEMA = """
create table if not exists machines (
  instance_id text primary key, owner text not null, pool text not null, intent_id text not null,
  created_ms integer not null, ready_ms integer not null, breaks integer not null default 0,
  rest text not null default '', rest_until_ms integer, rebuilt integer not null default 0,
  qos_policy text not null default '', gone_ms integer
);
-- Those that are gone stay, for listings that lag behind: found by their end, none is looked at.
create index if not exists machines_by_end
on machines (owner, ifnull(gone_ms, 9223372036854775807));
"""
LIST = """select instance_id, intent_id, created_ms, ready_ms, breaks, rest,
rest_until_ms, rebuilt, gone_ms from machines where owner = ? and pool = ? and created_ms <= ?
and ifnull(gone_ms, 9223372036854775807) > ? order by rowid"""
GET = """select instance_id, intent_id, created_ms, ready_ms, breaks, rest,
rest_until_ms, rebuilt, gone_ms from machines where instance_id = ? and owner = ?
and ifnull(gone_ms, 9223372036854775807) > ?"""
COUNT = """select count(*) from machines where owner = ? and (? is null or pool = ?)
and ifnull(gone_ms, 9223372036854775807) > ?"""
DELETE = "update machines set gone_ms = ? where instance_id = ? and owner = ?"
REST = "update machines set rest = ?, rest_until_ms = null where instance_id = ? and owner = ?"
WAKE = "update machines set rest_until_ms = ? where instance_id = ? and owner = ?"
REBUILD = """update machines set rebuilt = 1, rest = '', rest_until_ms = null, ready_ms = ?
where instance_id = ? and owner = ?"""
BREAK = "update machines set breaks = ? where instance_id = ? and owner = ?"
QOS = "update machines set qos_policy = ? where instance_id = ? and owner = ?"
QOS_OF = "select qos_policy from machines where instance_id = ? and owner = ?"


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
