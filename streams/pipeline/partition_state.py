"""What one partition of telemetry remembers besides its users: its clock and what it has closed."""

import msgspec

from streams.pipeline.level import NOTHING, Level
from streams.pipeline.state_version import decoded

VERSION = 1
# Heartbeats that wait for activity before them; more than this many and the oldest are passed over.
MAX_WAITING = 64


class WaitingTick(msgspec.Struct, array_like=True, frozen=True):
    """A heartbeat that speaks only once activity below an offset is applied."""

    time_ms: int
    activity_offset: int


class PartitionState(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The saved state of a partition.

    Parameters
    ----------
    clock_ms
        Latest event time seen, 0 before the first.
    open_minute
        First minute that is not closed; all before are, for good. 0 before the first event.
    next_offset
        Offset after the last activity message that was worked on.
    levels
        By pool, what its users hold at the start of `open_minute`.
    waiting
        Heartbeats that came before the activity they speak for.
    silence
        When each source was heard, in partition 0 only: every source speaks to all.
    revision
        How often it was saved.
    """

    version: int = VERSION
    clock_ms: int = 0
    open_minute: int = 0
    next_offset: int = 0
    levels: dict[str, Level] = {}
    waiting: list[WaitingTick] = []
    silence: bytes = b""
    revision: int = 0

    @property
    def open_hour(self) -> int:
        """First hour that is not closed."""
        return self.open_minute // 60

    def level(self, pool: str) -> Level:
        """Return what a pool's users hold at the start of the first open minute."""
        return self.levels.get(pool, NOTHING)

    def to_bytes(self) -> bytes:
        """Return the state as versioned bytes."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> "PartitionState":
        """Return the state; raises ValueError for bytes that are none.

        Examples
        --------
        >>> PartitionState.from_bytes(PartitionState(clock_ms=5).to_bytes()).clock_ms
        5
        """
        return decoded(_decoder, data, "partition state", VERSION)


_decoder = msgspec.msgpack.Decoder(PartitionState)
