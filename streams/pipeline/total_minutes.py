"""The total over all pools by the minute: what they tell every five minutes in, the next hour out.

A mark is closed once every pool has told of it or of a later one. The total's mean is what the
pools' add up to, so it has the users and the known events in it that theirs have; the spread is
that of the total's own forecaster, since pools move together.
"""

from collections.abc import Iterable

import numpy as np

from schemas.records import DemandPartial
from streams.models.demand import MinuteForecaster
from streams.models.demand.reconcile import factors_to
from streams.pipeline.all_told import AllTold
from streams.pipeline.eventtime import MINUTE_MS
from streams.pipeline.forecast_record import HOUR_STEPS, forecast_output
from streams.pipeline.outputs import Output
from streams.pipeline.pool_minutes import MARK_MINUTES
from streams.pipeline.resources import RESOURCES
from streams.pipeline.total_state import MinutesState, OpenMark
from streams.pipeline.whole_units import SCALE, added, whole

# Marks that wait for a pool, half a day of them: 0.4 MB of state. 8 MB are the most that Kafka
# takes, and a pool that is further behind, as amid a long backlog, must not end the worker.
MOST_OPEN = 144


class TotalMinutes:
    """The next hour of all pools together.

    Parameters
    ----------
    name
        Under which the total is forecast.
    pools
        Names of the pools that add up to it; what others tell is left out.
    state
        Saved state.
    """

    def __init__(self, name: str, pools: Iterable[str], state: MinutesState) -> None:
        self._name = name
        self._state = state
        self._told = AllTold(pools, state.told)
        self._seen = [bool(data) for data in state.by_minute]
        self._by_minute = [
            MinuteForecaster.from_bytes(data) if data else MinuteForecaster()
            for data in state.by_minute
        ]

    def apply(self, told: DemandPartial) -> list[Output]:
        """Take what one pool tells; close what all have told of. A repeat changes nothing."""
        mark = told.made_at // MINUTE_MS
        if not self._told.awaits(told.pool, mark):
            return []
        _add(self._open(mark), told)
        outputs: list[Output] = []
        if self._told.tell(told.pool, mark):
            for closed, sums in self._told.taken_from(self._state.open):
                outputs += self._close(closed, sums)
        return outputs

    def save(self) -> None:
        """Bring the state up to date."""
        self._state.by_minute = [
            forecaster.to_bytes() if seen else b""
            for forecaster, seen in zip(self._by_minute, self._seen, strict=True)
        ]

    def _open(self, mark: int) -> OpenMark:
        """Return the sums at a mark; with too many, the oldest is given up, and is not known."""
        marks = self._state.open
        sums = marks.setdefault(mark, OpenMark.nothing())
        if len(marks) > MOST_OPEN:
            del marks[min(marks)]
        return sums

    def _close(self, mark: int, told: OpenMark) -> list[Output]:
        """Learn the minutes before a mark; one that a pool left out is not known, and no dip."""
        is_whole = told.pools >= len(self._told)
        for number, resource in enumerate(RESOURCES):
            for k, total in enumerate(told.minutes[number]):
                if total or self._seen[number]:
                    self._seen[number] = True
                    value = total / SCALE[resource] if is_whole else np.nan
                    self._by_minute[number].observe(value, mark - MARK_MINUTES + k)
        return self._next_hour(mark, told) if is_whole and told.is_due else []

    def _next_hour(self, mark: int, told: OpenMark) -> list[Output]:
        outputs = []
        for number, resource in enumerate(RESOURCES):
            if self._seen[number] and told.means[number]:
                means = np.array(told.means[number]) / SCALE[resource]
                forecaster = self._by_minute[number]
                tolerance = len(self._told) / SCALE[resource]
                factors = factors_to(forecaster.means(HOUR_STEPS), means, tolerance)
                steps = forecaster.forecast(HOUR_STEPS, factors)
                outputs.append(
                    forecast_output(self._name, resource, "HOUR", mark * MINUTE_MS, steps, means)
                )
        return outputs


def _add(mark: OpenMark, told: DemandPartial) -> None:
    mark.pools += 1
    mark.is_due = mark.is_due or told.is_due
    for part in told.parts:
        number = RESOURCES.index(part.resource)
        minutes = [0.0] * (MARK_MINUTES - len(part.minutes)) + part.minutes
        mark.minutes[number] = added(mark.minutes[number], whole(minutes, part.resource))
        if part.hour_means:
            means = whole(part.hour_means, part.resource)
            mark.means[number] = added(mark.means[number], means)
