"""How past forecasts fared: each is compared, so far ahead, with what came.

Of each forecast one step is kept until its time has come: that of the horizon's lead. So a
series costs 3 kB, and the figures are about one lead, which is named.
"""

import math
from array import array
from collections.abc import Sequence
from typing import Any

from schemas.records import DemandForecast
from streams.dashboard.newest import Newest
from streams.dashboard.reserves import POOLS_KEPT
from streams.dashboard.rows import Rows

# How far ahead each horizon's forecasts are judged, in steps: 15 minutes, 1 hour, 3 days.
LEAD_STEPS = {"HOUR": 15, "DAY": 1, "WEEK": 72}
KEPT = {"HOUR": 60, "DAY": 168, "WEEK": 168}
PENDING = 100
SHOWN = (0.05, 0.5, 0.95)


class Track:
    """One series: steps that wait for their time, what came of the others, counts of both."""

    def __init__(self, levels: Sequence[float], kept: int) -> None:
        self.levels = tuple(levels)
        self.scored = 0
        self.below = [0] * len(levels)
        self.within90 = 0
        self.past = Rows(1 + len(SHOWN), kept)
        self._waiting: Newest[int, array[float]] = Newest(PENDING)
        self._last_ms = -1

    def expect(self, time_ms: int, quantiles: Sequence[float]) -> None:
        """Keep what was forecast for a time."""
        if time_ms > self._last_ms and len(quantiles) == len(self.levels):
            self._waiting.put(time_ms, array("d", quantiles))

    def came(self, time_ms: int, value: float) -> None:
        """Compare what came with what was forecast for it; a repeat is not counted again."""
        quantiles = self._waiting.get(time_ms)
        if quantiles is None or time_ms <= self._last_ms:
            return
        self._last_ms = time_ms
        self.scored += 1
        for number, quantile in enumerate(quantiles):
            self.below[number] += value <= quantile
        low, median, high = (quantiles[self._nearest(level)] for level in SHOWN)
        self.within90 += low <= value <= high
        self.past.add((time_ms, low, median, high))

    def shown(self) -> dict[str, Any]:
        """Return the counts as shares, and the past forecasts, oldest first."""
        n = self.scored
        return {
            "n": n,
            "levels": list(self.levels),
            "observed": [count / n for count in self.below] if n else [],
            "within90": self.within90 / n if n else None,
            # Half the width of what chance alone allows 19 times of 20.
            "chance90": 1.96 * math.sqrt(0.09 / n) if n else None,
            "past": [
                {"time": int(t), "low": low, "median": mid, "high": high}
                for t, low, mid, high in self.past
            ],
        }

    def _nearest(self, level: float) -> int:
        return min(range(len(self.levels)), key=lambda n: abs(self.levels[n] - level))


class Calibration:
    """All series, by pool, resource and horizon."""

    def __init__(self) -> None:
        self._pools = Newest[str, dict[tuple[str, str], Track]](POOLS_KEPT)

    def forecast(self, record: DemandForecast) -> tuple[Track, int] | None:
        """Take a forecast; return its track and the time it is judged at."""
        lead = LEAD_STEPS[record.horizon]
        if len(record.steps) < lead:
            return None
        tracks = self._pools.get(record.pool) or {}
        key = (record.resource, record.horizon)
        track = tracks.get(key)
        if track is None or track.levels != tuple(record.levels):
            track = Track(record.levels, KEPT[record.horizon])
            tracks[key] = track
        self._pools.put(record.pool, tracks)
        step = record.steps[lead - 1]
        track.expect(step.time, step.quantiles)
        return track, step.time

    def came(self, pool: str, resource: str, unit: str, time_ms: int, value: float) -> None:
        """Take what demand was in a minute or an hour."""
        tracks = self._pools.get(pool) or {}
        for horizon in ("HOUR",) if unit == "minute" else ("DAY", "WEEK"):
            track = tracks.get((resource, horizon))
            if track is not None:
                track.came(time_ms, value)

    def shown(self, pool: str, resource: str, horizon: str, step_s: int) -> dict[str, Any] | None:
        """Return a series' figures, with the lead that they are about; None before any."""
        track = (self._pools.get(pool) or {}).get((resource, horizon))
        if track is None:
            return None
        return track.shown() | {"lead_s": LEAD_STEPS[horizon] * step_s}
