"""Resource levels as integers: cores, memory, storage and network that running programs hold.

A program holds what it was last measured at until its next sample, its exit, or for a day. Demand
over a minute is the integral of that. Integers add up to the same bits in any order, so demand
does not depend on how users are spread over partitions.
"""

from typing import NamedTuple

from schemas.records import MinuteDemand
from streams.pipeline.eventtime import MINUTE_MS

KIB = 1024
# No program is held longer than this without a word from it: its host has gone.
HOLD_MS = 86_400_000
MAX_RUNNING = 64
# What a program may claim at the most; beyond is taken as this. Demand is kept in 64 bits, of which
# MAX_RUNNING programs at these limits take 60 in a minute.
MAX_CORES = 1e6
MAX_BYTES = 2**47
MAX_BYTES_PER_S = 2**37


class Level(NamedTuple):
    """What is held at a moment: millicores, KiB of memory and storage, bytes/s of network."""

    cpu_millicores: int = 0
    memory_kib: int = 0
    storage_kib: int = 0
    network_bytes_per_s: int = 0

    def plus(self, other: "Level", sign: int = 1) -> "Level":
        """Return the sum, or with sign -1 the difference.

        Examples
        --------
        >>> Level(5, 4, 3, 2).plus(Level(1, 1, 1, 1), -1)
        Level(cpu_millicores=4, memory_kib=3, storage_kib=2, network_bytes_per_s=1)
        """
        # Written out: four times as fast as a generator, and every sample comes here.
        return Level(
            self[0] + sign * other[0], self[1] + sign * other[1], self[2] + sign * other[2],
            self[3] + sign * other[3],
        )  # fmt: skip

    def times(self, factor: int) -> "Level":
        """Return each part times an integer."""
        return Level(self[0] * factor, self[1] * factor, self[2] * factor, self[3] * factor)


NOTHING = Level()


class Change(NamedTuple):
    """How one user changed one pool's demand in one minute.

    `after` is what the level rises by for good, `integral` what the rise adds up to by the end of
    the minute, in level times milliseconds.
    """

    launches: int = 0
    after: Level = NOTHING
    integral: Level = NOTHING

    def plus(self, other: "Change") -> "Change":
        """Return both changes together."""
        return Change(
            self.launches + other.launches,
            self.after.plus(other.after),
            self.integral.plus(other.integral),
        )


NO_CHANGE = Change()


def change_at(time_ms: int, rise: Level, launches: int = 0) -> Change:
    """Return the change that a rise of the level at a moment makes in its minute.

    Examples
    --------
    >>> change_at(59_000, Level(cpu_millicores=10)).integral.cpu_millicores
    10000
    """
    left_ms = MINUTE_MS - time_ms % MINUTE_MS
    return Change(launches, rise, rise.times(left_ms))


def risen(known: Change | None, time_ms: int, before: Level, after: Level) -> Change:
    """Return what is known of a minute's change and that the level went from one to another in it.

    The same as `known.plus(change_at(time_ms, after - before))`, in three tuples instead of nine:
    every sample comes here.

    Examples
    --------
    >>> risen(None, 59_000, Level(5), Level(15)) == change_at(59_000, Level(10))
    True
    """
    left_ms = MINUTE_MS - time_ms % MINUTE_MS
    cpu, memory = after[0] - before[0], after[1] - before[1]
    storage, network = after[2] - before[2], after[3] - before[3]
    launches, rise, total = NO_CHANGE if known is None else known
    return Change(
        launches,
        Level(rise[0] + cpu, rise[1] + memory, rise[2] + storage, rise[3] + network),
        Level(
            total[0] + cpu * left_ms, total[1] + memory * left_ms,
            total[2] + storage * left_ms, total[3] + network * left_ms,
        ),
    )  # fmt: skip


def minute_demand(minute: int, before: Level, change: Change) -> MinuteDemand:
    """Return a minute's demand, given the level it began with and what changed in it."""
    end = before.plus(change.after)
    total = before.times(MINUTE_MS).plus(change.integral)
    return MinuteDemand(
        time=minute * MINUTE_MS,
        launches=change.launches,
        cpu_millicore_ms=total.cpu_millicores,
        memory_kib_ms=total.memory_kib,
        storage_kib_ms=total.storage_kib,
        network_byte_ms=total.network_bytes_per_s,
        cpu_millicores=end.cpu_millicores,
        memory_kib=end.memory_kib,
        storage_kib=end.storage_kib,
        network_bytes_per_s=end.network_bytes_per_s,
    )
