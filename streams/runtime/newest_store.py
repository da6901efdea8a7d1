"""Faust's memory store, but one that never goes back to an older state.

Each value begins with its rank: how far its key had come when it was written. Reading the changelog
keeps the highest. Faust's own store keeps the latest instead, and that may be older: a worker that
was paused for longer than its session writes after its successor did, and a rebalance reads a
changelog again while the newest write is still on its way.
"""

import struct
from collections.abc import Callable, Iterable
from typing import Any

from faust.stores import memory
from faust.tables.table import Table

_RANK = struct.Struct(">Q")
RANK_BYTES = _RANK.size


def ranked(rank: int, body: bytes) -> bytes:
    """Return a value of the given rank.

    Examples
    --------
    >>> rank_of(ranked(7, b"state")), body_of(ranked(7, b"state"))
    (7, b'state')
    """
    return _RANK.pack(rank) + body


def rank_of(value: bytes | None) -> int:
    """Return a value's rank; -1 for none and for bytes too short to have one.

    Examples
    --------
    >>> rank_of(None), rank_of(b"hostile"[:3])
    (-1, -1)
    """
    if value is None or len(value) < RANK_BYTES:
        return -1
    return int(_RANK.unpack_from(value)[0])


def body_of(value: bytes) -> bytes:
    """Return what was put behind the rank."""
    return value[RANK_BYTES:]


class NewestStore(memory.Store):  # type: ignore[misc]
    """Bytes by bytes; of each key the value of the highest rank, whatever the changelog's order."""

    def put(self, key: bytes, value: bytes | None, partition: int) -> None:
        """Set a key that lives on a partition, or drop it with None."""
        if value is None:
            self.data.pop(key, None)
            self._key_partition.pop(key, None)
        else:
            self.data[key] = value
            self._key_partition[key] = partition

    def apply_changelog_batch(
        self, batch: Iterable[Any], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Take records of the changelog."""
        del to_key, to_value  # bytes are kept as they are
        for event in batch:
            self.take(event.message.key, event.message.value, event.message.partition)

    def take(self, key: bytes, value: bytes | None, partition: int) -> None:
        """Take a record of the changelog, unless what is known of its key is newer."""
        if value is None or rank_of(value) >= rank_of(self.data.get(key)):
            self.put(key, value, partition)


class NewestTable(Table):  # type: ignore[misc]
    """A Faust table on a `NewestStore`."""

    def _new_store(self) -> NewestStore:
        return NewestStore(
            "memory://", self.app, self, table_name=self.name, key_type=self.key_type,
            key_serializer=self.key_serializer, value_serializer=self.value_serializer,
            value_type=self.value_type, loop=self.loop, options=self.options,
        )  # fmt: skip
