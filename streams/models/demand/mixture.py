"""Online mixtures of the experts, one a quantile level, under delayed feedback.

ML-Poly (Gaillard, Stoltz and van Erven 2014, "A second-order bound with excess losses") with and
without discount, and BOA (Wintenberger 2017, "Optimal learning with Bernstein online aggregation")
with and without, all on linearised pinball loss.
"""

import math

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.demand.sorted_window import Floats

Float3 = npt.NDArray[np.float64]

# (BOA rather than ML-Poly, discount, share that is given to all alike)
RULES = (
    (False, 1.0, 0.0), (False, 0.999, 0.0), (True, 1.0, 0.0), (True, 0.998, 0.02),
    (False, 1.0, 0.0), (False, 0.999, 0.0),
)  # fmt: skip
# The last two rules keep a book for each quarter of the day: which expert is good at night is not
# who is good by day (absolute error at h = 1: .857 of naive without them, .849 with).
WHOLE_DAY_RULES, QUARTERS = 4, 4
IS_BOA = np.array([boa for boa, _, _ in RULES])
KEEP = np.array([keep for _, keep, _ in RULES])
SHARE = np.array([share for *_, share in RULES])
RULE_COUNT = len(RULES)
POLY_COUNT = sum(not boa for boa, _, _ in RULES)
BOOKS = WHOLE_DAY_RULES + (RULE_COUNT - WHOLE_DAY_RULES) * QUARTERS
# Slots of an expert's account.
REGRET, SQUARES, LARGEST, WEIGHT = range(4)
SLOTS = 4


def new_accounts(experts: int) -> Float3:
    """Return accounts of shape (BOOKS, 3 levels, experts, SLOTS) without regret, weights alike."""
    accounts = np.zeros((BOOKS, 3, experts, SLOTS))
    accounts[..., SQUARES] = 1e-8
    accounts[..., LARGEST] = 1e-8
    accounts[..., WEIGHT] = 1.0 / experts
    return accounts


@kernel
def book_of(rule: int, slot: int, day: int) -> int:
    """Where a rule keeps its accounts at an hour of the week, in a day of `day` steps."""
    if rule < WHOLE_DAY_RULES:
        return rule
    quarter = slot % day * QUARTERS // day
    return WHOLE_DAY_RULES + (rule - WHOLE_DAY_RULES) * QUARTERS + quarter


@kernel
def _rate(account: Floats, experts: int) -> float:
    largest = 1.0 / (2.0 * account[LARGEST])
    return float(min(largest, math.sqrt(math.log(experts) / account[SQUARES])))


@kernel
def _enter(account: Floats, regret: float, rule: int, experts: int) -> None:
    keep = KEEP[rule]
    account[REGRET] *= keep
    account[SQUARES] = account[SQUARES] * keep + regret * regret
    if IS_BOA[rule]:
        account[LARGEST] = max(account[LARGEST], abs(regret))
        account[REGRET] += regret - _rate(account, experts) * regret * regret
    else:
        account[LARGEST] = max(account[LARGEST] * keep, regret * regret)
        account[REGRET] += regret


@kernel
def _weigh_boa(accounts: Float3) -> None:
    experts = len(accounts)
    best = -1e300
    for k in range(experts):
        accounts[k, WEIGHT] = _rate(accounts[k], experts) * accounts[k, REGRET]
        best = max(best, accounts[k, WEIGHT])
    for k in range(experts):
        accounts[k, WEIGHT] = _rate(accounts[k], experts) * math.exp(accounts[k, WEIGHT] - best)


@kernel
def _weigh(accounts: Float3, rule: int) -> None:
    experts = len(accounts)
    if IS_BOA[rule]:
        _weigh_boa(accounts)
    else:
        for k in range(experts):
            account = accounts[k]
            account[WEIGHT] = max(account[REGRET], 0.0) / (account[LARGEST] + account[SQUARES])
    total = 0.0
    for k in range(experts):
        total += accounts[k, WEIGHT]
    for k in range(experts):
        if total > 0.0:
            share = SHARE[rule] / experts
            accounts[k, WEIGHT] = (1.0 - SHARE[rule]) * accounts[k, WEIGHT] / total + share
        else:
            accounts[k, WEIGHT] = 1.0 / experts


@kernel
def learn_outcome(
    accounts: Float3, rule: int, level: float, outcome: float, mixed: float, stated: Floats
) -> None:
    """Enter what each expert would have gained over the mixture.

    Parameters
    ----------
    accounts
        Of one rule and level, shape (experts, SLOTS).
    outcome, mixed, stated
        What came, what the mixture had forecast, and what the experts had, shape (experts,), all in
        units of the series' spread.
    """
    slope = (1.0 if outcome < mixed else 0.0) - level
    for k in range(len(accounts)):
        regret = min(max(slope * (mixed - stated[k]), -5.0), 5.0)
        _enter(accounts[k], regret, rule, len(accounts))
    _weigh(accounts, rule)


@kernel
def mix(accounts: Float3, stated: Floats) -> float:
    """Weighted mean of what the experts state."""
    total = 0.0
    for k in range(len(accounts)):
        total += accounts[k, WEIGHT] * stated[k]
    return total
