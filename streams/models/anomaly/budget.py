"""Keeps alerts within a number a day: a rising bar for the rate, a hard count for the promise.

The bar is fixed-rate control: each alert raises it, time lowers it, so that over long the alerts
are about half the budget and the strongest get it; the other half is left for bursts of strong
ones. The counts are what is promised: in no 30 days (UTC) in a row are more alerts opened than the
budget of 30 days, and in none more than the budget of three.

References
----------
Angelopoulos, A., Candes, E. and Tibshirani, R. (2023). Conformal PID control for time series
prediction. NeurIPS 2023: quantile tracking by an integrator.
"""

import math
from dataclasses import dataclass, replace

SECONDS_PER_DAY = 86_400.0
# In strengths (score 0.5 is 1, 0.75 is 2): three alerts in a row put the bar at 2.5, where only
# what is far beyond the shipped threshold passes.
STEP = 0.5
LOWEST_BAR = 1.0
AIM = 0.5  # share of the budget that the bar steers for
PERIOD_DAYS = 30
BURST_DAYS = 3


@dataclass(frozen=True, slots=True)
class Budget:
    """How many alerts may be opened, and what was spent; immutable.

    Parameters
    ----------
    per_day
        Alerts a day, above 0; 0.5 is one in two days.
    bar
        Strength that an alert needed at `bar_at_s`.
    bar_at_s
        Event time of the last alert.
    spent
        Day (since 1970, UTC) and number of alerts opened in it, for the last 30 days.

    Examples
    --------
    >>> budget = Budget(per_day=1.0).spend(0.0).spend(60.0)
    >>> budget.admits(strength=1.5, time_s=3600.0), budget.admits(9.0, 3600.0)
    (False, True)
    >>> budget.spend(3600.0).admits(9.0, 7200.0)
    False
    """

    per_day: float = 1.0
    bar: float = LOWEST_BAR
    bar_at_s: float = 0.0
    spent: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if not (math.isfinite(self.per_day) and self.per_day > 0.0):
            raise ValueError(f"{self.per_day} alerts a day is no budget")

    def bar_at(self, time_s: float) -> float:
        """Strength that an alert needs at a time, lower the longer none was opened."""
        passed_days = max(time_s - self.bar_at_s, 0.0) / SECONDS_PER_DAY
        return max(self.bar - STEP * AIM * self.per_day * passed_days, LOWEST_BAR)

    def admits(self, strength: float, time_s: float) -> bool:
        """Tell whether an alert of a strength may be opened at a time."""
        today = _day(time_s)
        recent = sum(count for day, count in self.spent if day > today - PERIOD_DAYS)
        of_today = sum(count for day, count in self.spent if day == today)
        return (
            strength >= self.bar_at(time_s)
            and recent < max(math.floor(PERIOD_DAYS * self.per_day), 1)
            and of_today < math.ceil(BURST_DAYS * self.per_day)
        )

    def spend(self, time_s: float) -> "Budget":
        """Return the budget after an alert was opened."""
        today = _day(time_s)
        counts = {day: count for day, count in self.spent if day > today - PERIOD_DAYS}
        counts[today] = counts.get(today, 0) + 1
        raised = self.bar_at(time_s) + STEP
        return replace(self, bar=raised, bar_at_s=time_s, spent=tuple(counts.items()))


def _day(time_s: float) -> int:
    return math.floor(time_s / SECONDS_PER_DAY)
