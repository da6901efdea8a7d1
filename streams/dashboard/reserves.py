"""The reserve of each pool: its newest status, and the numbers of the last two hours or so."""

from collections import deque
from typing import Any

import msgspec

from schemas.records import ReserveStatus
from streams.dashboard.newest import Newest
from streams.dashboard.paging import Query
from streams.dashboard.rows import Rows

POOLS_KEPT = 5_000
# Statuses come each minute and at each change of the target: about two hours of them.
HISTORY = 120
HOUR_MS = 3_600_000
SERIES = (
    "time", "target", "ready", "building", "paused", "shelved", "leased", "cap", "hits", "misses",
    "idle_instance_hours", "wait_ms_p50", "wait_ms_p99",
)  # fmt: skip
SUMMED = ("target", "ready", "building", "paused", "shelved", "leased", "cap", "hits", "misses")


class PoolReserve:
    """One pool: the newest status, the numbers of those before, and their reasons."""

    def __init__(self, status: ReserveStatus) -> None:
        self.status = status
        self._rows = Rows(len(SERIES), HISTORY)
        self._reasons: deque[str] = deque(maxlen=HISTORY)

    def add(self, status: ReserveStatus) -> None:
        """Take the next status; an older one changes nothing, one of the same time replaces."""
        last = self._rows.last
        if last is not None and status.time < last[0]:
            return
        self.status = status
        if last is not None and status.time == last[0]:
            self._rows.replace_last(_numbers(status))
            self._reasons[-1] = status.reason
        else:
            self._rows.add(_numbers(status))
            self._reasons.append(status.reason)

    def rows(self) -> list[dict[str, float | None]]:
        """Return the history, oldest first; what was not known is None."""
        return [_named(row) for row in self._rows]

    def band(self) -> tuple[int, int]:
        """Return the smallest and largest target of the last hour."""
        since = self.status.time - HOUR_MS
        targets = [row[1] for row in self._rows if row[0] >= since]
        return int(min(targets)), int(max(targets))

    def at(self, time_ms: int) -> dict[str, Any] | None:
        """Return the status that was in force at a time, with its reason."""
        in_force = [number for number, row in enumerate(self._rows) if row[0] <= time_ms]
        if not in_force:
            return None
        return self.rows()[in_force[-1]] | {"reason": self._reasons[in_force[-1]]}

    def shown(self) -> dict[str, Any]:
        """Return the newest status with the target's band."""
        low, high = self.band()
        plain: dict[str, Any] = msgspec.to_builtins(self.status)
        return plain | {"target_low": low, "target_high": high}

    @property
    def shortfall(self) -> float:
        """How far the hit rate is below its target; nothing where nobody asked."""
        asked = self.status.hits + self.status.misses
        return self.status.target_hit_rate - self.status.hit_rate if asked else -1.0


class Reserves:
    """All pools."""

    def __init__(self) -> None:
        self._pools = Newest[str, PoolReserve](POOLS_KEPT)

    def take(self, status: ReserveStatus) -> bool:
        """Keep a status; return whether its target differs from the one before."""
        known = self._pools.get(status.pool)
        before = None if known is None else known.status.target
        pool = known or PoolReserve(status)
        pool.add(status)
        self._pools.put(status.pool, pool)
        return pool.status is status and status.target != before

    def get(self, pool: str) -> PoolReserve | None:
        """Return a pool."""
        return self._pools.get(pool)

    def names(self) -> set[str]:
        """Return the names of the pools."""
        return set(self._pools)

    def found(self, query: Query) -> list[PoolReserve]:
        """Return the pools that match: by name, or those furthest below their target first."""
        pools = [p for p in self._pools.values() if query.matches(p.status.pool)]
        if query.sort == "attention":
            pools.sort(key=lambda p: (-p.shortfall, -p.status.misses, p.status.pool))
        elif query.sort in SUMMED:
            pools.sort(key=lambda p: (-getattr(p.status, query.sort), p.status.pool))
        else:
            pools.sort(key=lambda p: p.status.pool)
        return pools

    def totals(self) -> dict[str, Any]:
        """Return sums over the pools, and the worst wait of any."""
        statuses = [pool.status for pool in self._pools.values()]
        sums: dict[str, Any] = {name: sum(getattr(s, name) for s in statuses) for name in SUMMED}
        asked = sums["hits"] + sums["misses"]
        waits = [s.wait_ms_p99 for s in statuses if s.wait_ms_p99 is not None]
        return sums | {
            "pools": len(statuses),
            "hit_rate": sums["hits"] / asked if asked else None,
            "idle_instance_hours": sum(s.idle_instance_hours for s in statuses),
            "wait_ms_p99": max(waits, default=None),
            "below_target": sum(pool.shortfall > 0 for pool in self._pools.values()),
            "unresolved": sum(s.unresolved for s in statuses),
            "observe_only": any(s.observe_only for s in statuses),
        }


def _numbers(status: ReserveStatus) -> list[float]:
    values = (getattr(status, name) for name in SERIES)
    return [float("nan") if value is None else float(value) for value in values]


def _named(row: tuple[float, ...]) -> dict[str, float | None]:
    named = zip(SERIES, row, strict=True)
    return {name: value if value == value else None for name, value in named}  # noqa: PLR0124 - NaN
