"""How much likelier an hour is to be active because the one before it was."""

from itertools import pairwise

_PRIOR_HOURS = 4.0  # active hours that the prior counts for
_PRIOR_PERSISTENCE = 0.4
_UNIT = 64  # expectations are kept in whole 1/64: exact
_LIMIT = 255  # counts are halved here: a user's habit of the last few hundred hours


class Persistence:
    """Share of the hours that the cycle would leave idle which activity carries over into.

    P(active | active the hour before) = cycle + (1 - cycle) x persistence. What followed each
    active hour is compared with what the cycle alone let expect.

    Examples
    --------
    >>> persistence = Persistence()
    >>> for stayed in (True, True, True, False):
    ...     persistence.observe(stayed, cycle=0.25)
    >>> round(persistence.share(), 2)
    0.51
    """

    __slots__ = ("expected", "hours", "stays")

    def __init__(self, hours: int = 0, stays: int = 0, expected: int = 0) -> None:
        self.hours = hours
        self.stays = stays
        self.expected = expected  # of the stays, in 1/64

    def observe(self, stayed: bool, cycle: float) -> None:
        """Take in whether an active hour was followed by another, and the cycle's P for that."""
        self.hours += 1
        self.stays += stayed
        self.expected += round(cycle * _UNIT)
        if self.hours > _LIMIT:
            self.hours //= 2
            self.stays //= 2
            self.expected //= 2

    def share(self) -> float:
        expected = self.expected / _UNIT
        gained = self.stays - expected + _PRIOR_HOURS * _PRIOR_PERSISTENCE
        return min(1.0, max(0.0, gained / (self.hours - expected + _PRIOR_HOURS)))


def chain(cycle: list[float], active_now: float, persistence: float) -> list[float]:
    """Probability of activity in each coming hour, from the present and the cycle.

    A two-state Markov chain whose every step keeps the cycle's hour as its stationary value:
    presence that was seen fades into the habit within a few hours.

    Parameters
    ----------
    cycle
        The cycle's probability of activity in the present hour and in each coming one.
    active_now
        Probability that the user is active in the present hour (1 or 0 when known).
    persistence
        Share of the idle hours that activity carries over into.

    Examples
    --------
    >>> [round(p, 2) for p in chain([0.1, 0.1, 0.1, 0.1], active_now=1.0, persistence=0.5)]
    [0.55, 0.33, 0.21]
    """
    states = []
    p = active_now
    for (_, now), start in zip(pairwise(cycle), arrivals(cycle, persistence), strict=True):
        p = p * (now + (1.0 - now) * persistence) + (1.0 - p) * start
        states.append(p)
    return states


def arrivals(cycle: list[float], persistence: float) -> list[float]:
    """Return the probability that a user who is away turns up, for each coming hour.

    Parameters
    ----------
    cycle, persistence
        As of `chain`.

    Examples
    --------
    >>> [round(p, 2) for p in arrivals([0.1, 0.1, 0.5], persistence=0.5)]
    [0.05, 0.47]
    """
    starts = []
    for before, now in pairwise(cycle):
        keep = now + (1.0 - now) * persistence
        starts.append(max(0.0, (now - keep * before) / (1.0 - before)) if before < 1.0 else now)
    return starts
