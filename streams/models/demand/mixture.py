"""Online mixtures of the experts, one a quantile level, under delayed feedback.

ML-Poly (Gaillard, Stoltz and van Erven 2014, "A second-order bound with excess losses") on
linearised pinball loss, by rules that differ in how fast they forget and in what they keep apart.
"""

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.demand.sorted_window import Floats

# Accounts are of single precision: there are many books, and a regret needs no more.
Accounts = npt.NDArray[np.float32]

# How a rule keeps books: one, one for each quarter of the day, and the same on weekends apart: who
# is good at night is not who is good by day (absolute error at h = 1: .857 of naive with one book).
WHOLE, QUARTERS, WEEKEND_QUARTERS = 0, 1, 2
BOOKS_OF = (1, 4, 8)
# (discount, books)
RULES = (
    (1.0, QUARTERS), (0.999, QUARTERS), (0.99, QUARTERS),
    (1.0, WEEKEND_QUARTERS), (0.999, WEEKEND_QUARTERS),
    (0.99, WHOLE), (0.97, WHOLE),
)  # fmt: skip
KEEP = np.array([keep for keep, _ in RULES])
PARTITION = np.array([books for _, books in RULES])
RULE_COUNT = len(RULES)
FIRST_BOOK = np.cumsum([0, *(BOOKS_OF[books] for _, books in RULES)])
BOOKS = int(FIRST_BOOK[-1])
# The rules themselves are mixed by ML-Poly with discount; half of the weight stays alike.
RULE_KEEP, RULE_SHARE = 0.999, 0.5
# Slots of an expert's account.
REGRET, SQUARES, LARGEST, WEIGHT = range(4)
SLOTS = 4


def new_accounts(experts: int) -> Accounts:
    """Return accounts of shape (BOOKS, 3 levels, experts, SLOTS) without regret, weights alike."""
    accounts = np.zeros((BOOKS, 3, experts, SLOTS), np.float32)
    accounts[..., SQUARES] = 1e-8
    accounts[..., LARGEST] = 1e-8
    accounts[..., WEIGHT] = 1.0 / experts
    return accounts


def new_rule_accounts() -> Accounts:
    """Return accounts of the rules, of shape (3 levels, RULE_COUNT, SLOTS)."""
    accounts = np.zeros((3, RULE_COUNT, SLOTS), np.float32)
    accounts[..., SQUARES] = 1e-8
    accounts[..., LARGEST] = 1e-8
    accounts[..., WEIGHT] = 1.0 / RULE_COUNT
    return accounts


@kernel
def book_of(rule: int, slot: int, day: int) -> int:
    """Where a rule keeps its accounts at an hour of the week, in a day of `day` steps."""
    first = FIRST_BOOK[rule]
    if PARTITION[rule] == WHOLE:
        return int(first)
    quarter = slot % day * 4 // day
    if PARTITION[rule] == WEEKEND_QUARTERS and slot >= 5 * day:
        quarter += 4
    return int(first + quarter)


@kernel
def _enter(account: Accounts, regret: float, keep: float) -> None:
    """Enter a regret and set the weight, not yet normed."""
    account[REGRET] = account[REGRET] * keep + regret
    account[SQUARES] = account[SQUARES] * keep + regret * regret
    account[LARGEST] = max(account[LARGEST] * keep, regret * regret)
    account[WEIGHT] = max(account[REGRET], 0.0) / (account[LARGEST] + account[SQUARES])


@kernel
def _norm(accounts: Accounts, share: float) -> None:
    """Let the weights add up to 1, of which `share` is given to all alike."""
    count = len(accounts)
    total = 0.0
    for k in range(count):
        total += accounts[k, WEIGHT]
    for k in range(count):
        own = accounts[k, WEIGHT] / total if total > 0.0 else 1.0 / count
        accounts[k, WEIGHT] = share / count + (1.0 - share) * own


@kernel
def _learn(
    accounts: Accounts, keep: float, share: float, level: float, outcome: float, mixed: float,
    stated: Floats,
) -> None:  # fmt: skip
    slope = (1.0 if outcome < mixed else 0.0) - level
    for k in range(len(accounts)):
        regret = min(max(slope * (mixed - stated[k]), -5.0), 5.0)
        _enter(accounts[k], regret, keep)
    _norm(accounts, share)


@kernel
def learn_outcome(
    accounts: Accounts, rule: int, level: float, outcome: float, mixed: float, stated: Floats
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
    _learn(accounts, KEEP[rule], 0.0, level, outcome, mixed, stated)


@kernel
def learn_rules(accounts: Accounts, level: float, outcome: float, mixed: float, by: Floats) -> None:
    """Enter what each rule would have gained over the mixture of all rules.

    Parameters
    ----------
    accounts
        Of one level, shape (RULE_COUNT, SLOTS).
    outcome, mixed, by
        What came, what all rules together stated, and what each did, in units of the spread.
    """
    _learn(accounts, RULE_KEEP, RULE_SHARE, level, outcome, mixed, by)


@kernel
def mix(accounts: Accounts, stated: Floats) -> float:
    """Weighted mean of what the experts state."""
    total = 0.0
    for k in range(len(accounts)):
        total += accounts[k, WEIGHT] * stated[k]
    return total
