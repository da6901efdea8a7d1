"""Whether to start a likely program ahead of its user: expected saving against expected waste."""

from collections.abc import Iterable
from dataclasses import dataclass

from allocator.policy.arrival import WINDOWS_S, Arrival


@dataclass(frozen=True, slots=True)
class ShadowRun:
    """The first, side-effect-free steps of a program that a user may launch next.

    Parameters
    ----------
    key
        Identifies the run to the caller.
    probability
        That the user launches it within the window, calibrated.
    saving_s
        Seconds of waiting saved if so.
    sensitivity
        What this user's second of waiting costs.
    cost
        What the run costs, in the same currency; wasted if the user does something else.
    idle_cost
        What it is expected to cost until it is taken, if it is: an instance waits as well for who
        comes late.
    ttl_s
        For how long it is kept.
    """

    key: str
    probability: float
    saving_s: float
    sensitivity: float
    cost: float
    idle_cost: float = 0.0
    ttl_s: float = 900.0

    @property
    def value(self) -> float:
        """Expected gain: p x (saving x sensitivity - idle cost) - (1 - p) x cost."""
        gain = self.saving_s * self.sensitivity - self.idle_cost
        return self.probability * gain - (1.0 - self.probability) * self.cost


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is declared of a program's steps, added up.

    Parameters
    ----------
    saves_s
        Seconds saved once all are done.
    takes_s
        Seconds until then.
    cost_s
        Cost besides the instance's time, in seconds of waiting.
    ttl_s
        How long all of it is good for.
    rebuild_s
        Seconds to undo it.
    """

    saves_s: float
    takes_s: float
    cost_s: float
    ttl_s: float
    rebuild_s: float


def best_run(
    key: str, arrival: Arrival, steps: Preparation, sensitivity: float, price_s: float
) -> ShadowRun:
    """The run of a program that is worth most: how long to wait for the user is part of it.

    Parameters
    ----------
    arrival
        When the user is expected to launch it.
    price_s
        What an instance-minute is worth, in seconds of waiting.

    Examples
    --------
    >>> steps = Preparation(saves_s=20.0, takes_s=20.0, cost_s=0.0, ttl_s=900.0, rebuild_s=60.0)
    >>> soon, late = Arrival.of([0.8, 0.85, 0.85, 0.85]), Arrival.of([0.0, 0.1, 0.2, 0.9])
    >>> best_run("a", soon, steps, 1.0, price_s=5.0).ttl_s
    60.0
    >>> best_run("b", late, steps, 1.0, price_s=5.0).value < 0
    True
    """
    ends = [w for w in WINDOWS_S if w < steps.ttl_s] + [min(steps.ttl_s, WINDOWS_S[-1])]
    runs = [_run(key, arrival, steps, sensitivity, price_s, ttl_s) for ttl_s in ends]
    return max(runs, key=lambda run: (run.value, -run.ttl_s))


def _run(
    key: str, arrival: Arrival, steps: Preparation, sensitivity: float, price_s: float,
    ttl_s: float,
) -> ShadowRun:  # fmt: skip
    p = arrival.probability(ttl_s)
    share = steps.saves_s / steps.takes_s
    saved_s = share * arrival.saved_s(ttl_s, steps.takes_s)
    held_if_taken_s = arrival.held_s(ttl_s) - (1.0 - p) * ttl_s
    cost = (ttl_s + steps.rebuild_s) / 60.0 * price_s + steps.cost_s
    per_hit = 1.0 / p if p > 0.0 else 0.0
    idle_cost = held_if_taken_s * per_hit / 60.0 * price_s
    return ShadowRun(key, p, saved_s * per_hit, sensitivity, cost, idle_cost, ttl_s)


def choose_shadows(runs: Iterable[ShadowRun], budget: float, bar: float = 0.0) -> list[ShadowRun]:
    """The runs worth more than `bar`, best value per cost first, within the budget.

    A greedy knapsack (Dantzig 1957); ties keep the order of their keys, so that a replay chooses
    the same.

    Parameters
    ----------
    budget
        Most that the chosen runs may cost together.
    bar
        Least value.

    Examples
    --------
    >>> likely = ShadowRun("a", 0.8, 10.0, 1.0, 2.0)
    >>> unlikely = ShadowRun("b", 0.1, 10.0, 1.0, 2.0)
    >>> [run.key for run in choose_shadows([unlikely, likely], budget=5.0)]
    ['a']
    """
    worth = [run for run in runs if run.value > bar]
    worth.sort(key=lambda run: (-run.value / max(run.cost, 1e-9), run.key))
    chosen, spent = [], 0.0
    for run in worth:
        if spent + run.cost <= budget:
            chosen.append(run)
            spent += run.cost
    return chosen
