"""Learns, from what was asked one lead time after each state, what each instance is worth there.

An instance launched in a state serves requests from one lead time later on: the s-th serves those
that meet s - 1 others. Their rate, per state and level, is what the network learns; a price, hits
per instance-second, then decides which levels are held. The price is the quantile, over past
requests, of the highest price that would have served them: whatever the model's errors, the
asked share would have been served, as in split conformal prediction.
"""

import numpy as np
import numpy.typing as npt

from allocator.policy import layout as at
from allocator.policy.compiled import kernel
from allocator.policy.features import count_request, describe, pass_time, requests_until
from allocator.policy.feedback import note_price, report, set_price, terminate_below
from allocator.policy.hours import hour_floor, note_crowd
from allocator.policy.levels import FIRST, KNOTS, LEVELS, level_of, size_at, worth
from allocator.policy.memory import SNAPSHOTS, Memory
from allocator.policy.network import (
    HIDDEN,
    backward,
    forward,
    knot_errors,
    level_rates,
    maybe_step,
)

Floats = npt.NDArray[np.float64]

_SNAPSHOTS_PER_LEAD = 90.0
_OVERALL_SHARE = 0.01  # of the rate over all time, mixed in: no state is ever ruled out
_PRICE_EVERY_S = 60.0
_FIRST_PRICE = 1e-4
_CALIBRATED_AFTER = 50.0  # intervals that a request fell into, before the price is trusted
_STANDARD_MAX = 4.0
_NORM_MEMORY = 20_000.0


@kernel
def hour_of_day(clock: Floats) -> int:
    """0 to 23, UTC."""
    return int((clock[at.NOW] % 86_400.0) // 3_600.0)


@kernel
def learn_request(memory: Memory, now: float, user: int, program: int, hit: bool) -> None:
    """Learn from one request, after it was served."""
    pass_to(memory, now)
    clock = memory.clock
    crowd = clock[at.REQUESTS] - requests_until(memory, clock[at.SNAP_OPEN])
    if _is_open(memory):
        _place(memory, crowd)
    report(clock, hit)
    hour = hour_of_day(clock)
    memory.hours[0, hour] += 1.0
    memory.hours[1, hour] += 1.0 if hit else 0.0
    note_crowd(memory.crowds, hour, level_of(int(crowd)))
    count_request(memory, user, program, crowd)


@kernel
def pass_to(memory: Memory, now: float) -> None:
    """Let time go on and learn from the states whose outcome is complete."""
    pass_time(memory, now)
    clock = memory.clock
    while _is_due(memory, clock[at.SNAP_SHORT] + 1.0, clock[at.LEAD] / 9.0):
        clock[at.SNAP_SHORT] += 1.0
    while _is_due(memory, clock[at.SNAP_OPEN] + 1.0, clock[at.LEAD]):
        _learn(memory)
        clock[at.SNAP_OPEN] += 1.0
        clock[at.SNAP_SHORT] = max(clock[at.SNAP_SHORT], clock[at.SNAP_OPEN])
        _value_open_state(memory)


@kernel
def _is_due(memory: Memory, number: float, delay_s: float) -> bool:
    clock = memory.clock
    if number >= clock[at.SNAP_END]:
        return False
    return bool(memory.snapshots[int(number) % SNAPSHOTS, 0] + delay_s <= clock[at.NOW])


@kernel
def _is_open(memory: Memory) -> bool:
    return _is_due(memory, memory.clock[at.SNAP_OPEN], memory.clock[at.LEAD])


@kernel
def _place(memory: Memory, crowd: float) -> None:
    """Put a request on its level of the open state, and note which price would have served it."""
    clock = memory.clock
    clock[at.LARGEST_CROWD] = max(clock[at.LARGEST_CROWD], crowd)
    level = level_of(int(crowd))
    memory.seen[0, level] += 1.0
    note_price(memory, hour_of_day(clock), memory.slopes[level])


@kernel
def _levels_in_use(memory: Memory) -> int:
    """Levels up to a third beyond the largest crowd so far."""
    crowd = 1.3 * memory.clock[at.LARGEST_CROWD] + 3.0
    return min(int(np.searchsorted(FIRST, crowd)) + 1, LEVELS)


@kernel
def standardise(memory: Memory, raw: Floats, x: Floats) -> None:
    """Features about 0 with spread 1, cut at 4."""
    for k in range(at.FEATURES):
        value = (raw[k] - memory.norm[0, k]) / np.sqrt(memory.norm[1, k] + 1e-4)
        x[k] = min(max(value, -_STANDARD_MAX), _STANDARD_MAX)


@kernel
def rates_of(
    memory: Memory, raw: Floats, top: int, x: Floats, hidden: Floats, rates: Floats
) -> None:
    """Fill x, hidden and rates for a raw state."""
    knots = np.zeros(KNOTS)
    standardise(memory, raw, x)
    forward(memory.weights, x, hidden, knots)
    level_rates(knots, top, rates)


@kernel
def _mix_overall(memory: Memory, top: int, rates: Floats) -> None:
    for level in range(top):
        overall = (memory.seen[1, level] + 1e-6) / (memory.clock[at.SEEN_S] + 1.0)
        rates[level] = (1.0 - _OVERALL_SHARE) * rates[level] + _OVERALL_SHARE * overall


@kernel
def _learn(memory: Memory) -> None:
    """Close the open interval: its requests, over its length, teach the network."""
    clock = memory.clock
    row, after = int(clock[at.SNAP_OPEN]) % SNAPSHOTS, int(clock[at.SNAP_OPEN] + 1.0) % SNAPSHOTS
    dt_s = min(memory.snapshots[after, 0] - memory.snapshots[row, 0], 600.0)
    top = _levels_in_use(memory)
    x, hidden = np.zeros(at.FEATURES), np.zeros(HIDDEN)
    rates, errors = np.zeros(LEVELS), np.zeros(KNOTS)
    rates_of(memory, memory.states[row], top, x, hidden, rates)
    knot_errors(rates, memory.seen[0], dt_s, top, errors)
    backward(memory.weights, x, hidden, errors, memory.moments[0])
    clock[at.LEARNED] += 1.0
    maybe_step(memory.weights, memory.moments, clock[at.LEARNED])
    clock[at.SEEN_S] += dt_s
    for level in range(top):
        memory.seen[1, level] += memory.seen[0, level]
        memory.seen[0, level] = 0.0


@kernel
def _value_open_state(memory: Memory) -> None:
    row, top = int(memory.clock[at.SNAP_OPEN]) % SNAPSHOTS, _levels_in_use(memory)
    x, hidden, rates = np.zeros(at.FEATURES), np.zeros(HIDDEN), np.zeros(LEVELS)
    rates_of(memory, memory.states[row], top, x, hidden, rates)
    _mix_overall(memory, top, rates)
    memory.slopes[:] = 0.0
    worth(rates, top, memory.slopes, np.zeros(LEVELS, np.int64))


@kernel
def _snapshot(memory: Memory, raw: Floats) -> None:
    """Keep the state until its outcome is known, at most ninety a lead time."""
    clock = memory.clock
    end = clock[at.SNAP_END]
    if end > 0.0:
        last_s = memory.snapshots[int(end - 1.0) % SNAPSHOTS, 0]
        if clock[at.NOW] - last_s < clock[at.LEAD] / _SNAPSHOTS_PER_LEAD:
            return
    if end - clock[at.SNAP_OPEN] >= SNAPSHOTS:
        return
    row = int(end) % SNAPSHOTS
    memory.states[row] = raw
    memory.snapshots[row, 0] = clock[at.NOW]
    memory.snapshots[row, 1] = clock[at.REQUESTS]
    clock[at.SNAP_END] += 1.0
    clock[at.NORM_COUNT] = min(clock[at.NORM_COUNT] + 1.0, _NORM_MEMORY)
    for k in range(at.FEATURES):
        off = raw[k] - memory.norm[0, k]
        memory.norm[0, k] += off / clock[at.NORM_COUNT]
        memory.norm[1, k] += (off * off - memory.norm[1, k]) / (clock[at.NORM_COUNT] + 10.0)


@kernel
def decide(
    memory: Memory, now: float, target: float, fixed_price: float, most_launches: float,
    keep_share: float, quiet_hours: bool, out: Floats, slopes: Floats,
) -> None:  # fmt: skip
    """Fill `out` with the size to launch up to, the size to terminate down to, the price, the
    requests expected within a lead time and whether the price is calibrated (1.0).

    Parameters
    ----------
    target
        Hit rate to keep.
    fixed_price
        Hits per instance-second that a unit must be worth, or 0 to keep `target`.
    most_launches, keep_share, quiet_hours
        See `ReserveKnobs`.
    slopes
        Filled with what each level's instances are worth now, of shape (levels,).
    """
    pass_to(memory, now)
    clock = memory.clock
    raw, x, hidden = np.zeros(at.FEATURES), np.zeros(at.FEATURES), np.zeros(HIDDEN)
    rates = np.zeros(LEVELS)
    describe(memory, raw)
    _snapshot(memory, raw)
    top = _levels_in_use(memory)
    rates_of(memory, raw, top, x, hidden, rates)
    _mix_overall(memory, top, rates)
    slopes[:] = 0.0
    worth(rates, top, slopes, np.zeros(LEVELS, np.int64))
    calibrated = memory.prices[0].sum() >= _CALIBRATED_AFTER
    hour = hour_of_day(clock)
    if fixed_price > 0.0:
        clock[at.PRICE] = fixed_price
    elif not calibrated:
        clock[at.PRICE] = _FIRST_PRICE
        clock[at.ASKED] = target
    elif clock[at.NOW] - clock[at.PRICED_AT] >= _PRICE_EVERY_S or hour != clock[at.PRICED_HOUR]:
        set_price(memory, hour, target)
    keep = terminate_below(clock, most_launches, keep_share)
    out[0] = size_at(slopes, top, clock[at.PRICE])
    out[1] = max(out[0], size_at(slopes, top, keep * clock[at.PRICE]))
    if quiet_hours and fixed_price <= 0.0 and calibrated:
        # What is launched now serves one lead time from now, maybe in the next hour.
        next_hour = int(((clock[at.NOW] + clock[at.LEAD]) % 86_400.0) // 3_600.0)
        out[0] = max(out[0], hour_floor(memory, next_hour, target))
        out[1] = max(out[1], out[0], hour_floor(memory, hour, target))
    out[2] = clock[at.PRICE]
    out[3] = rates[:top].sum() * clock[at.LEAD]
    out[4] = 1.0 if calibrated else 0.0
