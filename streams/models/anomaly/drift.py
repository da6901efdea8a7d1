"""Tells when the level of a stream of numbers has changed for good: ADWIN, saved exactly.

ADWIN keeps a window of the past in buckets of doubling size and cuts it where the means of its two
parts differ by more than chance allows; the window then holds only what came after the change.

References
----------
Bifet, A. and Gavalda, R. (2007). Learning from time-changing data with adaptive windowing. SDM.
"""

import math
from dataclasses import dataclass, field
from typing import Self

from river import drift

from streams.models.river import dump, load
from streams.models.river.adwin import mean_of

LIMIT = 1e9  # ADWIN adds up squares


@dataclass(frozen=True, slots=True)
class Shift:
    """A change of level, from the mean before it to the mean since."""

    before: float
    after: float


@dataclass(slots=True)
class DriftDetector:
    """Watches one number: a user's surprise, the launches of a program, a hit rate.

    Parameters
    ----------
    adwin
        River's detector. Its delta is the chance of a false alarm, 0.002 by default.

    Examples
    --------
    >>> detector = DriftDetector()
    >>> shifts = [detector.update(float(k >= 500)) for k in range(700)]
    >>> found = [(k, s) for k, s in enumerate(shifts) if s]
    >>> 500 < found[0][0] < 540, found[0][1].before < 0.1
    (True, True)
    """

    adwin: drift.ADWIN = field(default_factory=drift.ADWIN)

    def update(self, value: float) -> Shift | None:
        """Learn a value; return the change where it proves one. Values not finite are left out."""
        if not math.isfinite(value):
            return None
        before = mean_of(self.adwin)
        self.adwin.update(min(max(value, -LIMIT), LIMIT))
        if not self.adwin.drift_detected:
            return None
        return Shift(before, mean_of(self.adwin))

    def to_bytes(self) -> bytes:
        """State as bytes, without pickle; equal to the bit afterwards."""
        return dump(self.adwin)

    @classmethod
    def from_bytes(cls, blob: bytes) -> Self:
        """Restore; ValueError if the bytes are no saved ADWIN."""
        adwin = load(blob)
        if not isinstance(adwin, drift.ADWIN):
            raise ValueError("the state of another estimator")  # noqa: TRY004 - a state's error
        return cls(adwin)
