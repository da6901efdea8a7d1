"""Evidence on a sensitivity: reactions seen against reactions expected of a normal user."""

from dataclasses import dataclass
from math import exp, sqrt

UNIT = 1024  # evidence is kept in whole 1/1024 of a reaction: exact, and 3 bytes at most
_LIMIT = 60 * UNIT  # beyond 60 reactions the older half is forgotten, so that change is followed
_Z90 = 1.6449  # normal quantile of a two-sided 90 % interval


@dataclass(frozen=True, slots=True)
class Estimate:
    """Cost of a waited minute, 1 for the normal user: posterior mean and 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(slots=True)
class Evidence:
    """Sufficient statistics of a Gamma posterior, in 1/1024 reactions.

    Parameters
    ----------
    seen
        Reactions that waiting caused.
    expected
        Reactions that a normal user would have shown in the same waits.
    """

    seen: int = 0
    expected: int = 0

    def add(self, seen: float, expected: float) -> None:
        self.seen += round(seen * UNIT)
        self.expected += round(expected * UNIT)
        while max(self.seen, self.expected) > _LIMIT:
            self.seen //= 2
            self.expected //= 2

    def mean(self, prior_mean: float, prior_events: float) -> float:
        """Posterior mean under a Gamma prior that counts so many reactions."""
        seen, expected = self.seen / UNIT, self.expected / UNIT
        return (seen + prior_events) / (expected + prior_events / prior_mean)

    def estimate(self, prior_mean: float, prior_events: float) -> Estimate:
        """Posterior mean and 90 % interval.

        Quantiles of the Gamma by the cube root transform of Wilson and Hilferty (1931): within 3 %
        from two reactions on.

        Examples
        --------
        >>> estimate = Evidence(seen=8 * 1024, expected=3 * 1024).estimate(1.0, 2.0)
        >>> estimate.value, round(estimate.low, 2), round(estimate.high, 2)
        (2.0, 1.08, 3.14)
        """
        shape = self.seen / UNIT + prior_events
        mean = self.mean(prior_mean, prior_events)
        spread = _Z90 / sqrt(9.0 * shape)
        centre = 1.0 - 1.0 / (9.0 * shape)
        low, high = max(0.0, centre - spread) ** 3, (centre + spread) ** 3
        return Estimate(mean, mean * low, mean * high)


def reaction(
    happened: bool, background: float, expected: float, sensitivity: float
) -> tuple[float, float]:
    """Evidence (seen, expected) of a reaction that may also happen without any wait.

    P(reaction) = 1 - (1 - background) exp(-sensitivity x expected). A reaction is put down to the
    wait with the probability of that cause under the present estimate (one step of expectation
    maximisation); its moment within the wait is not known, so that half the exposure counts.

    Parameters
    ----------
    happened
        Whether the user reacted.
    background
        Probability of the same without a wait.
    expected
        Reactions that a normal user would show on account of this wait.
    sensitivity
        The present estimate.

    Examples
    --------
    >>> reaction(False, background=0.1, expected=0.05, sensitivity=1.0)
    (0.0, 0.05)
    >>> seen, _ = reaction(True, background=0.1, expected=0.05, sensitivity=1.0)
    >>> round(seen, 2)
    0.34
    """
    if not happened:
        return 0.0, expected
    none = exp(-sensitivity * expected)
    caused = (1.0 - none) / (1.0 - (1.0 - background) * none)
    return caused, expected * (1.0 - caused / 2.0)
