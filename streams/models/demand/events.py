"""What announced events do to demand: one factor a kind of event, learnt from those that came.

While an event lasts, the series' own models see its values without the event's effect, so that a
launch day does not become next week's profile; a forecast of marked hours is multiplied by it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from streams.models.demand.levels import MEDIAN

MAX_KINDS = 64
PRIOR_HOURS = 6.0  # hours of evidence that an announced uplift (1 where none is) counts for
KEEP = 1.0 - 1.0 / 400.0  # forgetting, per hour of an event
LEAST_FACTOR = 0.04  # what an event leaves less than this of tells nothing of usual demand
LIMIT = 20.0  # no event is believed to change demand by a larger factor
LEAST_SHARE = 0.5  # hours that an event covers less of teach nothing about it
# How far off an announced uplift is, as a share of its logarithm, before any evidence.
DOUBT = 0.35
# Standard normal quantiles at LEVELS.
_Z = np.array([-1.6449, -1.2816, -0.6745, 0.0, 0.6745, 1.2816, 1.6449, 2.3263])


@dataclass(frozen=True, slots=True)
class Event:
    """An event that covers a step: its kind, and by what factor it is expected to change demand.

    Parameters
    ----------
    kind
        Events of one kind share what is learnt of them.
    uplift
        Expected factor on demand; 0 is maintenance that takes all demand away.
    share
        Share of the step that the event covers.
    """

    kind: str
    uplift: float = 1.0
    share: float = 1.0


class Effect(msgspec.Struct, array_like=True):
    """Evidence on one kind: hours seen, and what came and what was expected without it."""

    hours: float = 0.0
    observed: float = 0.0
    expected: float = 0.0


def _clipped(factor: float) -> float:
    return min(max(factor, 1.0 / LIMIT), LIMIT)


class EventEffects:
    """Learns by what factor each kind of event changes demand.

    The factor is the ratio of what came to what was expected, in logarithms weighed with the
    announced uplift, which counts for PRIOR_HOURS. A ratio of sums, since single hours of few
    launches say little and their logarithms less.

    Examples
    --------
    >>> effects = EventEffects()
    >>> launch = Event("launch", uplift=2.0)
    >>> round(effects.factor([launch]), 12)
    2.0
    >>> for _ in range(200):
    ...     effects.learn([launch], value=30.0, expected=10.0)
    >>> 2.9 < effects.factor([launch]) < 3.0
    True
    """

    __slots__ = ("_effects",)

    def __init__(self) -> None:
        self._effects: dict[str, Effect] = {}

    def factor(self, events: Iterable[Event]) -> float:
        """Product of the factors of the events that cover a step, each for its share of it."""
        total = 1.0
        for event in events:
            total *= 1.0 - event.share + event.share * self._full(event)
        return total

    def _full(self, event: Event) -> float:
        if event.uplift <= 0.0:
            return 0.0
        known = self._effects.get(event.kind, Effect())
        evidence = 0.0
        if known.expected > 0.0:
            evidence = known.hours * math.log(_clipped(known.observed / known.expected))
        prior = PRIOR_HOURS * math.log(_clipped(event.uplift))
        return math.exp((prior + evidence) / (PRIOR_HOURS + known.hours))

    def doubt(self, events: Iterable[Event]) -> float:
        """Standard deviation of the logarithm of their factor: it falls with evidence."""
        total = 0.0
        for event in events:
            if event.uplift > 0.0:
                hours = self._effects.get(event.kind, Effect()).hours
                prior = DOUBT * event.share * math.log(_clipped(event.uplift))
                total += prior * prior * PRIOR_HOURS / (PRIOR_HOURS + hours)
        return math.sqrt(total)

    def learn(self, events: Sequence[Event], value: float, expected: float) -> None:
        """Learn one hour: what came, and what was expected without the events."""
        for number, event in enumerate(events):
            others = self.factor([*events[:number], *events[number + 1 :]])
            if event.uplift > 0.0 and event.share >= LEAST_SHARE and expected * others > 0.0:
                self._learn(event, value, expected * others)

    def _learn(self, event: Event, value: float, expected: float) -> None:
        if event.kind not in self._effects and len(self._effects) >= MAX_KINDS:
            return
        known = self._effects.setdefault(event.kind, Effect())
        inside, outside = event.share * expected, (1.0 - event.share) * expected
        known.hours = known.hours * KEEP + event.share
        known.observed = known.observed * KEEP + min(max(value - outside, 0.0), LIMIT * inside)
        known.expected = known.expected * KEEP + inside

    def apply(
        self, quantiles: npt.NDArray[np.float64], events: Sequence[Event]
    ) -> npt.NDArray[np.float64]:
        """Return a step's quantiles, shape (8,), as the events change them.

        They are multiplied by the factor, and widened by the doubt about it.

        Examples
        --------
        >>> calm = np.full(len(_Z), 10.0)
        >>> EventEffects().apply(calm, [Event("launch", 2.0)]).round(1).tolist()
        [12.0, 13.8, 16.7, 20.0, 23.3, 26.2, 28.0, 31.3]
        """
        scaled = np.sort(quantiles * self.factor(events))
        middle = scaled[MEDIAN]
        doubtful = middle * _Z * self.doubt(events)
        widened: npt.NDArray[np.float64] = np.sort(
            middle + np.sign(_Z) * np.hypot(scaled - middle, doubtful)
        )
        return np.maximum(widened, 0.0) if scaled[0] >= 0.0 else widened

    def to_bytes(self) -> bytes:
        return msgspec.msgpack.encode(self._effects)

    @classmethod
    def from_bytes(cls, data: bytes) -> "EventEffects":
        effects = cls()
        try:
            effects._effects = msgspec.msgpack.decode(data, type=dict[str, Effect])
        except msgspec.MsgspecError as error:
            raise ValueError(f"event effects: {error}") from error
        figures = [x for e in effects._effects.values() for x in (e.hours, e.observed, e.expected)]
        if len(effects._effects) > MAX_KINDS or not all(map(math.isfinite, figures)):
            raise ValueError("event effects: too many kinds or no finite figures")
        return effects
