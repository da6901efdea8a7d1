"""State in Faust's tables: read from what recovery found, written when a stage settles."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any

import structlog

from streams.pipeline.partition_state import PartitionState
from streams.pipeline.user import Glance, User, partition_of
from streams.runtime.newest_store import body_of, rank_of, ranked
from streams.runtime.sender import Sender

log = structlog.get_logger()

# Decoded users kept in memory for each partition; the others are decoded again when they come.
MAX_DECODED = 20_000


class StateTable:
    """Bytes by bytes on a changelog.

    Faust recovers the table, but doesn't write it: it would send one record at a time, and only
    from within an agent's iteration.

    Parameters
    ----------
    table
        A Faust table on a `NewestStore`.
    sender
        Sends the changelog's records.
    """

    def __init__(self, table: Any, sender: Sender) -> None:
        self._table = table
        self._sender = sender

    def get(self, key: bytes) -> bytes | None:
        """Return what is kept of a key."""
        value = self._table.data.data.get(key)
        return None if value is None else body_of(value)

    def rank(self, key: bytes) -> int:
        """Return how far a key had come; -1 where nothing is kept of it."""
        return rank_of(self._table.data.data.get(key))

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Give all keys of all partitions of this worker."""
        for key, value in self._table.data.data.items():
            yield key, body_of(value)

    async def put(self, partition: int, key: bytes, rank: int, body: bytes) -> None:
        """Keep a key's state; it is durable once the sender has settled.

        Parameters
        ----------
        partition
            The changelog's partition, that of the input.
        rank
            How far the key has come: of two states that of the higher rank is kept.
        """
        value = ranked(rank, body)
        self._table.data.put(key, value, partition)
        await self._sender.start(self._table.changelog_topic_name, key, value, partition)

    async def drop(self, partition: int, key: bytes) -> None:
        """Forget a key, on the changelog too."""
        self._table.data.put(key, None, partition)
        await self._sender.start(self._table.changelog_topic_name, key, None, partition)


class UserTable:
    """The users of one partition; those that changed are written when the stage settles."""

    def __init__(self, table: StateTable, partition: int) -> None:
        self._table = table
        self._partition = partition
        self._decoded: OrderedDict[str, User] = OrderedDict()
        self._changed: set[str] = set()
        self._names: set[str] = set()
        self.hostile: list[tuple[str, bytes]] = []

    def get(self, name: str) -> User | None:
        """Return a user's state; bytes that hold none go to `hostile` and count as no state."""
        known = self._decoded.get(name)
        if known is not None:
            self._decoded.move_to_end(name)
            return known
        data = self._table.get(name.encode())
        if data is None:
            return None
        try:
            user = User.from_bytes(data)
        except ValueError as error:
            log.warning("user state refused", partition=self._partition, reason=str(error))
            self.hostile.append((name, data))
            return None
        self._keep(name, user)
        return user

    def glance(self, name: str) -> User | Glance | None:
        """Return what is needed to expect a user's launches; nobody is decoded whole for it."""
        known = self._decoded.get(name)
        data = None if known is not None else self._table.get(name.encode())
        if data is None:
            return known
        try:
            return Glance.from_bytes(data)
        except ValueError:
            return None  # told when the user is next needed

    def names(self) -> set[str]:
        """Return the names of the partition's users."""
        return self._names

    def changed(self, name: str, user: User) -> None:
        """Remember that a user's state changed."""
        self._names.add(name)
        self._changed.add(name)
        self._keep(name, user)

    def encoded(self) -> list[tuple[bytes, int, bytes]]:
        """Return the key, rank and bytes of each user that changed."""
        users = [(name, self._decoded[name]) for name in sorted(self._changed)]
        return [(name.encode(), user.offset + 1, user.to_bytes()) for name, user in users]

    async def save(self, users: Iterable[tuple[bytes, int, bytes]]) -> None:
        """Write all users that changed, as `encoded`; durable once the sender has settled."""
        for key, rank, body in users:
            await self._table.put(self._partition, key, rank, body)
        self._changed.clear()

    async def remove(self, name: str) -> None:
        """Delete a user's key, on the changelog too; durable once the sender has settled."""
        await self._table.drop(self._partition, name.encode())
        self._decoded.pop(name, None)
        self._names.discard(name)

    def scan(self) -> Iterator[tuple[str, list[int], list[int], bool]]:
        """Find the partition's users in the table: name, open minutes, open hours, departure."""
        for key, data in self._table.items():
            try:
                partition, minutes, hours, leaves = partition_of(data)
                name = key.decode()
            except ValueError:
                continue  # told when the user is next needed; nobody has a name that is no text
            if partition == self._partition:
                self._names.add(name)
                yield name, minutes, hours, leaves

    def _keep(self, name: str, user: User) -> None:
        self._decoded[name] = user
        self._decoded.move_to_end(name)
        while len(self._decoded) - len(self._changed) > MAX_DECODED:
            self._evict()

    def _evict(self) -> None:
        """Drop the decoded user that was not needed for longest and is written already."""
        oldest = next(name for name in self._decoded if name not in self._changed)
        del self._decoded[oldest]


class PartitionTable:
    """The saved state of partitions."""

    def __init__(self, table: StateTable) -> None:
        self._table = table

    def get(self, partition: int) -> PartitionState | None:
        """Return a partition's state; raises ValueError for bytes that are none."""
        data = self._table.get(str(partition).encode())
        return None if data is None else PartitionState.from_bytes(data)

    async def save(self, partition: int, state: PartitionState) -> None:
        """Write a partition's state; durable once the sender has settled."""
        state.revision += 1
        await self._table.put(partition, str(partition).encode(), state.revision, state.to_bytes())
