"""Sequences that people can read: after A, B within a window, with an interval that holds."""

from dataclasses import dataclass

from streams.models.programs.user import UserPrograms


@dataclass(frozen=True, slots=True)
class Rule:
    """After `first`, the user launches `then` within `window_s` with this probability.

    Parameters
    ----------
    first, then
        Programs.
    window_s
        Seconds.
    probability, low, high
        Frequency and the interval in which it is expected to stay.
    support
        Launches of `first` that it rests on.
    """

    first: str
    then: str
    window_s: float
    probability: float
    low: float
    high: float
    support: int


def sequences(user: UserPrograms) -> list[Rule]:
    """Return the user's rules, best first."""
    del user
    return []
