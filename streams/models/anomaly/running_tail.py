"""How often surprises of a size have come before, kept in at most 65 bytes.

Surprise is counted in bits. Before anything is known, half of all events are expected to carry
more than one bit, a quarter more than two and so on, as for a model that is right; that prior
weighs 16 events and is soon outweighed.

References
----------
Shafer, G. and Vovk, V. (2008). A tutorial on conformal prediction. JMLR 9.
"""

import math
import struct
from dataclasses import dataclass, field
from typing import Self

BINS = 32
BITS_PER_BIN = 0.5
PRIOR_EVENTS = 16.0
# Counts are halved at 2,048 events: habits change, and the last 1,000 to 2,000 launches of a
# user are weeks.
FULL = 2048
VERSION = 1
PRIOR_BY_BIN = tuple(PRIOR_EVENTS * math.exp2(-BITS_PER_BIN * k) for k in range(BINS))


@dataclass(slots=True)
class RunningTail:
    """Counts of past surprises in bins of half a bit, the oldest fading.

    Examples
    --------
    >>> tail = RunningTail()
    >>> for _ in range(83):
    ...     tail.learn(1.2)
    >>> round(tail.p_value(15.9), 4)
    0.01
    >>> RunningTail.from_bytes(tail.to_bytes()) == tail
    True
    """

    counts: list[int] = field(default_factory=lambda: [0] * BINS)
    _total: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._total = sum(self.counts)

    def p_value(self, bits: float) -> float:
        """Share of past events that were at least this surprising, this one counted too.

        Parameters
        ----------
        bits
            Surprise of the event, 0 or more; infinite counts as the largest bin.
        """
        place = min(max(bits, 0.0) / BITS_PER_BIN, BINS - 1e-9)
        own = int(place)
        # The whole of its own bin counts as above: a habit repeated exactly is never rare.
        above = sum(self.counts[own:])
        prior = PRIOR_EVENTS * math.exp2(-place * BITS_PER_BIN)
        return (above + prior + 1.0) / (self._total + PRIOR_EVENTS + 1.0)

    def usual(self, p_value: float) -> float:
        """Return the least surprise, in bits, that is as rare as a p-value.

        Examples
        --------
        >>> tail = RunningTail()
        >>> for _ in range(1000):
        ...     tail.learn(1.2)
        >>> tail.usual(0.005)
        2.0
        """
        # `p_value` of each bin's lower edge, without adding the counts up for each: 5 us, not 80.
        above = self._total
        total = above + PRIOR_EVENTS + 1.0
        for k, count in enumerate(self.counts):
            if (above + PRIOR_BY_BIN[k] + 1.0) / total <= p_value:
                return BITS_PER_BIN * k
            above -= count
        return BITS_PER_BIN * BINS

    def learn(self, bits: float) -> None:
        """Count an event."""
        place = min(max(bits, 0.0) / BITS_PER_BIN, BINS - 1.0)
        self.counts[int(place)] += 1
        self._total += 1
        if self._total >= FULL:
            self.counts = [count // 2 for count in self.counts]
            self._total = sum(self.counts)

    def to_bytes(self) -> bytes:
        """Return a version byte and the counts, without the empty bins at the end."""
        used = BINS
        while used and self.counts[used - 1] == 0:
            used -= 1
        return struct.pack(f"<B{used}H", VERSION, *self.counts[:used])

    @classmethod
    def from_bytes(cls, blob: bytes) -> Self:
        """Restore; ValueError if the bytes are none of this version."""
        if not blob or blob[0] != VERSION:
            raise ValueError("no running tail of this version")
        used, odd = divmod(len(blob) - 1, 2)
        if odd or used > BINS:
            raise ValueError(f"a running tail has at most {BINS} counts of two bytes")
        counts = list(struct.unpack_from(f"<{used}H", blob, 1))
        if sum(counts) >= FULL:
            raise ValueError(f"a running tail counts less than {FULL} events")
        return cls(counts + [0] * (BINS - used))


@dataclass(frozen=True, slots=True)
class Judgement:
    """An anomaly score in [0, 1] (0.5 is the shipped alert threshold) and its p-value."""

    score: float
    p_value: float


# 1 in 200: a user of 40 launches a day is put to the alert budget every fifth day.
ALERT_P_VALUE = 0.005


def judge(p_value: float) -> Judgement:
    """Score of a p-value: 0 at 1, 0.5 at 0.005, 0.75 at 0.005 squared.

    Examples
    --------
    >>> judge(0.005).score
    0.5
    """
    return Judgement(1.0 - math.exp2(-math.log(p_value) / math.log(ALERT_P_VALUE)), p_value)
