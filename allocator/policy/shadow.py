"""Whether to start a likely program ahead of its user: expected saving against expected waste."""

from collections.abc import Iterable, Sequence
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


@dataclass(frozen=True, slots=True)
class Wait:
    """One of the times that a run may wait for its user, and what is expected then.

    Parameters
    ----------
    ttl_s
        For how long.
    probability
        That the user comes by then.
    saved_s, idle_s
        Expected seconds saved, and seconds that the instance waits for a user who does come; both
        count 0 for one who does not.
    """

    ttl_s: float
    probability: float
    saved_s: float
    idle_s: float


def waits(arrival: Arrival, steps: Preparation) -> tuple[Wait, ...]:
    """The times worth considering: up to each window that a probability is known for, and the TTL.

    Parameters
    ----------
    arrival
        When the user is expected to launch it.
    """
    ends = [w for w in WINDOWS_S if w < steps.ttl_s] + [min(steps.ttl_s, WINDOWS_S[-1])]
    return tuple(_wait(arrival, steps, ttl_s) for ttl_s in ends)


def _wait(arrival: Arrival, steps: Preparation, ttl_s: float) -> Wait:
    p = arrival.probability(ttl_s)
    saved_s = steps.saves_s / steps.takes_s * arrival.saved_s(ttl_s, steps.takes_s)
    return Wait(ttl_s, p, saved_s, arrival.held_s(ttl_s) - (1.0 - p) * ttl_s)


def best_run(
    key: str, options: Sequence[Wait], steps: Preparation, sensitivity: float, price_s: float,
    trust: float = 1.0,
) -> ShadowRun:  # fmt: skip
    """The run of a program that is worth most: how long to wait for the user is part of it.

    Parameters
    ----------
    options
        From `waits`.
    price_s
        What an instance-minute is worth, in seconds of waiting.
    trust
        What the stated probabilities are multiplied by, from 0 to 1.

    Examples
    --------
    >>> steps = Preparation(saves_s=20.0, takes_s=20.0, cost_s=0.0, ttl_s=900.0, rebuild_s=60.0)
    >>> soon, late = Arrival.of([0.8, 0.85, 0.85, 0.85]), Arrival.of([0.0, 0.1, 0.2, 0.9])
    >>> best_run("a", waits(soon, steps), steps, 1.0, price_s=5.0).ttl_s
    60.0
    >>> best_run("b", waits(late, steps), steps, 1.0, price_s=5.0).value < 0
    True
    """
    runs = (_run(key, wait, steps, sensitivity, price_s, trust) for wait in options)
    return max(runs, key=lambda run: (run.value, -run.ttl_s))


def _run(
    key: str, wait: Wait, steps: Preparation, sensitivity: float, price_s: float, trust: float
) -> ShadowRun:
    per_hit = 1.0 / wait.probability if wait.probability > 0.0 else 0.0
    cost = (wait.ttl_s + steps.rebuild_s) / 60.0 * price_s + steps.cost_s
    idle_cost = wait.idle_s * per_hit / 60.0 * price_s
    p = trust * wait.probability
    return ShadowRun(key, p, wait.saved_s * per_hit, sensitivity, cost, idle_cost, wait.ttl_s)


def best_hold(
    arrival: Arrival, steps: Preparation, left_s: float, sensitivity: float, price_s: float,
    trust: float = 1.0,
) -> float:  # fmt: skip
    """For how many seconds more a prepared instance is worth keeping for its user; 0: undo it now.

    A rebuild is due unless the user comes, so that is won as well if he does.

    Examples
    --------
    >>> steps = Preparation(saves_s=20.0, takes_s=20.0, cost_s=0.0, ttl_s=900.0, rebuild_s=60.0)
    >>> best_hold(Arrival.of([0.6, 0.9, 0.9, 0.9]), steps, 800.0, 1.0, price_s=5.0)
    300.0
    >>> best_hold(Arrival.of([0.0, 0.0, 0.0, 0.0]), steps, 800.0, 1.0, price_s=5.0)
    0.0
    """
    won_s = steps.saves_s * sensitivity + steps.rebuild_s / 60.0 * price_s
    best, best_s = 0.0, 0.0
    for ttl_s in [w for w in WINDOWS_S if w < left_s] + [left_s]:
        p = trust * arrival.probability(ttl_s)
        value = p * won_s - arrival.held_s(ttl_s) / 60.0 * price_s
        if value > best:
            best, best_s = value, ttl_s
    return best_s


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
