"""Whether to start a likely program ahead of its user: expected saving against expected waste."""

from collections.abc import Iterable
from dataclasses import dataclass


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
    """

    key: str
    probability: float
    saving_s: float
    sensitivity: float
    cost: float

    @property
    def value(self) -> float:
        """Expected gain: p x saving x sensitivity - (1 - p) x cost."""
        gain = self.probability * self.saving_s * self.sensitivity
        return gain - (1.0 - self.probability) * self.cost


def choose_shadows(runs: Iterable[ShadowRun], budget: float, bar: float = 0.0) -> list[ShadowRun]:
    """The runs worth more than `bar`, best value per cost first, within the budget.

    A greedy knapsack (Dantzig 1957); ties keep the order of their keys, so that a replay chooses
    the same.

    Parameters
    ----------
    budget
        Most that the chosen runs may cost together.
    bar
        Least value, raised when too many runs are wasted (`raised_bar`).

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


def raised_bar(bar: float, *, wasted: bool, most_wasted: float, step: float) -> float:
    """The bar after one outcome: in the long run at most `most_wasted` of the runs are wasted.

    Quantile tracking (Gibbs & Candes 2021): up by step x (1 - most_wasted) after a wasted run,
    down by step x most_wasted after a used one.

    Examples
    --------
    >>> raised_bar(0.0, wasted=True, most_wasted=0.2, step=1.0)
    0.8
    >>> raised_bar(0.1, wasted=False, most_wasted=0.2, step=1.0)
    0.0
    """
    return max(0.0, bar + step * ((1.0 - most_wasted) if wasted else -most_wasted))
