"""The warm reserve's size, on event time, from what was served so far."""

import math
from collections.abc import Sequence
from zlib import crc32

import numpy as np

from allocator.policy import layout as at
from allocator.policy.features import pass_time, recent_requests
from allocator.policy.feedback import WARM_UP_S
from allocator.policy.intents import at_least
from allocator.policy.knobs import ReserveKnobs
from allocator.policy.learner import decide, learn_request, pass_to
from allocator.policy.levels import LEVELS, level_values
from allocator.policy.memory import PROGRAMS, USERS, blank_memory, pack_memory, unpack_memory
from allocator.policy.position import Decision, Position

_HOUR_S = 3_600.0


class ReservePolicy:
    """Decides how many instances to hold, launch and terminate.

    The caller reports every request after it was served and every whole minute, then asks for
    the target. Time never goes back; no clock is read, and the same calls give the same bits.

    Parameters
    ----------
    knobs
        The operator's settings.
    seed
        Of the first weights; any will do.

    Examples
    --------
    >>> policy = ReservePolicy(ReserveKnobs(target_hit_rate=0.95))
    >>> policy.requested(0.0, "ann", "spark", hit=False)
    >>> policy.target(0.0, Position(ready=0, building=0, terminable=0)).launch > 0
    True
    """

    def __init__(self, knobs: ReserveKnobs, seed: int = 1) -> None:
        self.knobs = knobs
        self._memory = blank_memory(knobs.lead_time_s, seed)
        self._out = np.zeros(5)
        self._slopes = np.zeros(LEVELS)
        self._intended: list[float] = []

    def requested(self, time_s: float, user: str = "", program: str = "", *, hit: bool) -> None:
        """Learn from one request, just after it was served."""
        who = user.encode()
        what = crc32(program.encode(), crc32(who)) % PROGRAMS
        learn_request(self._memory, time_s, crc32(who) % USERS, what, hit)

    def tick(self, time_s: float) -> None:
        """Let time pass to `time_s`, at each whole minute at least."""
        pass_to(self._memory, time_s)

    def observed_lead(self, lead_s: float) -> None:
        """Plan for another launch time, as measured; bounded to 1 s to an hour."""
        self._memory.clock[at.LEAD] = min(max(lead_s, 1.0), _HOUR_S)

    def observed_forecast(self, time_s: float, mean: float, high: float) -> None:
        """Take a forecast of the requests within the next lead time; used for an hour at most.

        Parameters
        ----------
        mean, high
            Its mean or median, and an upper quantile. How far to trust them is learned.
        """
        if not (0.0 <= mean <= high < math.inf):
            raise ValueError(f"a forecast of {mean} to {high} requests makes no sense")
        self._memory.clock[[at.FORECAST, at.FORECAST_HIGH, at.FORECAST_AT]] = mean, high, time_s

    def observed_intents(self, time_s: float, chances: Sequence[float]) -> None:
        """Take each active person's chance to ask within the next lead time.

        Their sum is a feature whose worth is learned; and as many are held as the chances alone
        are worth at the price, so that a person about to act is served from the first day on.
        """
        if not all(0.0 <= chance <= 1.0 for chance in chances):
            raise ValueError("chances are from 0 to 1")
        pass_time(self._memory, time_s)
        self._memory.clock[at.INTENTS] = math.fsum(chances)
        self._intended = at_least(chances)

    @property
    def price_hits_per_s(self) -> float:
        """What an instance-second has to be worth, in hits, as of the last decision."""
        return float(self._memory.clock[at.PRICE])

    def need(self, count: int) -> list[float]:
        """Probability that the first, second, ... instance is needed within a lead time.

        As of the last decision: what each is worth times the lead time, never rising. The model's
        own word, too low while it is young; the price, made of the same worths, is as much too low,
        so that only need over price may be relied on.
        """
        clock = self._memory.clock
        per_s = level_values(self._slopes, count)
        need = np.minimum(1.0, per_s * clock[at.LEAD])
        foretold = np.array(self._intended[:count])
        need[: len(foretold)] = np.maximum(need[: len(foretold)], foretold)
        return list(np.maximum.accumulate(need[::-1])[::-1].tolist())

    @property
    def hit_rate(self) -> float | None:
        """Hit rate since the first day, forgetting slowly; None before."""
        clock = self._memory.clock
        return float(clock[at.PROMISED_HITS] / clock[at.PROMISED]) if clock[at.PROMISED] else None

    def target(self, time_s: float, position: Position) -> Decision:
        """Decide, given what is held now."""
        knobs, out = self.knobs, self._out
        fixed = knobs.price_hits_per_s or 0.0
        decide(
            self._memory, time_s, knobs.target_hit_rate, fixed, knobs.max_launch_ratio,
            knobs.keep_share, knobs.keeps_quiet_hours, out, self._slopes,
        )  # fmt: skip
        foretold = self._worth_of_intents(float(out[2]))
        size, why = self._bounded(max(int(out[0]), foretold), self._floor(), position)
        keep, _ = self._bounded(max(size, int(out[1])), 0, position)
        reason = self._reason(why)
        if knobs.observe_only:
            return Decision(0, 0, size, f"observing only: {reason}")
        launch = max(0, size - position.size)
        terminate = min(max(0, position.size - keep), position.terminable)
        if time_s - self._memory.clock[at.STARTED] >= WARM_UP_S:
            self._memory.clock[at.LAUNCHED] += launch
        return Decision(launch, terminate, size, reason)

    def _worth_of_intents(self, price: float) -> int:
        """Instances that the persons about to act are worth by themselves."""
        lead_s = float(self._memory.clock[at.LEAD])
        return sum(chance / lead_s > price for chance in self._intended)

    def _floor(self) -> int:
        """What a reactive policy holds, until the price is calibrated: the last crowd and one."""
        if self._out[4]:
            return 0
        return max(2, 1 + recent_requests(self._memory))

    def _bounded(self, size: int, floor: int, position: Position) -> tuple[int, str]:
        """The size within every bound, and which bound held ("" for none)."""
        knobs = self.knobs
        bounded, why = size, ""
        for least, name in (
            (floor, "reactive floor, not calibrated yet"),
            (knobs.min_size, "min"),
            (position.least, position.why_least),
        ):
            if bounded < least:
                bounded, why = least, name
        for most, name in (
            (knobs.max_size, "max"),
            (knobs.cap, "cap"),
            (position.most, position.why_most),
        ):
            if bounded > most:
                bounded, why = most, name
        return bounded, why

    def _reason(self, why: str) -> str:
        """What was seen, at which price, and the bound that held."""
        _, _, price, expected, _ = self._out.tolist()
        per_hour = price * _HOUR_S
        text = f"{expected:.3g} requests expected in a lead time; held where worth {per_hour:.3g} "
        text += "hits per instance-hour"
        if self.knobs.price_hits_per_s is None:
            text += f", which serves {self._memory.clock[at.ASKED]:.2%} of past requests"
        return f"{text}; bound by {why}" if why else text

    def to_bytes(self) -> bytes:
        """The learned state, versioned and compressed; about 50 to 250 KB."""
        return pack_memory(self._memory)

    @classmethod
    def from_bytes(cls, blob: bytes, knobs: ReserveKnobs) -> "ReservePolicy":
        """Restore what `to_bytes` wrote, to go on bit for bit.

        Raises
        ------
        ValueError
            If it is not a state of this version.
        """
        memory = unpack_memory(blob)
        policy = cls(knobs)
        policy._memory = memory
        return policy
