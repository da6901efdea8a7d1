"""How well a pool is served: hours with too many misses, and launches that take too long.

Misses of an hour are compared with the promised rate by the binomial tail; launch times with their
own mean and spread on a log scale. Both surprises, in bits, are then ranked among the pool's own
earlier ones, as its worst hours are known to be worse than the promise.
"""

import math
from dataclasses import dataclass, field
from typing import Self

import msgspec

from streams.models.anomaly.running_tail import Judgement, RunningTail, judge

VERSION = 1
# With fewer requests an hour's rate says nothing.
LEAST_REQUESTS = 5
# A pool that never misses has promised less than it keeps; one in a thousand may always happen.
LEAST_MISS_RATE = 0.001
KEEP = 0.97  # of the mean and spread of log launch times, an hour: about a day and a half
LEAST_SPREAD = 0.1  # launch times within 10 % of each other are the same


@dataclass(frozen=True, slots=True)
class Judged:
    """A judged number, and the range that was expected of it."""

    judgement: Judgement
    observed: float
    low: float
    high: float


class _Wire(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    misses: bytes
    launches: bytes
    log_mean: float
    log_spread: float
    hours: int


@dataclass(slots=True)
class ServiceDetector:
    """Judges one pool's hours.

    Examples
    --------
    >>> detector = ServiceDetector()
    >>> for _ in range(200):
    ...     usual = detector.misses(requests=40, missed=1, promised=0.95)
    >>> usual.judgement.score < 0.3
    True
    >>> detector.misses(requests=40, missed=30, promised=0.95).judgement.score > 0.5
    True
    """

    _misses: RunningTail = field(default_factory=RunningTail)
    _launches: RunningTail = field(default_factory=RunningTail)
    _log_mean: float = 0.0
    _log_spread: float = 0.0
    _hours: int = 0

    def misses(self, requests: int, missed: int, promised: float) -> Judged | None:
        """Judge an hour's misses, then learn them; None where there were too few requests.

        Parameters
        ----------
        requests, missed
            In the hour.
        promised
            Target hit rate, within 0 and 1.
        """
        if requests < LEAST_REQUESTS:
            return None
        rate = max(1.0 - promised, LEAST_MISS_RATE)
        bits = -math.log2(max(binomial_tail(missed, requests, rate), 1e-300))
        judgement = judge(self._misses.p_value(bits))
        self._misses.learn(bits)
        high = rate + 3.0 * math.sqrt(rate * (1.0 - rate) / requests)
        return Judged(judgement, missed / requests, 0.0, min(high, 1.0))

    def launch_time(self, lead_s: float) -> Judged | None:
        """Judge an hour's launch time against those before it, then learn it; None at first."""
        if not (math.isfinite(lead_s) and lead_s > 0.0):
            return None
        log_lead = math.log(lead_s)
        if self._hours < 3:
            self._learn_launch(log_lead)
            return None
        spread = max(math.sqrt(self._log_spread), LEAST_SPREAD)
        z = (log_lead - self._log_mean) / spread
        bits = -math.log2(max(0.5 * math.erfc(z / math.sqrt(2.0)), 1e-300))
        judgement = judge(self._launches.p_value(bits))
        self._launches.learn(bits)
        mean = self._log_mean
        self._learn_launch(log_lead)
        low, high = math.exp(mean - 3.0 * spread), math.exp(mean + 3.0 * spread)
        return Judged(judgement, lead_s, low, high)

    def _learn_launch(self, log_lead: float) -> None:
        keep = min(KEEP, self._hours / (self._hours + 1.0))
        gap = log_lead - self._log_mean
        self._log_mean += (1.0 - keep) * gap
        self._log_spread = keep * (self._log_spread + (1.0 - keep) * gap * gap)
        self._hours += 1

    def to_bytes(self) -> bytes:
        """State as bytes, at most 160."""
        return msgspec.msgpack.encode(
            _Wire(
                VERSION, self._misses.to_bytes(), self._launches.to_bytes(), self._log_mean,
                self._log_spread, self._hours,
            )
        )  # fmt: skip

    @classmethod
    def from_bytes(cls, blob: bytes) -> Self:
        """Restore; ValueError if the bytes are none of this version."""
        try:
            wire = msgspec.msgpack.decode(blob, type=_Wire)
        except msgspec.DecodeError as error:
            raise ValueError(f"no state of a service: {error}") from error
        if wire.version != VERSION or not (math.isfinite(wire.log_mean) and wire.log_spread >= 0.0):
            raise ValueError(f"a service of version {wire.version}, this is {VERSION}")
        return cls(
            RunningTail.from_bytes(wire.misses), RunningTail.from_bytes(wire.launches),
            wire.log_mean, wire.log_spread, wire.hours,
        )  # fmt: skip


def binomial_tail(at_least: int, trials: int, rate: float) -> float:
    """Chance of `at_least` or more successes in so many trials.

    Examples
    --------
    >>> binomial_tail(0, 9, 0.5), binomial_tail(1, 1, 0.25), round(binomial_tail(2, 3, 0.5), 12)
    (1.0, 0.25, 0.5)
    """
    if at_least <= 0:
        return 1.0
    if at_least > trials or rate <= 0.0:
        return 0.0
    if rate >= 1.0:
        return 1.0
    total, k = 0.0, at_least
    while k <= trials:
        log_term = (
            math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
            + k * math.log(rate) + (trials - k) * math.log1p(-rate)
        )  # fmt: skip
        term = math.exp(log_term)
        total += term
        if k > trials * rate and term < 1e-12 * total:
            break
        k += 1
    return min(1.0, total)
