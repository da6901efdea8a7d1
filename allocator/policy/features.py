"""The state that the reserve sees: how many asked lately, when, who, and what is foretold."""

import numpy as np
import numpy.typing as npt

from allocator.policy import layout as at
from allocator.policy.compiled import kernel
from allocator.policy.memory import MARKS, SNAPSHOTS, Memory

Floats = npt.NDArray[np.float64]

_WEEK_S, _DAY_S, _HOUR_S = 604_800.0, 86_400.0, 3_600.0
_WEEK_MEMORY_S, _DAY_MEMORY_S, _KEEP = 6 * 3600.0, 8 * 3600.0, 0.7
_UNWATCHED_S = 7_200.0  # a longer silence without ticks means that nobody was looking
_FOLLOW_UP_DELAY_S = 60.0
_FOLLOW_UPS_MAX = 300.0


@kernel
def pass_time(memory: Memory, now: float) -> None:
    """Let time go on to `now`: counts fade, the week's hours were watched."""
    clock = memory.clock
    if clock[at.NOW] < -1e17:
        clock[at.NOW] = now
        clock[at.STARTED] = now
        clock[at.SLOT] = np.floor(now / at.SLOT_S)
    past_s = now - clock[at.NOW]
    if past_s <= 0.0:
        return
    for k in range(at.DECAYS):
        fade = np.exp(-past_s / at.DECAY_S[k])
        memory.rates[0, k] *= fade
        memory.rates[1, k] *= fade
    for k in range(len(at.ACTIVE_S)):
        clock[at.ACTIVE + k] *= np.exp(-past_s / at.ACTIVE_S[k])
    clock[at.FOLLOW_UPS] *= np.exp(-past_s / 120.0)
    clock[at.INTENTS] *= np.exp(-past_s / clock[at.LEAD])
    if past_s <= _UNWATCHED_S:
        _watch(memory.week, int((now % _WEEK_S) // _HOUR_S), past_s, _WEEK_MEMORY_S)
        _watch(memory.day, int((now % _DAY_S) // _HOUR_S), past_s, _DAY_MEMORY_S)
    _turn_slots(memory, np.floor(now / at.SLOT_S))
    clock[at.NOW] = now
    _count_follow_ups(memory, now)


@kernel
def _watch(profile: Floats, hour: int, past_s: float, memory_s: float) -> None:
    profile[1, hour] += past_s
    if profile[1, hour] > memory_s:
        profile[0, hour] *= _KEEP
        profile[1, hour] *= _KEEP


@kernel
def _turn_slots(memory: Memory, slot: float) -> None:
    steps = min(slot - memory.clock[at.SLOT], float(at.SLOTS))
    memory.clock[at.SLOT] = slot
    while steps > 0.0:
        memory.slots[int((slot - steps + 1.0) % at.SLOTS)] = 0.0
        steps -= 1.0


@kernel
def _count_follow_ups(memory: Memory, now: float) -> None:
    """How many asked within a lead time, from a minute after each marked request on."""
    clock, marks = memory.clock, memory.marks
    while clock[at.MARK_HALF] < clock[at.MARK_END]:
        mark = marks[int(clock[at.MARK_HALF]) % MARKS]
        if mark[0] + _FOLLOW_UP_DELAY_S >= now:
            break
        mark[3] = clock[at.REQUESTS]
        clock[at.MARK_HALF] += 1.0
    while clock[at.MARK_FIRST] < clock[at.MARK_HALF]:
        mark = marks[int(clock[at.MARK_FIRST]) % MARKS]
        if mark[0] + _FOLLOW_UP_DELAY_S + clock[at.LEAD] >= now:
            break
        _learn_follow_ups(memory, mark)
        clock[at.MARK_FIRST] += 1.0


@kernel
def _learn_follow_ups(memory: Memory, mark: Floats) -> None:
    clock = memory.clock
    count = min(clock[at.REQUESTS] - mark[3], _FOLLOW_UPS_MAX)
    user, program = memory.users[int(mark[1])], memory.programs[int(mark[2])]
    user[0] = 0.97 * user[0] + count
    user[1] = 0.97 * user[1] + 1.0
    program[0] = 0.95 * program[0] + count
    program[1] = 0.95 * program[1] + 1.0
    clock[at.MEAN_FOLLOW_UPS] = 0.998 * clock[at.MEAN_FOLLOW_UPS] + count
    clock[at.MEAN_WEIGHT] = 0.998 * clock[at.MEAN_WEIGHT] + 1.0


@kernel
def count_request(memory: Memory, user: int, program: int, crowd: float) -> None:
    """Count one request, made now, that found `crowd` others within the lead time before it."""
    clock = memory.clock
    now = clock[at.NOW]
    for k in range(at.DECAYS):
        memory.rates[0, k] += 1.0
        memory.rates[1, k] += np.log(1.0 + crowd)
    memory.week[0, int((now % _WEEK_S) // _HOUR_S)] += 1.0
    memory.day[0, int((now % _DAY_S) // _HOUR_S)] += 1.0
    memory.slots[int(clock[at.SLOT] % at.SLOTS)] += 1.0
    if now > clock[at.LAST_REQUEST]:
        clock[at.EARLIER_REQUEST] = clock[at.LAST_REQUEST]
        clock[at.LAST_REQUEST] = now
    clock[at.FOLLOW_UPS] += _expected_follow_ups(memory, user, program)
    _see_user(memory, user, now)
    if clock[at.MARK_END] - clock[at.MARK_FIRST] < MARKS:
        mark = memory.marks[int(clock[at.MARK_END]) % MARKS]
        mark[0], mark[1], mark[2] = now, user, program
        clock[at.MARK_END] += 1.0
    clock[at.REQUESTS] += 1.0


@kernel
def _expected_follow_ups(memory: Memory, user: int, program: int) -> float:
    """What came after this program of this user, shrunk to the user and to everybody."""
    everybody = memory.clock[at.MEAN_FOLLOW_UPS] / (memory.clock[at.MEAN_WEIGHT] + 1e-9)
    person, kind = memory.users[user], memory.programs[program]
    of_user = (person[0] + 2.0 * everybody) / (person[1] + 2.0)
    return float((kind[0] + 2.0 * of_user) / (kind[1] + 2.0))


@kernel
def _see_user(memory: Memory, user: int, now: float) -> None:
    away_s = min(now - memory.users[user, 2], 1e7)
    for k in range(len(at.ACTIVE_S)):
        memory.clock[at.ACTIVE + k] += 1.0 - np.exp(-away_s / at.ACTIVE_S[k])
    memory.users[user, 2] = now


@kernel
def hour_rate(memory: Memory, hour_of_week: int, hour_of_day: int) -> float:
    """Requests per second in an hour of the week, with half the weight of its hour of the day."""
    count = memory.week[0, hour_of_week] + 0.5 * memory.day[0, hour_of_day] + 0.01
    seen_s = memory.week[1, hour_of_week] + 0.5 * memory.day[1, hour_of_day] + 60.0
    return float(count / seen_s)


@kernel
def requests_until(memory: Memory, number: float) -> float:
    """Requests counted when snapshot `number` was taken."""
    return float(memory.snapshots[int(number) % SNAPSHOTS, 1])


@kernel
def recent_requests(memory: Memory) -> int:
    """Requests within the last lead time."""
    return int(memory.clock[at.REQUESTS] - requests_until(memory, memory.clock[at.SNAP_OPEN]))


@kernel
def describe(memory: Memory, x: Floats) -> None:
    """Fill `x`, of shape (FEATURES,), with the state now; see layout.FEATURE_NAMES."""
    clock = memory.clock
    now, lead = clock[at.NOW], clock[at.LEAD]
    for k in range(at.DECAYS):
        x[k] = np.log(memory.rates[0, k] / at.DECAY_S[k] * lead + 0.02)
        x[at.DECAYS + k] = memory.rates[1, k] / (memory.rates[0, k] + 0.3)
    k = 2 * at.DECAYS
    week, day = int((now % _WEEK_S) // _HOUR_S), int((now % _DAY_S) // _HOUR_S)
    x[k] = np.log(hour_rate(memory, week, day) * lead + 0.02)
    x[k + 1] = np.log((memory.day[0, day] + 0.01) / (memory.day[1, day] + 60.0) * lead + 0.02)
    coming = hour_rate(memory, (week + 1) % at.HOURS_OF_WEEK, (day + 1) % at.HOURS_OF_DAY)
    x[k + 2] = (now % _HOUR_S) / _HOUR_S * (np.log(coming * lead + 0.02) - x[k])
    x[k + 3] = np.log(clock[at.FOLLOW_UPS] / 2.0 + 0.02)
    x[k + 4] = np.log(clock[at.REQUESTS] - requests_until(memory, clock[at.SNAP_OPEN]) + 0.1)
    x[k + 5] = np.log(clock[at.REQUESTS] - requests_until(memory, clock[at.SNAP_SHORT]) + 0.1)
    x[k + 6] = np.log(now - max(clock[at.LAST_REQUEST], now - 1e6) + 1.0)
    x[k + 7] = np.log(now - max(clock[at.EARLIER_REQUEST], now - 1e6) + 1.0)
    x[k + 8] = np.log(memory.slots.max() + 0.1)
    for j in range(len(at.ACTIVE_S)):
        x[k + 9 + j] = np.log(clock[at.ACTIVE + j] + 0.05)
    foretold = now - clock[at.FORECAST_AT] <= _HOUR_S
    x[k + 12] = np.log(clock[at.FORECAST] + 0.02) if foretold else 0.0
    x[k + 13] = np.log(clock[at.FORECAST_HIGH] + 0.02) if foretold else 0.0
    x[k + 14] = np.log(clock[at.INTENTS] + 0.02)
