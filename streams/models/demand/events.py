"""What announced events do to demand: one ratio a kind of event, learnt from those that came.

While an event lasts, the series' own models see its values without the event's effect, so that a
launch day does not become next week's profile; a forecast of marked hours is multiplied by it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

MAX_KINDS = 64
PRIOR_HOURS = 6.0  # hours of evidence that an announced uplift (1 where none is) counts for
KEEP = 1.0 - 1.0 / 400.0  # forgetting, per hour of an event
RATIO_LIMIT = math.log(20.0)


@dataclass(frozen=True, slots=True)
class Event:
    """An event that covers an hour: its kind, and by what factor it is expected to change demand.

    An uplift of 0 is maintenance that takes all demand away.
    """

    kind: str
    uplift: float = 1.0


class Effect(msgspec.Struct, array_like=True):
    """Evidence on one kind: hours seen, and the sum of their log ratios."""

    hours: float = 0.0
    log_ratios: float = 0.0


class EventEffects:
    """Learns by what factor each kind of event changes demand.

    Examples
    --------
    >>> effects = EventEffects()
    >>> launch = Event("launch", uplift=2.0)
    >>> effects.factor([launch])
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
        """Product of the factors of the events that cover an hour."""
        total = 0.0
        for event in events:
            if event.uplift <= 0.0:
                return 0.0
            known = self._effects.get(event.kind, Effect())
            prior = PRIOR_HOURS * math.log(event.uplift)
            total += (prior + known.log_ratios) / (PRIOR_HOURS + known.hours)
        return math.exp(min(max(total, -RATIO_LIMIT), RATIO_LIMIT))

    def learn(self, events: Iterable[Event], value: float, expected: float) -> None:
        """Learn one hour: what came, and what was expected without the events."""
        events = [event for event in events if event.uplift > 0.0]
        if not events or not expected > 0.0:
            return
        ratio = math.log(max(value, 1e-3 * expected) / expected)
        ratio = min(max(ratio, -RATIO_LIMIT), RATIO_LIMIT) / len(events)
        for event in events:
            if event.kind not in self._effects and len(self._effects) >= MAX_KINDS:
                continue
            known = self._effects.setdefault(event.kind, Effect())
            known.hours = known.hours * KEEP + 1.0
            known.log_ratios = known.log_ratios * KEEP + ratio

    def to_bytes(self) -> bytes:
        return msgspec.msgpack.encode(self._effects)

    @classmethod
    def from_bytes(cls, data: bytes) -> "EventEffects":
        effects = cls()
        try:
            effects._effects = msgspec.msgpack.decode(data, type=dict[str, Effect])
        except msgspec.MsgspecError as error:
            raise ValueError(f"event effects: {error}") from error
        figures = [x for e in effects._effects.values() for x in (e.hours, e.log_ratios)]
        if len(effects._effects) > MAX_KINDS or not all(map(math.isfinite, figures)):
            raise ValueError("event effects: too many kinds or no finite figures")
        return effects
