"""Gamma-Poisson and Beta-Bernoulli estimates of a user's hours, shrunk to the population.

Hour of week <- the user's same hour on like days (workday, weekend) <- the population's hour scaled
to the user's level. Each arrow is a conjugate update whose prior counts a few weeks.

References
----------
Gelman et al., Bayesian Data Analysis (2013), 2.6 and 5: Gamma-Poisson, hierarchical shrinkage.
"""

from streams.models.cycles.local_hour import WEEK_HOURS, hour_of_week
from streams.models.cycles.week_activity import WeekActivity
from streams.models.cycles.week_rates import WeekRates

# Weeks that each prior counts for.
_HOUR_WEEKS = 8.0
_DAY_WEEKS = 4.0
_LEVEL_WEEKS = 0.25
_WORKDAYS = tuple(range(0, 120, 24))
_WEEKEND = (120, 144)


class WeekPosterior:
    """The estimates as of one local hour; O(1) for each hour asked.

    What was read off the counts is kept: a whole week asks six times for each hour.

    Parameters
    ----------
    week
        The user's counts.
    rates
        The population's.
    hour
        Local hour of now, which is not over yet and not counted as exposure.
    """

    __slots__ = ("_levels", "_like", "_seen", "_weeks", "hour", "rates", "week")

    def __init__(self, week: WeekActivity, rates: WeekRates, hour: int) -> None:
        self.week = week
        self.rates = rates
        self.hour = hour
        self._seen: dict[int, tuple[float, float, float]] = {}
        self._like: dict[tuple[int, bool], tuple[float, float, float]] = {}
        self._weeks = self._mean_exposure()
        totals = (rates.launches_a_week, rates.active_a_week)
        self._levels = tuple(self._level(what, total) for what, total in enumerate(totals))

    def _level(self, what: int, total: float) -> float:
        """Launches (`what` 0) or active hours (1) of this user, relative to the population's."""
        if total <= 0.0:
            return 0.0
        seen = self.week.total(what, self.hour - 1)
        return (seen + _LEVEL_WEEKS * total) / ((self._weeks + _LEVEL_WEEKS) * total)

    def launches(self, at: int) -> float:
        """Expected launches in hour `at` of the week."""
        seen, _, weeks = self._evidence(at)
        prior = self._like_days(at, 0) * _HOUR_WEEKS
        return (seen + prior) / (weeks + _HOUR_WEEKS)

    def active(self, at: int) -> float:
        """Probability of any activity in hour `at` of the week."""
        _, seen, weeks = self._evidence(at)
        prior = self._like_days(at, 1) * _HOUR_WEEKS
        return min((seen + prior) / (weeks + _HOUR_WEEKS), 1.0)

    def active_share(self) -> float:
        """Share of all hours in which the user is active."""
        return self._levels[1] * self.rates.active_a_week / WEEK_HOURS

    def _evidence(self, at: int) -> tuple[float, float, float]:
        """Launches, active weeks and exposed weeks of hour `at` of the week."""
        if at not in self._seen:
            self._seen[at] = self.week.evidence(at, self.hour - 1)
        return self._seen[at]

    def _like_days(self, at: int, what: int) -> float:
        key = at % 24, at >= _WEEKEND[0]
        if key not in self._like:
            days = _WEEKEND if key[1] else _WORKDAYS
            launches = active = weeks = 0.0
            for day in days:
                more = self._evidence(day + key[0])
                launches, active, weeks = launches + more[0], active + more[1], weeks + more[2]
            self._like[key] = launches, active, weeks
        evidence = self._like[key]
        prior = self._population(at, what)
        return (evidence[what] + prior * _DAY_WEEKS) / (evidence[2] + _DAY_WEEKS)

    def _population(self, at: int, what: int) -> float:
        """The population's hour, scaled to the level of this user."""
        rates = self.rates.active if what else self.rates.launches
        return rates[at] * self._levels[what]

    def _mean_exposure(self) -> float:
        at = hour_of_week(self.hour)
        near, far = (self.week.evidence((at + k) % WEEK_HOURS, self.hour - 1)[2] for k in (-1, 1))
        return (near + far) / 2.0
