"""What the people who are active now are about to ask for: a sum over persons, as a distribution.

Each prediction of a person's next programs says with which probability one of a pool's programs is
launched within some windows. Of what has not happened yet, the part that falls into the coming
lead time is the person's chance to ask; the number who ask is Poisson-binomial (a sum of unlike
coins). A calibration, learned from what came, scales the chances: not every launch is a request.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

WINDOWS_S = (60.0, 300.0, 900.0, 3600.0)
_FORGET_S = WINDOWS_S[-1]
_PRIOR_ASKS = 2.0  # expected requests that the first trust counts for
_FIRST_TRUST = 0.5
_MEMORY = 500.0  # expected requests
_MOST_PERSONS = 20_000
_MOST_COUNTED = 256


@dataclass(slots=True)
class _Intent:
    made_s: float
    within: tuple[float, ...]
    counted_s: float


@dataclass(slots=True)
class IntentBook:
    """The last prediction of each person, for one pool.

    Examples
    --------
    >>> book = IntentBook()
    >>> book.predicted(0.0, "ann", (0.2, 0.8, 0.9, 0.95))
    >>> [round(p, 2) for p in book.chances(0.0, [60.0, 300.0])]
    [0.25]
    >>> book.chances(4_000.0, [60.0])
    []
    """

    _intents: dict[str, _Intent] = field(default_factory=dict)
    _expected: float = 0.0
    _came: float = 0.0

    def predicted(self, time_s: float, user: str, within: Sequence[float]) -> None:
        """Take a prediction in: chances that the pool is needed within each of WINDOWS_S."""
        before = self._intents.pop(user, None)
        if before is not None:
            self._count(before, time_s)
        if within[-1] > 0.0:
            self._intents[user] = _Intent(time_s, tuple(within), time_s)
        while len(self._intents) > _MOST_PERSONS:
            del self._intents[next(iter(self._intents))]

    def requested(self, time_s: float, user: str) -> None:
        """Learn that a person asked: what was foretold of him is over."""
        intent = self._intents.pop(user, None)
        if intent is not None:
            self._count(intent, time_s)
            self._came += 1.0

    def pass_to(self, time_s: float) -> None:
        """Let time go on: count what should have come, forget what is long past."""
        for user in [u for u, i in self._intents.items() if time_s - i.made_s >= _FORGET_S]:
            self._count(self._intents.pop(user), time_s)
        for intent in self._intents.values():
            self._count(intent, time_s)
        if self._expected > _MEMORY:
            self._came *= 0.5
            self._expected *= 0.5

    @property
    def trust(self) -> float:
        """Requests that came per request foretold, shrunk to one in two."""
        prior = _PRIOR_ASKS * _FIRST_TRUST
        return min(1.0, (self._came + prior) / (self._expected + _PRIOR_ASKS))

    def chances(self, time_s: float, leads_s: Sequence[float]) -> list[float]:
        """Each person's chance to ask within a lead time, the mean over equally likely ones."""
        trust, found = self.trust, []
        for intent in self._intents.values():
            age_s = time_s - intent.made_s
            if not 0.0 <= age_s < _FORGET_S:
                continue
            gone = _within(intent.within, age_s)
            left = 1.0 - gone
            if left > 1e-6:
                coming = sum(_within(intent.within, age_s + lead) - gone for lead in leads_s)
                found.append(trust * coming / len(leads_s) / left)
        return [chance for chance in found if chance > 0.0]

    def _count(self, intent: _Intent, time_s: float) -> None:
        """Add what this person was expected to ask for since the last count."""
        before = _within(intent.within, intent.counted_s - intent.made_s)
        now = _within(intent.within, max(time_s, intent.counted_s) - intent.made_s)
        if before < 1.0:
            self._expected += (now - before) / (1.0 - before)
        intent.counted_s = max(time_s, intent.counted_s)


def at_least(chances: Sequence[float]) -> list[float]:
    """Probability that at least 1, 2, ... of independent chances come true (Poisson-binomial).

    Exact for the 256 largest chances; what is left only ever adds.

    Examples
    --------
    >>> at_least([0.5, 0.5])
    [0.75, 0.25]
    """
    exactly = [1.0]
    for chance in sorted(chances, reverse=True)[:_MOST_COUNTED]:
        exactly = [
            (exactly[k] if k < len(exactly) else 0.0) * (1.0 - chance)
            + (exactly[k - 1] if k else 0.0) * chance
            for k in range(len(exactly) + 1)
        ]
    tail, total = [], 0.0
    for probability in reversed(exactly[1:]):
        total += probability
        tail.append(total)
    return tail[::-1]


def worth_holding(chances: Sequence[float], lead_s: float, price_hits_per_s: float) -> int:
    """Instances that the foretold requests alone are worth, at a price per instance-second.

    Examples
    --------
    >>> worth_holding([0.9, 0.9, 0.01], lead_s=90.0, price_hits_per_s=0.005)
    2
    """
    return sum(p / lead_s > price_hits_per_s for p in at_least(chances))


def _within(within: Sequence[float], age_s: float) -> float:
    """The chance of a launch until `age_s`: straight lines between the windows."""
    low_s, low = 0.0, 0.0
    for high_s, high in zip(WINDOWS_S, within, strict=True):
        if age_s <= high_s:
            return low + (high - low) * max(age_s - low_s, 0.0) / (high_s - low_s)
        low_s, low = high_s, max(low, high)
    return low
