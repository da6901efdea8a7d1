"""How surprising a launch is for its user: against the user's own profile and own variety.

Someone who does the same every day is surprising at 5 bits, someone who does something new every
hour is not: the surprise of a launch is ranked among the user's own earlier ones.
"""

import math
from dataclasses import dataclass, field
from typing import Self

from streams.models.anomaly.running_tail import ALERT_P_VALUE, Judgement, RunningTail, judge


@dataclass(slots=True)
class Surprise:
    """Running distribution of one user's surprise; 1 to 65 bytes, about 2 us a launch.

    Examples
    --------
    >>> surprise = Surprise()
    >>> for _ in range(300):
    ...     usual = surprise.score(0.6)
    >>> usual < 0.1, surprise.score(0.0001) > 0.5
    (True, True)
    """

    tail: RunningTail = field(default_factory=RunningTail)

    def judge(self, probability: float) -> Judgement:
        """Judge a launch before it is learned.

        Parameters
        ----------
        probability
            What the user's profile gave the launched program just before; 0 for one never seen.

        Raises
        ------
        ValueError
            If it is no probability.
        """
        return judge(self.tail.p_value(bits_of(probability)))

    @property
    def usual_bits(self) -> float:
        """Surprise below which the user's launches are usual, in bits."""
        return self.tail.usual(ALERT_P_VALUE)

    def learn(self, probability: float) -> None:
        """Count a launch."""
        self.tail.learn(bits_of(probability))

    def score(self, probability: float) -> float:
        """Judge a launch, then learn it; return the score in [0, 1]."""
        score = self.judge(probability).score
        self.learn(probability)
        return score

    def to_bytes(self) -> bytes:
        """State as bytes."""
        return self.tail.to_bytes()

    @classmethod
    def from_bytes(cls, blob: bytes) -> Self:
        """Restore; ValueError if the bytes are none of this version."""
        return cls(RunningTail.from_bytes(blob))


def bits_of(probability: float) -> float:
    """Surprise of an event in bits.

    Examples
    --------
    >>> bits_of(0.25), bits_of(0.0)
    (2.0, inf)
    """
    if not 0.0 <= probability <= 1.0:
        raise ValueError(f"{probability} is no probability")
    return -math.log2(probability) if probability > 0.0 else math.inf
