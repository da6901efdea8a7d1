"""The fold of one pool: observed demand in; forecasts and alerts out.

The hourly forecasters are large and are not saved with every message: they are folded again from
the history of hourly values, which is saved in chunks of a week, one small write an hour.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from schemas.records import DemandObserved
from streams.models.demand import LEVELS, MODEL, HourlyForecaster, MinuteForecaster
from streams.models.demand.peak import peak
from streams.pipeline.eventtime import HOUR_MINUTES, HOUR_MS, MINUTE_MS
from streams.pipeline.forecast_record import forecast_output
from streams.pipeline.level import NOTHING
from streams.pipeline.outputs import Output
from streams.pipeline.pool_alerts import PoolAlerts
from streams.pipeline.pool_minutes import Stretch
from streams.pipeline.pool_state import PoolState
from streams.pipeline.resources import RESOURCES, values

CHUNK_HOURS = 168
DAY_STEPS = tuple(range(1, 25))
WEEK_STEPS = tuple(range(1, 169))
HOUR_STEPS = 60
_ROW = struct.Struct(f"<{len(RESOURCES)}d")


@dataclass(slots=True)
class PoolStep:
    """What the runner has to do for one message: send, then save chunks, then the state."""

    outputs: list[Output] = field(default_factory=list)
    chunks: dict[int, bytes] = field(default_factory=dict)


class PoolFold:
    """One pool.

    Parameters
    ----------
    pool
        Its name.
    state
        Saved state.
    chunk
        Gives a saved chunk of the history, by number.
    """

    def __init__(self, pool: str, state: PoolState, chunk: Callable[[int], bytes | None]) -> None:
        self.state = state
        self._pool = pool
        self._hourly = [HourlyForecaster() for _ in RESOURCES]
        self._by_minute = [_restored(MinuteForecaster, data) for data in state.by_minute]
        self._alerts = PoolAlerts(pool, state.residuals, state.incidents)
        self._rows: list[bytes] = []
        self._seen = [False] * len(RESOURCES)
        self._refold(_rows(state.hours, chunk))

    def apply(self, observed: DemandObserved) -> PoolStep:
        """Take what one partition saw; close what all partitions have closed."""
        step = PoolStep()
        if self.state.minutes.tell(observed):
            for stretch in self.state.minutes.close():
                self._add(stretch, step)
        return step

    def save(self) -> bytes:
        """Return the state as bytes."""
        self.state.by_minute = [forecaster.to_bytes() for forecaster in self._by_minute]
        self.state.residuals, self.state.incidents = self._alerts.save()
        return self.state.to_bytes()

    def _refold(self, rows: Iterable[bytes]) -> None:
        for number, row in enumerate(rows):
            self._observe_hour(self.state.first_hour + number, _ROW.unpack(row))
            self._rows.append(row)

    def _add(self, stretch: Stretch, step: PoolStep) -> None:
        if self.state.first_hour < 0:
            if not stretch.is_change:
                return
            self.state.first_hour = stretch.first // HOUR_MINUTES
        self._add_minutes(stretch)
        after = stretch.last + 1
        if after % HOUR_MINUTES == 0:
            self._close_hour(after // HOUR_MINUTES - 1, step)
        if stretch.is_mark:
            step.outputs += self._next_hour(after)

    def _add_minutes(self, stretch: Stretch) -> None:
        state = self.state
        state.launches += stretch.launches
        state.integral = state.integral.plus(stretch.integral.times(stretch.minutes))
        minute_values = values(stretch.launches, stretch.integral, MINUTE_MS)
        for number, value in enumerate(minute_values):
            if value or state.seen[number]:
                state.seen[number] = True
                self._by_minute[number].observe(value, stretch.first, stretch.minutes)

    def _close_hour(self, hour: int, step: PoolStep) -> None:
        state = self.state
        row = values(state.launches, state.integral, HOUR_MS)
        state.launches, state.integral = 0, NOTHING
        end_ms = (hour + 1) * HOUR_MS
        step.outputs += self._alerts.observe(row, state.expected, LEVELS, end_ms)
        self._observe_hour(hour, row)
        self._append(_ROW.pack(*row), step)
        step.outputs += self._next_day_and_week(end_ms)

    def _observe_hour(self, hour: int, row: Sequence[float]) -> None:
        for number, value in enumerate(row):
            if value or self._seen[number]:
                self._seen[number] = True
                self._hourly[number].observe(value, float(hour * 3600))

    def _append(self, row: bytes, step: PoolStep) -> None:
        self._rows.append(row)
        self.state.hours = len(self._rows)
        number = (len(self._rows) - 1) // CHUNK_HOURS
        step.chunks[number] = b"".join(self._rows[number * CHUNK_HOURS :])

    def _next_day_and_week(self, end_ms: int) -> list[Output]:
        outputs = []
        for number, resource in enumerate(RESOURCES):
            if not self._seen[number]:
                continue
            forecaster = self._hourly[number]
            week = forecaster.forecast(WEEK_STEPS)
            day = week[: len(DAY_STEPS)]
            self.state.expected[number] = day[0].tolist()
            for horizon, steps in (("DAY", day), ("WEEK", week)):
                outputs.append(
                    forecast_output(
                        self._pool, resource, horizon, end_ms, steps, peak(steps), LEVELS, MODEL
                    )
                )
        return outputs

    def _next_hour(self, minute: int) -> list[Output]:
        outputs = []
        for number, resource in enumerate(RESOURCES):
            if self.state.seen[number]:
                forecaster = self._by_minute[number]
                steps = forecaster.forecast(HOUR_STEPS)
                made_at_ms = minute * MINUTE_MS
                outputs.append(
                    forecast_output(
                        self._pool, resource, "HOUR", made_at_ms, steps, peak(steps), LEVELS, MODEL
                    )
                )
        return outputs


def _restored(kind: type[MinuteForecaster], data: bytes) -> MinuteForecaster:
    return kind.from_bytes(data) if data else kind()


def _rows(hours: int, chunk: Callable[[int], bytes | None]) -> Iterable[bytes]:
    """Give the saved history, hour by hour.

    Raises
    ------
    ValueError
        If a chunk that the state counts on is missing or short.
    """
    for number in range(-(-hours // CHUNK_HOURS)):
        wanted = min(CHUNK_HOURS, hours - number * CHUNK_HOURS)
        data = chunk(number) or b""
        if len(data) < wanted * _ROW.size:
            raise ValueError(f"chunk {number} of the history has {len(data)} bytes")
        for at in range(wanted):
            yield data[at * _ROW.size : (at + 1) * _ROW.size]
