"""What a pool's budgets of instance-hours still pay for."""

from collections.abc import Sequence

import msgspec

from allocator.policy.schedules import began_s
from schemas.budgets import Budget

_HOUR_S = 3_600.0
_DAY_S = 86_400.0


class Spent(msgspec.Struct):
    """Instance-seconds paid in the running stretch of each budget.

    Parameters
    ----------
    stretches
        Per budget, in their order: when its stretch began, and instance-seconds since.
    counted_to_s
        Up to when time was counted.
    """

    stretches: list[tuple[float, float]] = []
    counted_to_s: float = 0.0


def pay(spent: Spent, budgets: Sequence[Budget], time_s: float, held: int) -> None:
    """Count what `held` instances cost since the last call, at most an hour of it."""
    past_s = min(max(time_s - spent.counted_to_s, 0.0), _HOUR_S)
    spent.counted_to_s = max(spent.counted_to_s, time_s)
    if len(spent.stretches) != len(budgets):
        spent.stretches = [(-1.0, 0.0)] * len(budgets)
    for number, budget in enumerate(budgets):
        start_s = began_s(budget, time_s) if budget.instance_hours is not None else None
        if start_s is None:
            continue
        began, seconds = spent.stretches[number]
        # A stretch that began since the last call pays from its beginning.
        before = seconds if began == start_s else 0.0
        part_s = past_s if began == start_s else min(past_s, time_s - start_s)
        spent.stretches[number] = (start_s, before + part_s * held)


def affordable(spent: Spent, budgets: Sequence[Budget], time_s: float) -> tuple[int, str]:
    """Most instances that what is left pays for an hour, or for the rest of the stretch; whose.

    Examples
    --------
    >>> day = Budget(instance_hours=3.0)
    >>> spent = Spent()
    >>> pay(spent, [day], 3600.0, 0); pay(spent, [day], 7200.0, 2)
    >>> affordable(spent, [day], 7200.0)
    (1, 'budget of 3 instance-hours')
    """
    most, why = 2**31, ""
    for number, budget in enumerate(budgets):
        start_s = began_s(budget, time_s) if budget.instance_hours is not None else None
        if start_s is None or budget.instance_hours is None:
            continue
        began, seconds = spent.stretches[number] if spent.stretches else (-1.0, 0.0)
        left_s = budget.instance_hours * _HOUR_S - (seconds if began == start_s else 0.0)
        end_s = start_s + (budget.duration_s if budget.schedule else _DAY_S)
        count = int(max(0.0, left_s) // min(_HOUR_S, max(end_s - time_s, 1.0)))
        if count < most:
            most, why = count, f"budget of {budget.instance_hours:g} instance-hours"
    return most, why
