"""Keeps the promised hit rate: the price that serves it, corrected by what was hit.

The price is a quantile, over past requests, of the highest price that would have served each:
split conformal prediction, over all and by hour of the day (Mondrian, Vovk 2012). Two corrections
follow what happened: hits owed are made up over the coming requests, and the share of misses asked
for is divided by the ratio of misses seen to asked (units kept from busier states serve too:
without it 95 % asked gave 97 % on NASA iPSC at a fifth more cost).
"""

import numpy as np
import numpy.typing as npt

from allocator.policy import layout as at
from allocator.policy.compiled import kernel
from allocator.policy.memory import PRICE_BINS, Memory

Floats = npt.NDArray[np.float64]

WARM_UP_S = 86_400.0  # nothing is promised on the first day
_BIN = 0.05  # of the log price
_LOWEST = -20.0
_MOST_COUNTED = 200_000.0  # requests in a histogram, before its counts are halved
_PROMISE_MEMORY = 1.0 - 1.0 / 200_000.0  # requests
_PATIENCE = 1_500.0  # requests over which a debt is paid at the earliest
_SHRINK = 30.0  # misses
_USUAL_MEMORY_S = 20 * 86_400.0
_USUAL_AFTER = 200.0  # requests, before a usual price is known
_LOG_BELOW_USUAL = 1.0
_HOUR_SHORT = 0.035  # how far below the promise an hour of the day may be
_HOUR_PATIENCE = 20.0
_HOUR_SHRINK = 20.0  # requests
_HOUR_DISCOUNT = 3.0  # of the log price, at most
# Where an hour is further below all the same: SURF 2022's third, 7.3 points at 95 %, became 4.7.
_HOUR_LATE = 0.04
_HOUR_EVIDENCE = 300.0  # requests as promised, that its own are added to
_HOUR_GROWTH = 2.0  # of the log price, for each point further below
_HOUR_DEEPEST = 3.0  # of the log price
_LATE_MISSES = 0.25  # of those promised, asked for from a point further below on


@kernel
def report(clock: Floats, hit: bool) -> None:
    """Count a served request towards the promise."""
    if clock[at.NOW] - clock[at.STARTED] < WARM_UP_S:
        return
    served = 1.0 if hit else 0.0
    clock[at.PROMISED] = clock[at.PROMISED] * _PROMISE_MEMORY + 1.0
    clock[at.PROMISED_HITS] = clock[at.PROMISED_HITS] * _PROMISE_MEMORY + served
    clock[at.LAUNCHED] *= _PROMISE_MEMORY
    clock[at.MISSES] = clock[at.MISSES] * _PROMISE_MEMORY + 1.0 - served
    clock[at.ASKED_MISSES] = clock[at.ASKED_MISSES] * _PROMISE_MEMORY + 1.0 - clock[at.ASKED]


@kernel
def note_price(memory: Memory, hour: int, worth: float) -> None:
    """Note the highest price that would have served a request of an hour of the day."""
    slot = int((np.log(max(worth, 1e-12)) - _LOWEST) / _BIN)
    slot = min(max(slot, 0), PRICE_BINS - 1)
    for row in (0, 1 + hour):
        counts = memory.prices[row]
        counts[slot] += 1.0
        if counts[slot] > _MOST_COUNTED / PRICE_BINS and counts.sum() > _MOST_COUNTED:
            counts *= 0.5


@kernel
def asked_hit_rate(clock: Floats, target: float) -> float:
    """The hit rate to ask of the price now, so that `target` holds over all.

    Examples
    --------
    >>> clock = np.zeros(at.CLOCK)
    >>> clock[[at.PROMISED, at.PROMISED_HITS]] = 1000, 930
    >>> asked_hit_rate(clock, 0.95) > 0.95
    True
    """
    misses = 1.0 - target
    owed = target * clock[at.PROMISED] - clock[at.PROMISED_HITS]
    asked = target + owed / max(0.1 * clock[at.PROMISED], _PATIENCE)
    asked = min(max(asked, 1.0 - 2.0 * misses), 1.0 - 0.4 * misses)
    ratio = (clock[at.MISSES] + _SHRINK) / (clock[at.ASKED_MISSES] + _SHRINK)
    return float(min(max(1.0 - (1.0 - asked) / ratio, 0.3), 1.0 - 0.02 * misses))


@kernel
def price_serving(prices: Floats, share: float) -> float:
    """The highest price at which `share` of the past requests would have been served."""
    wanted = share * prices.sum()
    served = 0.0
    for slot in range(PRICE_BINS - 1, -1, -1):
        if served + prices[slot] >= wanted:
            within = (wanted - served) / max(prices[slot], 1e-12)
            return float(np.exp(_LOWEST + _BIN * (slot + 1.0 - within)))
        served += prices[slot]
    return float(np.exp(_LOWEST))


@kernel
def _near_usual(memory: Memory, price: float) -> float:
    """The price, but not far below its mean of the last weeks.

    One crowd that nothing announced (64 where 11 had been the most, LANL) would else drop the
    price a hundredfold, and pay fifty instances for weeks that serve nobody: 1.13 of the best
    simple policy's cost at 99 % instead of 0.64.
    """
    clock = memory.clock
    log_price = np.log(price)
    if memory.prices[0].sum() < _USUAL_AFTER or clock[at.USUAL_LOG_PRICE] == 0.0:
        clock[at.USUAL_LOG_PRICE] = log_price
        return price
    usual = clock[at.USUAL_LOG_PRICE]
    log_price = max(log_price, usual - _LOG_BELOW_USUAL)
    past_s = min(max(clock[at.NOW] - clock[at.PRICED_AT], 0.0), _USUAL_MEMORY_S)
    clock[at.USUAL_LOG_PRICE] += (log_price - usual) * past_s / _USUAL_MEMORY_S
    return float(np.exp(log_price))


@kernel
def hour_depth(seen: float, hits: float, target: float) -> float:
    """How much further the log price of an hour may fall that is too far below the promise.

    Examples
    --------
    >>> hour_depth(3_000.0, 2_740.0, 0.95)
    0.0
    >>> hour_depth(3_000.0, 2_600.0, 0.95) > hour_depth(3_000.0, 2_680.0, 0.95) > 0.0
    True
    """
    short = target - (hits + _HOUR_EVIDENCE * target) / (seen + _HOUR_EVIDENCE)
    return float(min(max(100.0 * (short - _HOUR_LATE) * _HOUR_GROWTH, 0.0), _HOUR_DEEPEST))


@kernel
def set_price(memory: Memory, hour: int, target: float) -> None:
    """Set the price for now: what keeps the promise over all, and nearly in this hour."""
    clock = memory.clock
    clock[at.ASKED] = asked_hit_rate(clock, target)
    price = _near_usual(memory, price_serving(memory.prices[0], clock[at.ASKED]))
    misses, least = 1.0 - target, target - _HOUR_SHORT
    seen, hits = memory.hours[0, hour], memory.hours[1, hour]
    asked = least + (least * seen - hits) / max(0.05 * seen, _HOUR_PATIENCE)
    asked = min(max(asked, least - 3.0 * misses), 1.0 - 0.5 * misses)
    depth = hour_depth(seen, hits, target)
    if depth > 0.0:
        share = min(depth / _HOUR_GROWTH, 1.0)
        asked = 1.0 - (0.5 - (0.5 - _LATE_MISSES) * share) * misses
    shrunk = memory.prices[1 + hour] + _HOUR_SHRINK / memory.prices[0].sum() * memory.prices[0]
    in_hour = max(price_serving(shrunk, asked), price * np.exp(-_HOUR_DISCOUNT - depth))
    clock[at.PRICE] = min(price, in_hour)
    clock[at.PRICED_AT], clock[at.PRICED_HOUR] = clock[at.NOW], hour


@kernel
def terminate_below(clock: Floats, most_launches: float, share: float) -> float:
    """At which share of the price a unit is given up, less readily when launches run high.

    Every unit given up too early is launched again: `most_launches` per request are allowed.
    """
    ratio = clock[at.LAUNCHED] / (clock[at.PROMISED] + 200.0)
    return float(share * min(max((most_launches - ratio) / 0.25, 0.02), 1.0))
