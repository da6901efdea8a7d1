"""Learns from hits and misses whether shadow runs pay, and which ones: the thresholds of a pool.

Three parts, each moving by bounded steps, so that none can swing:

- *Trust*: hits over the hits that were promised. A probability is multiplied by it before it is
  used. A ratio of sums that forget slowly follows a step or a ramp from one side and does not
  overshoot it, as no part of it is fed back into what is promised or comes true. A low trust starts
  nothing, and would learn nothing: what it alone holds back makes it forget as well, ten times as
  slowly, so that it tries again now and then and finds out when people can be foretold again.
- *Price*: what an instance-minute counts as, in seconds of waiting; a run is started where it
  promises more than it costs at this price. It follows from what is left of the budget alone: low
  while much is left, high when little is (pacing, as of Balseiro & Gur 2019), so that over long the
  budget is spent, and on the best. The budget that is left is the only thing that adds up, and it
  comes back to where spending equals income from either side without crossing it; a price that
  adds up as well swung by a factor of four for ever. What is under way counts as spent at once, so
  the delay until an outcome is known winds nothing up. Never below the operator's price.
- *Stop*: once the losses since the best time reach a limit, nothing is started for an hour, after
  the next loss for two, and so on, up to a week. What is lost in `T` hours of a world where
  shadowing never pays is at most (limit + runs under way) x (2 + log2 T).

An outage gives no outcomes, and runs that fail say nothing of people: neither moves anything.

References
----------
Balseiro, S. and Gur, Y. (2019). Learning in repeated auctions with budgets. Management Science 65.
Mannor, S. and Tsitsiklis, J. (2004): that any explorer has to pay at least the logarithm.
"""

import math

import msgspec

# Outcomes after which an old one counts half; and what the first trust, 1, is worth.
MEMORY = 200.0
PRIOR_PROMISED = 4.0
# Runs held back by trust alone after which an outcome counts half: 1 in some hundred is tried.
MEMORY_HELD_BACK = 2_000.0
# Prices while the budget is full, and when nothing is left. Steps of 20 s that are taken at once
# save 60 s a minute; the dearest price leaves only what is better still.
LEAST_PRICE_S, MOST_PRICE_S = 0.2, 100.0
FIRST_PAUSE_MS = 3_600_000
MOST_DOUBLINGS = 7  # 128 hours; the next would be more than a week
HOUR_MS = 3_600_000


class ShadowControl(msgspec.Struct, array_like=True):
    """Thresholds of one pool; a state of some numbers.

    Parameters
    ----------
    hits, promised
        Hits, and the sum of the probabilities that promised them, both forgetting.
    tokens
        What may be spent now, in the budget's unit; None before the first.
    at_ms
        When tokens were counted last.
    net, best
        Seconds won less lost since the last stop, and their most so far.
    stopped_until_ms, stops
        Nothing is started before; how often in a row it came to that.
    saved_s, wasted_s
        Seconds of waiting saved, and instance-seconds nobody took, since ever.
    taken, missed
        Runs that were and were not taken, since ever.

    Examples
    --------
    >>> control = ShadowControl()
    >>> for _ in range(40):
    ...     control.missed_run(0, promised=0.5, loss=1.0, loss_limit=1e9)
    >>> round(control.trust, 2)
    0.18
    """

    hits: float = 0.0
    promised: float = 0.0
    tokens: float | None = None
    at_ms: int = 0
    net: float = 0.0
    best: float = 0.0
    stopped_until_ms: int = 0
    stops: int = 0
    saved_s: float = 0.0
    wasted_s: float = 0.0
    taken: int = 0
    missed: int = 0

    @property
    def trust(self) -> float:
        """What a stated probability is multiplied by, from 0 to 1."""
        return min(1.0, (self.hits + PRIOR_PROMISED) / (self.promised + PRIOR_PROMISED))

    def is_stopped(self, now_ms: int) -> bool:
        """Tell whether it has stopped itself for now."""
        return now_ms < self.stopped_until_ms

    def price_s(self, least: float, most_tokens: float) -> float:
        """Return what an instance-minute counts as now, at least the operator's price.

        Parameters
        ----------
        least
            The operator's price.
        most_tokens
            What can be saved up.

        Examples
        --------
        >>> control = ShadowControl(tokens=30.0)
        >>> control.price_s(0.0, 30.0), control.price_s(5.0, 30.0)
        (0.2, 5.0)
        >>> control.spend(30.0); round(control.price_s(5.0, 30.0), 6)
        100.0
        """
        left = 1.0 if self.tokens is None else self.tokens / max(most_tokens, 1e-9)
        spent = 1.0 - min(max(left, 0.0), 1.0)
        price_s = LEAST_PRICE_S * math.pow(MOST_PRICE_S / LEAST_PRICE_S, spent)
        return max(price_s, least)

    def at_once(self, most: int) -> int:
        """Return how many runs may be under way: one on probation after a stop."""
        return min(most, 1) if self.stops else most

    def refill(self, now_ms: int, per_hour: float) -> float:
        """Let the budget grow with time, up to an hour's; return what may be spent now."""
        if self.tokens is None:
            self.tokens, self.at_ms = per_hour, now_ms
        passed_ms = max(now_ms - self.at_ms, 0)
        self.at_ms = max(now_ms, self.at_ms)
        self.tokens = min(per_hour, self.tokens + per_hour * passed_ms / HOUR_MS)
        return max(self.tokens, 0.0)

    def spend(self, cost: float) -> None:
        """Take what a run may cost at the most off the budget."""
        self.tokens = (self.tokens or 0.0) - cost

    def give_back(self, cost: float) -> None:
        """Give back what a run did not need."""
        self.tokens = (self.tokens or 0.0) + cost

    def taken_run(self, promised: float, gain: float, saved_s: float) -> None:
        """Learn that a run was taken.

        Parameters
        ----------
        promised
            The probability that was stated for it, before trust.
        gain
            What it won, in seconds of a normal person's waiting.
        saved_s
            Seconds that the person did not wait.
        """
        self._count(promised, hit=1.0)
        self.taken += 1
        self.saved_s += saved_s
        self.net += gain
        if self.net > self.best:
            self.best = self.net
            self.stops = 0

    def missed_run(self, now_ms: int, promised: float, loss: float, loss_limit: float) -> None:
        """Learn that nobody took a run; stop where that was one too many.

        Parameters
        ----------
        loss
            What it cost, in seconds of a normal person's waiting.
        loss_limit
            Most that may be lost since the best time.
        """
        self._count(promised, hit=0.0)
        self.missed += 1
        self.net -= loss
        if self.best - self.net >= loss_limit:
            pause_ms = FIRST_PAUSE_MS * 2 ** min(self.stops, MOST_DOUBLINGS)
            self.stopped_until_ms = now_ms + pause_ms
            self.stops += 1
            self.net = self.best = 0.0

    def held_back(self) -> None:
        """Learn that a run was not started for want of trust, and for nothing else.

        Examples
        --------
        >>> control = ShadowControl(hits=0.0, promised=36.0)
        >>> for _ in range(2_000): control.held_back()
        >>> round(control.promised, 6), round(control.trust, 2)
        (18.0, 0.18)
        """
        self._forget(MEMORY_HELD_BACK)

    def _count(self, promised: float, hit: float) -> None:
        self._forget(MEMORY)
        self.hits += hit
        self.promised += promised

    def _forget(self, memory: float) -> None:
        keep = 0.5 ** (1.0 / memory)
        self.hits *= keep
        self.promised *= keep
