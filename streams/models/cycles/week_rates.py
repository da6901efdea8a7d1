"""The population's hour-of-week rates: the prior of each user's cycle."""

from dataclasses import dataclass

from streams.models.cycles.local_hour import WEEK_HOURS
from streams.models.cycles.week_counts import WeekCounts

# Pseudo user-weeks with which an hour's rate is drawn to the mean of all hours: of weight only
# while fewer than a dozen user-weeks have been seen.
_SMOOTHING_WEEKS = 3.0


@dataclass(frozen=True, slots=True)
class WeekRates:
    """What a user of the population does in each local hour of the week, from Monday 0 h.

    Parameters
    ----------
    launches
        Expected launches per user and hour, of length 168.
    active
        Share of the users that are active (any event) in the hour, of length 168.

    Examples
    --------
    >>> rates = WeekRates.flat(launches_per_hour=0.5, active_share=0.1)
    >>> rates.launches[9], rates.active[167], rates.launches_a_week
    (0.5, 0.1, 84.0)
    """

    launches: tuple[float, ...]
    active: tuple[float, ...]
    launches_a_week: float
    active_a_week: float

    @classmethod
    def flat(cls, launches_per_hour: float = 1.0, active_share: float = 0.2) -> "WeekRates":
        """Rates that know no cycle, for when no population has been seen."""
        return cls._of([launches_per_hour] * WEEK_HOURS, [active_share] * WEEK_HOURS)

    @classmethod
    def from_counts(cls, counts: WeekCounts) -> "WeekRates":
        """Rates of the counted population, smoothed to its mean hour; flat where it is empty."""
        exposure = counts.exposure()
        total = sum(exposure)
        if total == 0:
            return cls.flat()
        launches_mean = sum(counts.launches) / total
        active_mean = (sum(counts.active) + 0.2) / (total + 1.0)
        k = _SMOOTHING_WEEKS
        weighted = [max(e, a) + k for e, a in zip(exposure, counts.active, strict=True)]
        return cls._of(
            [(n + k * launches_mean) / e for n, e in zip(counts.launches, weighted, strict=True)],
            [(n + k * active_mean) / e for n, e in zip(counts.active, weighted, strict=True)],
        )

    @classmethod
    def _of(cls, launches: list[float], active: list[float]) -> "WeekRates":
        return cls(tuple(launches), tuple(active), sum(launches), sum(active))
