"""Which instances of the reserve run, which are paused or shelved, and which stay cold.

The n-th instance of a reserve is needed with a probability that falls with n. Each is kept in the
state that costs least: what holding it costs over one lead time, plus the wait that a user would
bear if it is needed (newsvendor by bands of demand; Serverless in the Wild, Shahrad et al. 2020,
keeps functions alive by the same trade).
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tier:
    """A state that an instance can be kept in.

    Parameters
    ----------
    name
        Such as active, paused, shelved or cold.
    activation_s
        Measured seconds from there to serving a user.
    hold_cost_per_hour
        What it costs to be kept there; 0 for cold.
    """

    name: str
    activation_s: float
    hold_cost_per_hour: float


def choose_tiers(
    need: Sequence[float], tiers: Sequence[Tier], wait_cost_per_s: float, period_s: float
) -> dict[str, int]:
    """How many instances to keep in each tier.

    Parameters
    ----------
    need
        Probability that the first, second, ... instance is needed within `period_s`,
        not rising.
    tiers
        Distinct names; at least one.
    wait_cost_per_s
        What one second of a user's waiting costs, in the currency of the hold costs.
    period_s
        Seconds after which the choice is made anew, one lead time or more.

    Returns
    -------
    Instances per tier's name; together len(need).

    Raises
    ------
    ValueError
        If there is no tier or a number makes no sense.

    Examples
    --------
    >>> tiers = [Tier("active", 0, 1.0), Tier("paused", 2, 0.4), Tier("cold", 90, 0.0)]
    >>> choose_tiers([0.9, 0.2, 0.001], tiers, wait_cost_per_s=0.01, period_s=90)
    {'active': 1, 'paused': 1, 'cold': 1}
    """
    if not tiers:
        raise ValueError("no tier to choose from")
    if wait_cost_per_s < 0 or period_s <= 0 or not all(0.0 <= p <= 1.0 for p in need):
        raise ValueError("costs can't be negative, probabilities are from 0 to 1")
    counts = {tier.name: 0 for tier in tiers}
    for probability in need:
        best = min(tiers, key=lambda t: _cost(t, probability, wait_cost_per_s, period_s))
        counts[best.name] += 1
    return counts


def _cost(tier: Tier, probability: float, wait_cost_per_s: float, period_s: float) -> float:
    """Expected cost of one instance over the period, held until it is needed."""
    holding = tier.hold_cost_per_hour * period_s / 3600.0
    return holding + probability * tier.activation_s * wait_cost_per_s
