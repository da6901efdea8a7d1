"""How active a user is these days: bursts and holidays on top of the habit of weeks."""

from streams.models.cycles.week_activity import half

# Half-life of a day. Of 1, 3 and 7 days it forecasts the presence of the next 24 h best on all
# five recordings tried (docs/explanation/profile.md); so does a prior of one active hour.
_FADE = 0.5 ** (1.0 / 24.0)
_PRIOR_HOURS = 1.0
_MAX = 64.0  # above 1 / (1 - _FADE) = 35.1, the most it can be


class RecentLevel:
    """Decayed number of active hours, against what the weekly cycle let expect.

    Examples
    --------
    >>> level = RecentLevel()
    >>> for hour in range(100, 110):
    ...     level.observe(hour)
    >>> level.factor(hour=110, first_hour=0, mean=0.1) > 2.0  # a busy day
    True
    >>> level.factor(hour=350, first_hour=0, mean=0.1) < 0.3  # ten days away
    True
    """

    __slots__ = ("active", "hour")

    def __init__(self, active: float = 0.0, hour: int = 0) -> None:
        if not 0.0 <= active <= _MAX:
            raise ValueError(f"recent level: {active} active hours")
        self.active = active
        self.hour = hour  # that the count refers to

    def observe(self, hour: int) -> None:
        """Count an active local hour."""
        self.active = half(self.active * _FADE ** max(0, hour - self.hour) + 1.0)
        self.hour = max(hour, self.hour)

    def factor(self, hour: int, first_hour: int, mean: float) -> float:
        """Active hours of late, relative to the expected ones: a factor of the odds, near 1.

        Parameters
        ----------
        hour, first_hour
            Local hour of now, and the user's first.
        mean
            Share of all hours in which the user is active by the weekly cycle.
        """
        seen = self.active * _FADE ** max(0, hour - 1 - self.hour)
        hours = (1.0 - _FADE ** max(0, hour - first_hour)) / (1.0 - _FADE)
        return float((seen + _PRIOR_HOURS) / (mean * hours + _PRIOR_HOURS))


def scale_odds(p: float, factor: float) -> float:
    """Multiply the odds of a probability.

    Examples
    --------
    >>> scale_odds(0.2, 4.0)
    0.5
    """
    return p * factor / (1.0 - p + p * factor)
