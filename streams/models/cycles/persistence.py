"""How likely an active hour is to be followed by another: sessions outlast the clock hour."""

from itertools import pairwise

_PRIOR_STAYS = 3.0  # hours that were followed by another active one, before anything is seen
_PRIOR_LEAVES = 3.0
_LIMIT = 255  # counts are halved here: a user's habit of the last few hundred hours


class Persistence:
    """Counts of active local hours that the next hour followed (stays) or not (leaves).

    Examples
    --------
    >>> persistence = Persistence()
    >>> for gap in (1, 1, 1, 9):
    ...     persistence.observe(gap)
    >>> persistence.stay_probability()
    0.6
    """

    __slots__ = ("leaves", "stays")

    def __init__(self, stays: int = 0, leaves: int = 0) -> None:
        self.stays = stays
        self.leaves = leaves

    def observe(self, gap_hours: int) -> None:
        """An active hour was followed by the next active one so many hours later."""
        if gap_hours == 1:
            self.stays += 1
        else:
            self.leaves += 1
        if max(self.stays, self.leaves) > _LIMIT:
            self.stays //= 2
            self.leaves //= 2

    def stay_probability(self) -> float:
        stays = self.stays + _PRIOR_STAYS
        return stays / (stays + self.leaves + _PRIOR_LEAVES)


def chain(base: list[float], active_now: float, stay: float) -> list[float]:
    """Probability of activity in each coming hour, from the present and the cycle.

    A two-state Markov chain whose every step keeps the cycle's hour as its stationary value:
    presence that was seen fades into the habit within a few hours.

    Parameters
    ----------
    base
        The cycle's probability of activity in the present hour and in each coming one.
    active_now
        Probability that the user is active in the present hour (1 or 0 when known).
    stay
        Probability that an active hour is followed by another.

    Examples
    --------
    >>> [round(p, 2) for p in chain([0.1, 0.1, 0.1, 0.1], active_now=1.0, stay=0.55)]
    [0.55, 0.33, 0.21]
    """
    states = []
    p = active_now
    for before, now in pairwise(base):
        keep = max(stay, now)
        start = max(0.0, (now - keep * before) / (1.0 - before)) if before < 1.0 else now
        p = p * keep + (1.0 - p) * start
        states.append(p)
    return states
