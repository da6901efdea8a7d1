"""The fold of the total over all pools: their partial sums in, forecasts of the total out.

An hour of the total is closed once every pool has told of it or of a later one. Sums are taken in
whole units, so the order in which pools tell does not show.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from schemas.records import DemandPartial, ResourcePart
from schemas.topics import DEMAND_PARTIALS
from streams.models.demand import LEVELS, MODEL, HourlyForecaster
from streams.models.demand.expectation import mean_of
from streams.models.demand.peak import peak
from streams.models.demand.reconcile import Floats, reconciled
from streams.pipeline.eventtime import HOUR_MS
from streams.pipeline.forecast_record import DAY_STEPS, WEEK_STEPS, forecast_output
from streams.pipeline.hour_history import HourHistory
from streams.pipeline.outputs import Output
from streams.pipeline.resources import RESOURCES
from streams.pipeline.total_state import OpenHour, TotalState

TOTAL = "_total"
# Units that are summed: a millionth of a launch and of a core, a byte, a byte/s.
SCALE = {"INSTANCES": 2**20, "CPU": 2**20, "MEMORY": 1, "STORAGE": 1, "NETWORK": 1}
LARGEST = 2**52


def partial_output(
    pool: str, end_ms: int, row: Sequence[float], weeks: Sequence[Floats | None]
) -> Output:
    """Return what a pool tells of a closed hour.

    Parameters
    ----------
    pool
        The pool.
    end_ms
        When the hour ended.
    row
        What was, by resource; empty while the pool never had demand.
    weeks
        By resource, the quantiles of the next week, shape (168, 8); None where none is made.
    """
    parts = [
        ResourcePart(
            resource=resource,
            observed=value,
            week_means=[] if week is None else mean_of(week).tolist(),
        )
        for resource, value, week in zip(RESOURCES, row, weeks, strict=bool(row))
    ]
    return Output(DEMAND_PARTIALS, pool, DemandPartial(pool=pool, made_at=end_ms, parts=parts))


@dataclass(slots=True)
class TotalStep:
    """What the runner has to do for one message: send, then save chunks, then the state."""

    outputs: list[Output] = field(default_factory=list)
    chunks: dict[int, bytes] = field(default_factory=dict)


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
        self._pools = frozenset(pools)
        self._hourly = [HourlyForecaster() for _ in RESOURCES]
        self._history = HourHistory()
        self._seen = [False] * len(RESOURCES)
        for number, hour in enumerate(HourHistory.saved(state.hours, chunk)):
            self._observe(state.first_hour + number, hour.values)
            self._history.take(hour)

    def apply(self, partial: DemandPartial) -> TotalStep:
        """Take what one pool tells; close what all have told of. A repeat changes nothing."""
        step = TotalStep()
        hour = partial.made_at // HOUR_MS - 1
        if partial.pool in self._pools and hour > self.state.told.get(partial.pool, -1):
            self.state.told[partial.pool] = hour
            _add(self.state.open.setdefault(hour, OpenHour.nothing()), partial)
            if self._pools <= self.state.told.keys():
                through = min(self.state.told[pool] for pool in self._pools)
                for closed in sorted(h for h in self.state.open if h <= through):
                    self._close(closed, self.state.open.pop(closed), step)
        return step

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
            week = reconciled(own, means, len(self._pools) / SCALE[resource])
            for horizon, steps in (("DAY", week[: len(DAY_STEPS)]), ("WEEK", week)):
                step.outputs.append(
                    forecast_output(
                        TOTAL, resource, horizon, end_ms, steps, peak(steps), LEVELS, MODEL
                    )
                )


def _add(told: OpenHour, partial: DemandPartial) -> None:
    for part in partial.parts:
        number = RESOURCES.index(part.resource)
        scale = SCALE[part.resource]
        told.observed[number] += _whole(part.observed, scale)
        if part.week_means:
            known = told.means[number] or [0] * len(part.week_means)
            pairs = zip(known, part.week_means, strict=True)
            told.means[number] = [total + _whole(mean, scale) for total, mean in pairs]


def _whole(value: float, scale: int) -> int:
    """Return a value in whole units; what can't be is bounded."""
    return round(min(max(value * scale, -LARGEST), LARGEST))
