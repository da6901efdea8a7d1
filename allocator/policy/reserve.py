"""The warm reserve's size, on event time, from what was served so far."""

import struct
from collections import deque

from allocator.policy.knobs import ReserveKnobs
from allocator.policy.position import Decision, Position

_SLOT_S = 120.0
_SLOTS = 30
_HEAD = struct.Struct("<Bdd")
_VERSION = 1


class ReservePolicy:
    """Decides how many instances to hold, launch and terminate.

    The caller reports every request after it was served and every whole minute, then asks for
    the target. Time never goes back; no clock is read.

    Examples
    --------
    >>> policy = ReservePolicy(ReserveKnobs(target_hit_rate=0.95))
    >>> policy.requested(0.0, "ann", "spark", hit=False)
    >>> policy.target(0.0, Position(ready=0, building=0, terminable=0)).launch > 0
    True
    """

    def __init__(self, knobs: ReserveKnobs) -> None:
        self.knobs = knobs
        self.multiple = 2.0
        self._slot = 0
        self._counts: deque[int] = deque([0], maxlen=_SLOTS)

    def requested(self, time_s: float, user: str = "", program: str = "", *, hit: bool) -> None:
        """Learn from one request, just after it was served."""
        self.tick(time_s)
        self._counts[-1] += 1
        step = 0.05 * self.multiple
        miss_rate = 1.0 - self.knobs.target_hit_rate
        self.multiple += -step * miss_rate if hit else step * (1.0 - miss_rate)

    def tick(self, time_s: float) -> None:
        """Let time pass to `time_s`."""
        slot = int(time_s // _SLOT_S)
        for _ in range(min(slot - self._slot, _SLOTS)):
            self._counts.append(0)
        self._slot = slot

    def target(self, time_s: float, position: Position) -> Decision:
        """Decide, given what is held now."""
        largest = max(self._counts)
        asked = int(self.multiple * largest) + 1
        size = min(max(asked, self.knobs.min_size), self.knobs.max_size, self.knobs.cap)
        reason = f"{self.multiple:.2f} x the last hour's largest two-minute count {largest}"
        missing = size - position.size
        if self.knobs.observe_only:
            return Decision(0, 0, size, "observing only: " + reason)
        surplus = min(max(0, -missing), position.terminable)
        return Decision(max(0, missing), surplus, size, reason)

    def to_bytes(self) -> bytes:
        """The learned state, versioned."""
        counts = list(self._counts)
        head = _HEAD.pack(_VERSION, self.multiple, float(self._slot))
        return head + struct.pack(f"<{len(counts)}q", *counts)

    @classmethod
    def from_bytes(cls, blob: bytes, knobs: ReserveKnobs) -> "ReservePolicy":
        """Restore what `to_bytes` wrote; ValueError on anything else."""
        size = len(blob) - _HEAD.size
        if size < 8 or size % 8 or size > 8 * _SLOTS or blob[0] != _VERSION:
            raise ValueError("not a reserve policy's state of version 1")
        policy = cls(knobs)
        _, policy.multiple, slot = _HEAD.unpack_from(blob)
        policy._slot = int(slot)
        policy._counts.clear()
        policy._counts.extend(struct.unpack_from(f"<{size // 8}q", blob, _HEAD.size))
        return policy
