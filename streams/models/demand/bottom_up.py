"""Launches of the next hour, from the users up and from the pool down, combined.

From the users up: each user's expected launches are added up. How many then come is a sum of
independent chances, Poisson-binomial, whose variance is at most its mean (Le Cam 1960 bounds what
the Poisson distribution is off by), and more where users move together: that excess is measured.
From the pool down: the hourly forecaster's own next step. Both are mixed at three levels by the
rules of `mixture`, so whoever errs less counts more.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streams.models.demand import mixture
from streams.models.demand.array_bytes import arrays_to_bytes, fill_arrays
from streams.models.demand.levels import MIXED

Floats = npt.NDArray[np.float64]

EXPERTS = 2
FROM_USERS, FROM_POOL = 0, 1
KEEP = 1.0 - 1.0 / 336.0  # forgetting an hour, of bias and excess: two weeks
PRIOR_LAUNCHES = 20.0  # that the users' own sum counts for before its bias is known
DAY_HOURS = 24
_Z = np.array([-1.6449, 0.0, 1.6449])  # standard normal at MIXED
# Slots of the levels.
CAME, EXPECTED, EXCESS, SQUARES, SPREAD, PENDING = range(6)
_SLOTS = 6


class _Arrays(NamedTuple):
    levels: Floats  # (_SLOTS,)
    accounts: mixture.Accounts  # (BOOKS, 3, EXPERTS, SLOTS)
    stated: Floats  # (3, EXPERTS): for the hour under way
    mixed: Floats  # (RULE_COUNT, 3)


class BottomUp:
    """Combines what users and pool let expect of the next hour's launches.

    Examples
    --------
    >>> both = BottomUp()
    >>> both.expect(np.array([0.0, 2.0, 5.0]), expected=4.0, hour=9).round(1).tolist()
    [0.5, 2.9, 6.3]
    >>> both.learn(6.0, hour=9)
    """

    __slots__ = ("_arrays",)

    def __init__(self) -> None:
        self._arrays = _Arrays(
            np.zeros(_SLOTS),
            mixture.new_accounts(EXPERTS),
            np.zeros((3, EXPERTS)),
            np.zeros((mixture.RULE_COUNT, 3)),
        )

    def expect(self, pool: Floats, expected: float, hour: int) -> Floats:
        """Return quantiles at `MIXED` of the hour that begins.

        Parameters
        ----------
        pool
            What the pool's own forecaster states at `MIXED`.
        expected
            Launches that the users' profiles let expect together.
        hour
            Hour of the week.
        """
        a = self._arrays
        a.stated[:, FROM_POOL] = pool
        a.stated[:, FROM_USERS] = self._from_users(expected)
        for rule in range(mixture.RULE_COUNT):
            book = mixture.book_of(rule, hour, DAY_HOURS)
            for t in range(len(MIXED)):
                a.mixed[rule, t] = mixture.mix(a.accounts[book, t], a.stated[t])
        a.levels[PENDING] = expected
        return np.sort(a.mixed.mean(axis=0))

    def _from_users(self, expected: float) -> Floats:
        """Quantiles of the users' sum: Poisson with the measured bias and excess variance."""
        levels = self._arrays.levels
        mean = expected * (levels[CAME] + PRIOR_LAUNCHES) / (levels[EXPECTED] + PRIOR_LAUNCHES)
        excess = max(levels[EXCESS], 0.0) / max(levels[SQUARES], 1.0)
        variance = mean + excess * mean * mean
        # Cornish and Fisher's second term: counts are skewed to the right.
        skewed = _Z * math.sqrt(variance) + (_Z * _Z - 1.0) / 6.0
        quantiles: Floats = np.maximum(mean + skewed, 0.0)
        return quantiles

    def learn(self, came: float, hour: int) -> None:
        """Learn how many launches there were in the hour that `expect` was last asked for."""
        a = self._arrays
        spread = max(a.levels[SPREAD], 1.0)
        centre = float(a.mixed[:, 1].mean())
        for rule in range(mixture.RULE_COUNT):
            book = mixture.book_of(rule, hour, DAY_HOURS)
            for t, level in enumerate(MIXED):
                mixture.learn_outcome(
                    a.accounts[book, t], rule, level, (came - centre) / spread,
                    (a.mixed[rule, t] - centre) / spread, (a.stated[t] - centre) / spread,
                )  # fmt: skip
        self._learn_levels(came, centre)

    def _learn_levels(self, came: float, centre: float) -> None:
        levels = self._arrays.levels
        expected = levels[PENDING]
        mean = expected * (levels[CAME] + PRIOR_LAUNCHES) / (levels[EXPECTED] + PRIOR_LAUNCHES)
        for slot, gained in (
            (CAME, came), (EXPECTED, expected),
            (EXCESS, (came - mean) ** 2 - mean), (SQUARES, mean * mean),
        ):  # fmt: skip
            levels[slot] = KEEP * levels[slot] + gained
        levels[SPREAD] += 0.02 * (abs(came - centre) - levels[SPREAD])

    def to_bytes(self) -> bytes:
        """Return the state; what follows from it is equal to the bit."""
        return arrays_to_bytes(self._arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> "BottomUp":
        """Restore what `to_bytes` wrote; ValueError if the bytes are no such state."""
        restored = cls()
        fill_arrays(list(restored._arrays), data)
        return restored
