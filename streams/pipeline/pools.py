"""The fold of one pool: observed demand in; forecasts, judged hours and tellings out.

The hourly forecasters are large and are not saved with every message: they are folded again from
the history of hourly values, which is saved in chunks of a week, one small write an hour.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from schemas.records import CalendarEvent, DemandObserved
from streams.models.demand import LEVELS, Event, HourlyForecaster, MinuteForecaster
from streams.models.demand.expectation import mean_of
from streams.pipeline.calendar import covering, covering_steps, edges, entries_for
from streams.pipeline.eventtime import HOUR_MINUTES, HOUR_MS, MINUTE_MS
from streams.pipeline.forecast_record import (
    HOUR_STEPS,
    WEEK_STEPS,
    day_and_week,
    forecast_output,
)
from streams.pipeline.hour_history import HourHistory, events_of
from streams.pipeline.level import NOTHING
from streams.pipeline.next_hour import INSTANCES, NextHour
from streams.pipeline.outputs import Output
from streams.pipeline.pool_alerts import PoolAlerts
from streams.pipeline.pool_minutes import Stretch
from streams.pipeline.pool_state import PoolState
from streams.pipeline.resources import RESOURCES, values
from streams.pipeline.tellings import hour_telling, minutes_part, minutes_telling


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
        self._alerts = PoolAlerts(pool, state.residuals)
        self._next_hour_of = NextHour(state)
        self._history = HourHistory()
        self._seen = [False] * len(RESOURCES)
        self._refold(chunk)

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
        self.state.residuals = self._alerts.save()
        self.state.next_hour = self._next_hour_of.to_bytes()
        return self.state.to_bytes()

    def adopt(self, calendar: Iterable[CalendarEvent], now_ms: int) -> None:
        """From now on, know the calendar as it is; events that are over by then are left out."""
        hour_ms = now_ms // HOUR_MS * HOUR_MS
        self.state.calendar = entries_for(calendar, self._pool, hour_ms)

    @property
    def now_ms(self) -> int:
        """Event time up to which the pool's minutes are closed."""
        return self.state.minutes.open_minute * MINUTE_MS

    def _refold(self, chunk: Callable[[int], bytes | None]) -> None:
        for number, hour in enumerate(HourHistory.saved(self.state.hours, chunk)):
            self._observe_hour(self.state.first_hour + number, hour.values, events_of(hour))
            self._history.take(hour)

    def _add(self, stretch: Stretch, step: PoolStep) -> None:
        after = stretch.last + 1
        if self.state.first_hour < 0:
            if not stretch.is_change:
                step.outputs += self._tell_nothing(after, stretch)
                return
            self.state.first_hour = stretch.first // HOUR_MINUTES
        self._add_minutes(stretch)
        if after % HOUR_MINUTES == 0:
            self._close_hour(after // HOUR_MINUTES - 1, step)
        if stretch.is_mark:
            step.outputs += self._next_hour(after, is_due=stretch.is_due)

    def _tell_nothing(self, after: int, stretch: Stretch) -> Iterator[Output]:
        """Tell the total, before there ever was any demand."""
        if after % HOUR_MINUTES == 0:
            yield hour_telling(self._pool, after * MINUTE_MS, (), ())
        if stretch.is_mark:
            yield minutes_telling(self._pool, after * MINUTE_MS, (), is_due=False)

    def _add_minutes(self, stretch: Stretch) -> None:
        state = self.state
        state.launches += stretch.launches
        state.integral = state.integral.plus(stretch.integral.times(stretch.minutes))
        minute_values = values(stretch.launches, stretch.integral, MINUTE_MS)
        state.untold += [minute_values] * stretch.minutes
        for first, count in self._between_edges(stretch):
            events = self._covering(first * MINUTE_MS, MINUTE_MS)
            for number, value in enumerate(minute_values):
                if value or state.seen[number]:
                    state.seen[number] = True
                    factor = self._hourly[number].event_factor(events)
                    self._by_minute[number].observe(value, first, count, factor)

    def _between_edges(self, stretch: Stretch) -> Iterator[tuple[int, int]]:
        """Cut a stretch where events begin and end: first minutes and their numbers."""
        first, end = stretch.first, stretch.last + 1
        for cut in [*edges(self.state.calendar, first, end, MINUTE_MS), end]:
            yield first, cut - first
            first = cut

    def _covering(self, start_ms: int, span_ms: int) -> tuple[Event, ...]:
        return covering(self.state.calendar, start_ms, start_ms + span_ms, start_ms)

    def _close_hour(self, hour: int, step: PoolStep) -> None:
        state = self.state
        row = values(state.launches, state.integral, HOUR_MS)
        state.launches, state.integral = 0, NOTHING
        end_ms = (hour + 1) * HOUR_MS
        step.outputs += self._alerts.observe(row, state.expected, LEVELS, end_ms)
        events = self._covering(hour * HOUR_MS, HOUR_MS)
        self._observe_hour(hour, row, events)
        number, data = self._history.append(row, events)
        step.chunks[number] = data
        state.hours = self._history.hours
        step.outputs += self._next_day_and_week(end_ms, row)
        if self._seen[INSTANCES]:
            known = covering_steps(state.calendar, end_ms, MINUTE_MS, HOUR_STEPS)
            factors = self._event_factors(INSTANCES, known)
            by_minute = self._by_minute[INSTANCES].forecast(HOUR_STEPS, factors)
            self._next_hour_of.close(hour, row[INSTANCES], by_minute)

    def _observe_hour(self, hour: int, row: Sequence[float], events: Sequence[Event]) -> None:
        for number, value in enumerate(row):
            if value or self._seen[number]:
                self._seen[number] = True
                self._hourly[number].observe(value, float(hour * 3600), events)

    def _next_day_and_week(self, end_ms: int, row: Sequence[float]) -> list[Output]:
        outputs: list[Output] = []
        means: list[npt.NDArray[np.float64] | None] = [None] * len(RESOURCES)
        known = covering_steps(self.state.calendar, end_ms, HOUR_MS, len(WEEK_STEPS))
        for number, resource in enumerate(RESOURCES):
            if not self._seen[number]:
                continue
            forecaster = self._hourly[number]
            week = forecaster.forecast(WEEK_STEPS, known)
            means[number] = expected = mean_of(week)
            self.state.expected[number] = week[0].tolist()
            outputs += day_and_week(self._pool, resource, end_ms, week, expected)
        return [*outputs, hour_telling(self._pool, end_ms, row, means)]

    def _next_hour(self, minute: int, *, is_due: bool) -> list[Output]:
        """Tell the total what it is to be, and if a forecast is due, make it."""
        outputs, parts = [], []
        made_at_ms = minute * MINUTE_MS
        known = covering_steps(self.state.calendar, made_at_ms, MINUTE_MS, HOUR_STEPS)
        for number, resource in enumerate(RESOURCES):
            if self.state.seen[number]:
                factors = self._factors(number, minute, known)
                means = self._by_minute[number].means(HOUR_STEPS, factors)
                untold = [row[number] for row in self.state.untold]
                parts.append(minutes_part(resource, untold, means))
                if is_due:
                    steps = self._by_minute[number].forecast(HOUR_STEPS, factors)
                    outputs.append(
                        forecast_output(self._pool, resource, "HOUR", made_at_ms, steps, means)
                    )
        self.state.untold = []
        return [*outputs, minutes_telling(self._pool, made_at_ms, parts, is_due=is_due)]

    def _factors(
        self, number: int, minute: int, known: Mapping[int, Sequence[Event]]
    ) -> npt.NDArray[np.float64]:
        """What each of the next minutes is multiplied by."""
        factors = self._event_factors(number, known)
        if number == INSTANCES:
            factors *= self._next_hour_of.lifts(minute, HOUR_STEPS)
        return factors

    def _event_factors(
        self, number: int, known: Mapping[int, Sequence[Event]]
    ) -> npt.NDArray[np.float64]:
        if not known:
            return np.ones(HOUR_STEPS)
        factor = self._hourly[number].event_factor
        return np.array([factor(known.get(k + 1, ())) for k in range(HOUR_STEPS)])


def _restored(kind: type[MinuteForecaster], data: bytes) -> MinuteForecaster:
    return kind.from_bytes(data) if data else kind()
