"""Faults of a simulated cloud: by chance, seeded, and by script."""

import enum
import random
from collections import Counter, deque
from dataclasses import dataclass, field

from allocator.machine.observed import Verb


class Fault(enum.StrEnum):
    """What can go wrong with a call or an instance."""

    TIMEOUT_AFTER_SUCCESS = "timeout after success"
    TIMEOUT_BEFORE = "timeout, nothing done"
    SERVER_ERROR = "500"
    THROTTLED = "429"
    CONFLICT = "409"
    QUOTA = "403"
    ERROR_STATE = "accepted, then ERROR"
    STALE_LISTING = "stale listing"
    PHANTOM_LISTING = "phantom in the listing"
    LISTING_FAILED = "listing failed"
    OUTAGE = "outage"


CALL_FAULTS = (
    Fault.TIMEOUT_AFTER_SUCCESS, Fault.TIMEOUT_BEFORE, Fault.SERVER_ERROR, Fault.THROTTLED,
    Fault.CONFLICT,
)  # fmt: skip
CREATE_FAULTS = (*CALL_FAULTS, Fault.QUOTA, Fault.ERROR_STATE)
LIST_FAULTS = (Fault.STALE_LISTING, Fault.PHANTOM_LISTING, Fault.LISTING_FAILED)


@dataclass(slots=True)
class Faults:
    """Decides which call goes wrong, and counts what was injected.

    Parameters
    ----------
    rate
        Share of calls with a fault, each kind that fits the call equally likely.
    chance
        Source of randomness.
    is_out
        Whether the whole API is down.

    Examples
    --------
    >>> faults = Faults(0.0, random.Random(1))
    >>> faults.script(Verb.CREATE, Fault.QUOTA)
    >>> faults.draw(Verb.CREATE), faults.draw(Verb.CREATE)
    (<Fault.QUOTA: '403'>, None)
    """

    rate: float
    chance: random.Random
    is_out: bool = False
    injected: Counter[Fault] = field(default_factory=Counter)
    _scripts: dict[Verb | None, deque[Fault]] = field(default_factory=dict)

    def script(self, verb: Verb | None, *faults: Fault) -> None:
        """Let the next calls of a verb (None: listings) go wrong in this way."""
        self._scripts.setdefault(verb, deque()).extend(faults)

    def forget_scripts(self) -> None:
        """Drop what was scripted and has not happened."""
        self._scripts.clear()

    def draw(self, verb: Verb | None) -> Fault | None:
        """Return what goes wrong with a call of a verb, or with a listing (None)."""
        fault = self._next(verb)
        if fault is not None:
            self.injected[fault] += 1
        return fault

    def _next(self, verb: Verb | None) -> Fault | None:
        if self.is_out:
            return Fault.OUTAGE
        if scripted := self._scripts.get(verb):
            return scripted.popleft()
        if self.chance.random() >= self.rate:
            return None
        if verb is None:
            return self.chance.choice(LIST_FAULTS)
        return self.chance.choice(CREATE_FAULTS if verb is Verb.CREATE else CALL_FAULTS)
