"""The newest forecast of each series, packed: 1,000 pools have up to 15,000 of them.

Unpacked, one of a week is 1,512 Python floats, 60 kB; packed it is 5 to 8 kB.
"""

import zlib
from collections import deque

import msgspec

from schemas.records import DemandForecast
from streams.dashboard.newest import Newest
from streams.dashboard.reserves import POOLS_KEPT

Key = tuple[str, str]  # resource, horizon
# What was forecast of the minutes to come when a decision was made: two hours back, 1 kB each.
PAST_KEPT = 24
PAST_STEPS = 10


class Forecasts:
    """The newest forecasts, by pool, resource and horizon."""

    def __init__(self) -> None:
        self._pools = Newest[str, dict[Key, tuple[int, bytes]]](POOLS_KEPT)
        self._past = Newest[str, deque[tuple[int, bytes]]](POOLS_KEPT)

    def take(self, record: DemandForecast) -> None:
        """Keep a forecast unless a newer one of its series is known."""
        series = self._pools.get(record.pool) or {}
        key = (record.resource, record.horizon)
        if key not in series or series[key][0] <= record.made_at:
            packed = zlib.compress(msgspec.msgpack.encode(record), 1)
            series[key] = (record.made_at, packed)
        self._pools.put(record.pool, series)
        if key == ("INSTANCES", "HOUR"):
            self._keep_near(record)

    def get(self, pool: str, resource: str, horizon: str) -> DemandForecast | None:
        """Return the newest forecast of a series."""
        found = (self._pools.get(pool) or {}).get((resource, horizon))
        if found is None:
            return None
        return msgspec.msgpack.decode(zlib.decompress(found[1]), type=DemandForecast)

    def in_force(self, pool: str, time_ms: int) -> DemandForecast | None:
        """Return the first minutes of the forecast of launches that was the newest at a time."""
        past = [packed for made_at, packed in self._past.get(pool) or () if made_at <= time_ms]
        return msgspec.msgpack.decode(past[-1], type=DemandForecast) if past else None

    def _keep_near(self, record: DemandForecast) -> None:
        past = self._past.get(record.pool) or deque(maxlen=PAST_KEPT)
        if not past or past[-1][0] < record.made_at:
            near = msgspec.structs.replace(record, steps=record.steps[:PAST_STEPS])
            past.append((record.made_at, msgspec.msgpack.encode(near)))
        self._past.put(record.pool, past)

    def names(self) -> set[str]:
        """Return the names of the pools that have any."""
        return set(self._pools)

    def series(self, pool: str) -> list[Key]:
        """Return which resources and horizons of a pool are forecast."""
        return sorted(self._pools.get(pool) or {})
