"""Users and partitions in Faust's tables, decoded once and kept while their bytes are the same."""

from collections.abc import Iterator
from typing import Any

import structlog

from streams.pipeline.partition_state import PartitionState
from streams.pipeline.user import User, partition_of

log = structlog.get_logger()


class UserTable:
    """The users of one partition.

    A decoded user is trusted only while the table holds the very bytes object it was made from or
    saved as: after a rebalance or a recovery there are other objects, and they are decoded anew.
    """

    def __init__(self, table: Any, partition: int) -> None:
        self._table = table
        self._partition = partition
        self._decoded: dict[str, tuple[bytes, User]] = {}
        self._names: set[str] = set()
        self.hostile: list[tuple[str, bytes]] = []

    def get(self, name: str) -> User | None:
        """Return a user's state; bytes that hold none go to `hostile` and count as no state."""
        data = self._table.get(name.encode())
        if data is None:
            return None
        known = self._decoded.get(name)
        if known is not None and known[0] is data:
            return known[1]
        try:
            user = User.from_bytes(data)
        except ValueError as error:
            log.warning("user state refused", partition=self._partition, reason=str(error))
            self.hostile.append((name, data))
            return None
        self._decoded[name] = (data, user)
        return user

    def names(self) -> set[str]:
        """Return the names of the partition's users."""
        return self._names

    def save(self, name: str, user: User) -> None:
        """Write a user's state; it goes to the changelog."""
        data = user.to_bytes()
        self._table[name.encode()] = data
        self._decoded[name] = (data, user)
        self._names.add(name)

    def scan(self) -> Iterator[tuple[str, list[int], list[int]]]:
        """Find the partition's users in the table; gives name, open minutes, open hours."""
        for key, data in self._table.items():
            try:
                partition, minutes, hours = partition_of(data)
            except ValueError:
                continue  # told when the user is next needed
            if partition == self._partition:
                name = key.decode()
                self._names.add(name)
                yield name, minutes, hours


class PartitionTable:
    """The saved state of partitions."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def get(self, partition: int) -> PartitionState | None:
        """Return a partition's state; raises ValueError for bytes that are none."""
        data = self._table.get(str(partition).encode())
        return None if data is None else PartitionState.from_bytes(data)

    def save(self, partition: int, state: PartitionState) -> None:
        """Write a partition's state; it goes to the changelog."""
        self._table[str(partition).encode()] = state.to_bytes()
