"""The fold of the total over all pools: their partial sums in, forecasts of the total out.

An hour of the total is closed once every pool has told of it or of a later one. Sums are taken in
whole units, so the order in which pools tell does not show. A pool that lets a fortnight of hours
wait is waited for no more until it speaks again; what it then says of closed hours is left out.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from schemas.records import DemandPartial
from streams.models.demand import HourlyForecaster
from streams.models.demand.expectation import mean_of
from streams.models.demand.reconcile import reconciled
from streams.pipeline.all_told import AllTold
from streams.pipeline.eventtime import HOUR_MS
from streams.pipeline.forecast_record import WEEK_STEPS, day_and_week
from streams.pipeline.hour_history import HourHistory
from streams.pipeline.outputs import Output
from streams.pipeline.resources import RESOURCES
from streams.pipeline.total_minutes import TotalMinutes
from streams.pipeline.total_state import OpenHour, TotalState
from streams.pipeline.whole_units import SCALE, added, whole

TOTAL = "_total"
# Hours that wait for a pool, a fortnight of them: 2.5 MB of state at most, 7.6 KB an hour. 8 MB are
# the most that Kafka takes; one pool that was silent for 45 days ended the worker at each start.
MOST_OPEN = 336


@dataclass(slots=True)
class TotalStep:
    """What the runner has to do for one message: send, then save chunks, then the state."""

    outputs: list[Output] = field(default_factory=list)
    chunks: dict[int, bytes] = field(default_factory=dict)
    given_up: list[str] = field(default_factory=list)  # pools that the total goes on without


class TotalFold:
    """The total of all pools.

    Parameters
    ----------
    pools
        Names of the pools that add up to it; what others tell is left out.
    state
        Saved state.
    chunk
        Gives a saved chunk of the history, by number.
    """

    def __init__(
        self, pools: Iterable[str], state: TotalState, chunk: Callable[[int], bytes | None]
    ) -> None:
        self.state = state
        names = frozenset(pools)
        self._told = AllTold(names, state.told, state.silent)
        self._minutes = TotalMinutes(TOTAL, names, state.minutes)
        self._hourly = [HourlyForecaster() for _ in RESOURCES]
        self._history = HourHistory()
        self._seen = [False] * len(RESOURCES)
        for number, hour in enumerate(HourHistory.saved(state.hours, chunk)):
            self._observe(state.first_hour + number, hour.values)
            self._history.take(hour)

    def apply(self, told: DemandPartial) -> TotalStep:
        """Take what one pool tells; close what all have told of. A repeat changes nothing."""
        if told.by_minute:
            return TotalStep(self._minutes.apply(told))
        step = TotalStep()
        hour = told.made_at // HOUR_MS - 1
        if self._told.awaits(told.pool, hour):
            if not self._is_closed(hour):
                _add(self.state.open.setdefault(hour, OpenHour.nothing()), told)
            if self._told.tell(told.pool, hour):
                self._close_told(step)
            while len(self.state.open) > MOST_OPEN:
                step.given_up += self._told.give_up()
                self._close_told(step)
        return step

    def _is_closed(self, hour: int) -> bool:
        """Tell whether an hour is in the history, told by others than who tells of it now."""
        state = self.state
        return state.first_hour >= 0 and hour < state.first_hour + state.hours

    def _close_told(self, step: TotalStep) -> None:
        for hour, sums in self._told.taken_from(self.state.open):
            self._close(hour, sums, step)

    def save(self) -> bytes:
        """Return the state as bytes."""
        self._minutes.save()
        return self.state.to_bytes()

    def _close(self, hour: int, told: OpenHour, step: TotalStep) -> None:
        state = self.state
        if state.first_hour < 0:
            if not any(told.observed):
                return
            state.first_hour = hour
        row = [total / SCALE[name] for total, name in zip(told.observed, RESOURCES, strict=True)]
        self._fill_gap(hour, step)
        self._append(hour, row, step)
        self._forecast((hour + 1) * HOUR_MS, told, step)

    def _fill_gap(self, hour: int, step: TotalStep) -> None:
        """Hours that no pool told of (pools were added or taken away) had no demand."""
        for missing in range(self.state.first_hour + self.state.hours, hour):
            self._append(missing, [0.0] * len(RESOURCES), step)

    def _append(self, hour: int, row: Sequence[float], step: TotalStep) -> None:
        self._observe(hour, row)
        number, data = self._history.append(row, ())
        step.chunks[number] = data
        self.state.hours = self._history.hours

    def _observe(self, hour: int, row: Sequence[float]) -> None:
        for number, value in enumerate(row):
            if value or self._seen[number]:
                self._seen[number] = True
                self._hourly[number].observe(value, float(hour * 3600))

    def _forecast(self, end_ms: int, told: OpenHour, step: TotalStep) -> None:
        for number, resource in enumerate(RESOURCES):
            if not self._seen[number] or not told.means[number]:
                continue
            means = np.array(told.means[number]) / SCALE[resource]
            own = self._hourly[number].forecast(WEEK_STEPS)
            week = reconciled(own, means, len(self._told) / SCALE[resource])
            step.outputs += day_and_week(TOTAL, resource, end_ms, week, mean_of(week))


def _add(hour: OpenHour, told: DemandPartial) -> None:
    for part in told.parts:
        number = RESOURCES.index(part.resource)
        hour.observed[number] += int(whole([part.observed], part.resource)[0])
        if part.week_means:
            means = whole(part.week_means, part.resource)
            hour.means[number] = added(hour.means[number], means)
