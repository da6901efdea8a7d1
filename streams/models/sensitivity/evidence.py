"""Evidence on a sensitivity: reactions seen against reactions expected of a normal user."""

from dataclasses import dataclass
from math import sqrt

UNIT = 1024  # evidence is kept in whole 1/1024 of a reaction: exact, and 3 bytes at most
_LIMIT = 60 * UNIT  # beyond 60 reactions the older half is forgotten, so that change is followed
# Normal quantile of a two-sided 90 % interval, and 20 % more for the habits (how often a user
# relaunches without any wait) that are estimated too: without it intervals covered 85 %.
_Z90 = 1.6449 * 1.2


@dataclass(frozen=True, slots=True)
class Estimate:
    """Cost of a waited minute, 1 for the normal user: posterior mean and 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(slots=True)
class Evidence:
    """What was learnt beyond the prior, as additions to a Gamma's shape and rate.

    Parameters
    ----------
    seen
        Reactions that waiting caused, in 1/1024.
    expected
        Reactions that a normal user would have shown in the same waits, in 1/1024. Doubtful
        reactions may take it below zero.
    """

    seen: int = 0
    expected: int = 0

    def add(self, seen: float, expected: float) -> None:
        self.seen += round(seen * UNIT)
        self.expected += round(expected * UNIT)
        while max(abs(self.seen), abs(self.expected)) > _LIMIT:
            self.seen //= 2
            self.expected //= 2

    def posterior(self, prior_mean: float, prior_events: float) -> "Gamma":
        """Posterior under a prior of a mean that counts so many reactions.

        A quarter of the prior always stays: evidence gathered under another prior can't turn it
        over.
        """
        rate = prior_events / prior_mean
        shape = max(self.seen / UNIT + prior_events, prior_events / 4.0)
        return Gamma(shape, max(self.expected / UNIT + rate, rate / 4.0))


@dataclass(frozen=True, slots=True)
class Gamma:
    """A Gamma distribution of the sensitivity."""

    shape: float
    rate: float

    @property
    def mean(self) -> float:
        return self.shape / self.rate

    def estimate(self) -> Estimate:
        """Mean and 90 % interval.

        Quantiles by the cube root transform of Wilson and Hilferty (1931): within 3 % from a shape
        of two on.

        Examples
        --------
        >>> estimate = Gamma(shape=10.0, rate=5.0).estimate()
        >>> estimate.value, round(estimate.low, 2), round(estimate.high, 2)
        (2.0, 0.95, 3.43)
        """
        spread = _Z90 / sqrt(9.0 * self.shape)
        centre = 1.0 - 1.0 / (9.0 * self.shape)
        low, high = max(0.0, centre - spread) ** 3, (centre + spread) ** 3
        return Estimate(self.mean, self.mean * low, self.mean * high)

    def reaction(self, happened: bool, background: float, expected: float) -> tuple[float, float]:
        """Evidence (seen, expected) of a reaction that may also happen without any wait.

        P(reaction) = 1 - (1 - background) exp(-sensitivity x expected). That it did not happen is
        exact in a Gamma; that it did is matched in mean and variance, both in closed form (assumed
        density filtering, Opper 1998). Crediting the wait with the probability of being the cause
        gives the same mean, but intervals that covered 80 % where 90 % were promised.

        Parameters
        ----------
        happened
            Whether the user reacted.
        background
            Probability of the same without a wait.
        expected
            Reactions that a normal user would show on account of this wait.

        Examples
        --------
        >>> Gamma(2.0, 2.0).reaction(False, background=0.1, expected=0.05)
        (0.0, 0.05)
        >>> sure, _ = Gamma(2.0, 2.0).reaction(True, background=0.0, expected=0.05)
        >>> round(sure, 2)
        1.0
        """
        if not happened:
            return 0.0, expected
        later = self.rate + expected
        none = (1.0 - background) * (self.rate / later) ** self.shape
        first = self.shape * (1.0 / self.rate - none / later) / (1.0 - none)
        pairs = self.shape * (self.shape + 1.0)
        second = pairs * (1.0 / self.rate**2 - none / later**2) / (1.0 - none)
        variance = second - first * first
        return first * first / variance - self.shape, first / variance - self.rate
