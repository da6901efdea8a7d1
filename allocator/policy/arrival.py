"""When a program that may come will come, from the probabilities within a few windows.

Between two windows the time is taken as even on a log scale, as gaps between launches are: over a
decade each, from one second on.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WINDOWS_S = (60.0, 300.0, 900.0, 3600.0)
FIRST_S = 1.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """Distribution of the time to a launch.

    Parameters
    ----------
    within
        Probability of it within each of WINDOWS_S, not falling.

    Examples
    --------
    >>> arrival = Arrival.of([0.2, 0.5, 0.6, 0.6])
    >>> arrival.probability(300.0), round(arrival.saved_s(300.0, 20.0), 1)
    (0.5, 8.0)
    >>> round(arrival.held_s(300.0), 1)
    197.6
    """

    within: tuple[float, ...]

    @classmethod
    def of(cls, probabilities: Sequence[float]) -> "Arrival":
        """Return the distribution of probabilities that may fall here and there by a rounding."""
        within: list[float] = []
        for p in probabilities:
            bounded = min(max(p, 0.0), 1.0)
            within.append(max(bounded, within[-1]) if within else bounded)
        return cls(tuple(within))

    def probability(self, ttl_s: float) -> float:
        """Probability that it comes within a time."""
        return sum(mass for _, _, mass in self._pieces(ttl_s))

    def saved_s(self, ttl_s: float, prepared_s: float) -> float:
        """Expected seconds saved by steps that take `prepared_s` and begin now.

        Who comes while they run is saved what has been done by then.
        """
        return sum(
            mass * _mean_of_least(low, high, prepared_s) for low, high, mass in self._pieces(ttl_s)
        )

    def held_s(self, ttl_s: float) -> float:
        """Expected seconds until it is taken or given up at `ttl_s`."""
        taken = sum(mass * _mean(low, high) for low, high, mass in self._pieces(ttl_s))
        return taken + (1.0 - self.probability(ttl_s)) * ttl_s

    def _pieces(self, ttl_s: float) -> list[tuple[float, float, float]]:
        """Stretches of time and the probability in each, up to `ttl_s`."""
        pieces, low, before = [], FIRST_S, 0.0
        for high, p in zip(WINDOWS_S, self.within, strict=True):
            end = min(high, ttl_s)
            if end > low:
                share = math.log(end / low) / math.log(high / low)
                pieces.append((low, end, (p - before) * share))
            low, before = high, p
        return pieces


def _mean(low: float, high: float) -> float:
    return (high - low) / math.log(high / low)


def _mean_of_least(low: float, high: float, most: float) -> float:
    """Mean of the lesser of a time and `most`."""
    if most <= low:
        return most
    if most >= high:
        return _mean(low, high)
    return (most - low + most * math.log(high / most)) / math.log(high / low)
