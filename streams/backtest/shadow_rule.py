"""The rule to beat: always prepare the most frequent next program; and what it earns."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from allocator.policy.shadow import Preparation
from streams.backtest.programs_rows import Launch
from streams.backtest.shadow_play import Budget, Replay, Run, start

TTLS_S = (60.0, 300.0, 900.0)
# Instance-minutes wasted after which a second that was saved counts half.
MEMORY_MIN = 2_000.0
# Before anything is known: what the rule is taken to earn, and for how many minutes that counts.
FIRST_S_PER_MIN, FIRST_MIN = 5.0, 20.0
# What is saved grows about as the root of what is wasted (desktop_apps, LANL CM-5: exponents of
# 0.4 to 0.8), and then the last minute saves half of what all of them save in the mean.
LAST_TO_MEAN = 0.5


@dataclass(slots=True)
class Followers:
    """What followed what, and which of it most often; of equals the last by name."""

    counts: dict[object, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    leaders: dict[object, str] = field(default_factory=dict)

    def add(self, key: object, program: str) -> None:
        """Count a program that followed."""
        counts, leader = self.counts[key], self.leaders.get(key, program)
        counts[program] += 1
        self.leaders[key] = max(leader, program, key=lambda name: (counts[name], name))


@dataclass(slots=True)
class MostFrequent:
    """Always prepares what has followed the present program most often, for a fixed time.

    The user's own followers count, else everybody's. Who is prepared for the same already is left
    at that.
    """

    launches: Sequence[Launch]
    steps: Preparation
    ttl_s: float
    followers: Followers = field(default_factory=Followers)
    last: dict[str, str] = field(default_factory=dict)
    saved_s: float = 0.0
    wasted_min: float = 0.0

    def decide(self, place: int, held: dict[str, Run], budget: Budget) -> None:
        """Prepare the most frequent follower, as long as there is budget."""
        launch = self.launches[place]
        before = self.last.get(launch.user)
        if before is not None:
            self.followers.add((launch.user, before), launch.program)
            self.followers.add(before, launch.program)
        self.last[launch.user] = launch.program
        leaders = self.followers.leaders
        best = leaders.get((launch.user, launch.program)) or leaders.get(launch.program)
        for other in [name for name in held if name != best]:
            del held[other]
        if best is None or best in held:
            return
        fresh = start(launch, best, self.ttl_s, 1.0, self.steps)
        if fresh.reserved <= budget.left:
            held[best] = fresh
            budget.left -= fresh.reserved

    def settled(self, run: Run) -> None:
        """Add up what was saved and wasted lately; it learns nothing of it."""
        keep = math.pow(0.5, run.wasted_min / MEMORY_MIN)
        self.saved_s = self.saved_s * keep + run.saved_s
        self.wasted_min = self.wasted_min * keep + run.wasted_min

    @property
    def s_per_min(self) -> float:
        """Seconds saved a minute wasted, lately."""
        saved_s = self.saved_s + FIRST_S_PER_MIN * FIRST_MIN
        return saved_s / (self.wasted_min + FIRST_MIN)


def least_prices(launches: Sequence[Launch], steps: Preparation) -> list[float]:
    """What an instance-minute has to save at least at each launch, in seconds of waiting.

    Minutes that nobody else wants have no price, and yet are no good where the simplest rule makes
    more of them. So that rule is followed beside, unlimited and only in thought, for each time that
    it may wait; what the best of them earns a minute, times what the last minute is worth of that,
    is the least. It is known from launches alone: no run is needed to learn it.

    Examples
    --------
    >>> from allocator.policy.shadow import Preparation
    >>> steps = Preparation(saves_s=20.0, takes_s=20.0, cost_s=0.0, ttl_s=900.0, rebuild_s=60.0)
    >>> often = [Launch(k, "ann", "ab"[k % 2], 40.0 * k) for k in range(900)]
    >>> never = [Launch(k, "ann", f"p{k}", 40.0 * k) for k in range(900)]
    >>> least_prices(often, steps)[-1] > 10.0, least_prices(never, steps)[-1]
    (True, 2.5)
    """
    rules = [MostFrequent(launches, steps, ttl_s) for ttl_s in TTLS_S]
    replays = [Replay(launches, steps, Budget(math.inf)) for _ in TTLS_S]
    prices = []
    for place in range(len(launches)):
        prices.append(LAST_TO_MEAN * max(rule.s_per_min for rule in rules))
        for rule, replay in zip(rules, replays, strict=True):
            replay.step(place, rule)
    return prices
