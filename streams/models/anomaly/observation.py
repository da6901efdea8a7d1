"""What a detector says of one point, as the incidents take it."""

import math

import msgspec


def strength_of(score: float) -> float:
    """Return a score on the scale of evidence: 0.5 is 1, 0.75 is 2, 0.875 is 3; at most 50.

    Examples
    --------
    >>> strength_of(0.5), strength_of(1.0)
    (1.0, 50.0)
    """
    return -math.log2(max(1.0 - score, 2.0**-50))


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One judged point of a subject.

    Parameters
    ----------
    kind
        What was judged: "surprise", "demand", "drift", ...
    time_s
        Event time in unix seconds.
    score
        In [0, 1]; from 0.5 on it can open an incident.
    observed, expected_low, expected_high
        The value and the range it was expected in.
    p_value
        Where the detector has one.
    what
        What changed, for people: "first launch of matlab at night".
    """

    kind: str
    time_s: float
    score: float
    observed: float
    expected_low: float
    expected_high: float
    p_value: float | None = None
    what: str = ""

    @property
    def strength(self) -> float:
        """Score on the scale of evidence: 0.5 is 1, 0.75 is 2, 0.875 is 3; at most 50."""
        return strength_of(self.score)

    @property
    def direction(self) -> str:
        """Which side of the expected range the value is on."""
        if self.observed > self.expected_high:
            return "above"
        return "below" if self.observed < self.expected_low else "within"

    @property
    def like(self) -> str:
        """What an opinion on it applies to: the same kind on the same side."""
        return f"{self.kind}/{self.direction}"
