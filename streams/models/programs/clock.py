"""Decides which state of the population applies to an event: time decides, never arrival."""

from streams.models.programs.delta import PopulationDelta
from streams.models.programs.population import Population

PERIOD_S = 3600.0
# A period is closed only when its late events had their time, and its sums need a moment to go
# round: they apply from five minutes into the next one.
ACTIVATION_S = 300.0


class PopulationClock:
    """Collects the deltas of periods and gives the population that applies at a time.

    Examples
    --------
    >>> clock = PopulationClock()
    >>> clock.delta(10.0).names[1] = "vim"
    >>> clock.population(3899.0).version, clock.population(3900.0).version
    (0, 1)
    """

    def __init__(
        self, period_s: float = PERIOD_S, activation_s: float = ACTIVATION_S,
        population: Population | None = None,
    ) -> None:  # fmt: skip
        self._period_s = period_s
        self._activation_s = activation_s
        self._population = population or Population.empty()
        self._open: dict[int, PopulationDelta] = {}

    def period(self, time_s: float) -> int:
        """Return the period that a time falls in."""
        return int(time_s // self._period_s)

    def delta(self, time_s: float) -> PopulationDelta:
        """Return the sums of the period that a time falls in."""
        return self._open.setdefault(self.period(time_s), PopulationDelta())

    def population(self, time_s: float) -> Population:
        """Return the population that applies at a time; times must not go back past a period."""
        through = self.period(time_s - self._activation_s) - 1
        if self._open and min(self._open) <= through:
            for period in sorted(p for p in self._open if p <= through):
                self._population = self._population.advanced(self._open.pop(period))
        return self._population
