"""Plays shadow runs over a recording under a budget, chosen by value.

One run is an instance held for one user: prepared for a program, taken by its launch, or given up.
What is wasted is every second that nobody uses: the wait of a prepared instance until it is taken,
or all of a run nobody takes and the rebuild after it.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from allocator.policy.arrival import Arrival
from allocator.policy.shadow import Preparation, Wait, best_hold, best_run, waits
from allocator.policy.shadow_control import ShadowControl
from streams.backtest.programs_rows import Launch
from streams.models.programs import Candidate

# What is not spent is saved up for so many launches.
SAVED_UP = 1_000
# A run's value falls with its rank: the fifth most likely is rarely worth it.
MOST_CANDIDATES = 5


@dataclass(slots=True)
class Run:
    """An instance held for a user's next launch of a program.

    Parameters
    ----------
    row
        Row after which it was started.
    until_s
        When it is given up; no launch at or after that takes it.
    promised
        Stated probability.
    reserved
        Instance-minutes that were taken off the budget.
    saved_s, wasted_min, hit
        What became of it.
    """

    row: int
    user: str
    program: str
    start_s: float
    until_s: float
    promised: float
    reserved: float
    hit: bool = False
    saved_s: float = 0.0
    wasted_min: float = 0.0


@dataclass(slots=True)
class Budget:
    """Instance-minutes that may be wasted, a share of which comes with every launch."""

    per_launch: float
    left: float = 0.0

    def __post_init__(self) -> None:
        self.left = self.most / 2

    @property
    def most(self) -> float:
        """What can be saved up."""
        return SAVED_UP * self.per_launch

    def grow(self) -> None:
        """Add what a launch brings."""
        self.left = min(self.most, self.left + self.per_launch)


class Policy(Protocol):
    """Decides what is prepared after each launch."""

    def decide(self, place: int, held: dict[str, Run], budget: Budget) -> None:
        """Change what is held for the user of a launch."""

    def settled(self, run: Run) -> None:
        """Learn what became of a run."""


@dataclass(slots=True)
class Replay:
    """One policy under one budget."""

    launches: Sequence[Launch]
    steps: Preparation
    budget: Budget
    runs: list[Run] = field(default_factory=list)
    held: dict[str, dict[str, Run]] = field(default_factory=lambda: defaultdict(dict))

    def play(self, policy: Policy) -> list[Run]:
        """Play all launches; what is held at the end is given up in its time."""
        for place in range(len(self.launches)):
            self.step(place, policy)
        for mine in self.held.values():
            for run in mine.values():
                self._give_up(policy, run, run.until_s)
        return self.runs

    def step(self, place: int, policy: Policy) -> None:
        """Play one launch."""
        launch = self.launches[place]
        self.budget.grow()
        mine = self.held[launch.user]
        self._settle(policy, mine, launch)
        before = dict(mine)
        policy.decide(place, mine, self.budget)
        for name, run in before.items():
            if mine.get(name) is not run:
                self._give_up(policy, run, launch.time_s)
        self.runs += [run for name, run in mine.items() if before.get(name) is not run]

    def _settle(self, policy: Policy, mine: dict[str, Run], launch: Launch) -> None:
        for name, run in list(mine.items()):
            if run.until_s <= launch.time_s:
                self._give_up(policy, mine.pop(name), run.until_s)
        taken = mine.pop(launch.program, None)
        if taken is not None:
            elapsed_s = launch.time_s - taken.start_s
            done = min(elapsed_s / self.steps.takes_s, 1.0)
            taken.hit, taken.saved_s = True, done * self.steps.saves_s
            taken.wasted_min = max(elapsed_s - self.steps.takes_s, 0.0) / 60.0
            self._close(policy, taken)

    def _give_up(self, policy: Policy, run: Run, at_s: float) -> None:
        run.wasted_min = (min(at_s, run.until_s) - run.start_s + self.steps.rebuild_s) / 60.0
        self._close(policy, run)

    def _close(self, policy: Policy, run: Run) -> None:
        self.budget.left += run.reserved - run.wasted_min
        policy.settled(run)


def start(launch: Launch, program: str, ttl_s: float, promised: float, steps: Preparation) -> Run:
    """Return a run that begins with a launch and waits at most `ttl_s`."""
    reserved = (ttl_s + steps.rebuild_s) / 60.0
    return Run(launch.row, launch.user, program, launch.time_s, launch.time_s + ttl_s, promised,
               reserved)  # fmt: skip


Options = list[list[tuple[str, Arrival, tuple[Wait, ...]]]]


def options_of(after: Sequence[Sequence[Candidate]], steps: Preparation) -> Options:
    """Return, for each launch, the candidates that may come and what each wait would bring."""
    return [
        [_option(candidate, steps) for candidate in candidates[:MOST_CANDIDATES]]
        for candidates in after
    ]


def _option(candidate: Candidate, steps: Preparation) -> tuple[str, Arrival, tuple[Wait, ...]]:
    windows = (candidate.p_1m, candidate.p_5m, candidate.p_15m, candidate.p_60m)
    arrival = Arrival.of(windows)
    return candidate.program, arrival, waits(arrival, steps)


@dataclass(slots=True)
class ByValue:
    """The allocator's own choice: expected saving against expected waste, at the budget's price.

    Parameters
    ----------
    least_price_s
        Least that an instance-minute counts as at each launch, in seconds of waiting.
    """

    launches: Sequence[Launch]
    options: Options
    steps: Preparation
    least_price_s: Sequence[float]
    control: ShadowControl = field(default_factory=ShadowControl)

    def decide(self, place: int, held: dict[str, Run], budget: Budget) -> None:
        """Drop what is not worth waiting for any more, start what is worth it."""
        launch, options = self.launches[place], self.options[place]
        self.control.tokens = budget.left
        price_s = self.control.price_s(self.least_price_s[place], budget.most)
        trust = self.control.trust
        self._keep(launch, options, held, price_s, trust)
        runs = [
            (best_run(program, choices, self.steps, 1.0, price_s, trust), choices)
            for program, _, choices in options
            if program not in held
        ]
        for run, choices in sorted(runs, key=lambda pair: (-pair[0].value, pair[0].key)):
            fresh = start(launch, run.key, run.ttl_s, _stated(choices, run.ttl_s), self.steps)
            if run.value > 0.0 and fresh.reserved <= budget.left:
                held[run.key] = fresh
                budget.left -= fresh.reserved

    def settled(self, run: Run) -> None:
        """Let the control learn from an outcome."""
        if run.hit:
            self.control.taken_run(run.promised, run.saved_s, run.saved_s)
        else:
            self.control.missed_run(0, run.promised, 0.0, 1.0)

    def _keep(
        self, launch: Launch, options: list[tuple[str, Arrival, tuple[Wait, ...]]],
        held: dict[str, Run], price_s: float, trust: float,
    ) -> None:  # fmt: skip
        arrivals = {program: arrival for program, arrival, _ in options}
        for program, run in list(held.items()):
            arrival, left_s = arrivals.get(program), run.until_s - launch.time_s
            more_s = 0.0
            if arrival is not None:
                more_s = best_hold(arrival, self.steps, left_s, 1.0, price_s, trust)
            if more_s <= 0.0:
                del held[program]
            else:
                run.until_s = min(run.until_s, launch.time_s + more_s)


def _stated(choices: Sequence[Wait], ttl_s: float) -> float:
    return next(wait.probability for wait in choices if wait.ttl_s == ttl_s)
