"""The simple policies that a reserve has to beat, each tuned in hindsight on the same requests.

A constant size; a schedule of two sizes; k times the last hour's largest or mean two-minute count;
a quantile of the two-minute counts of the same hour on the last 7 days. Each is a path of target
sizes, held by launching what is missing and terminating what is too much.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SLOT_S = 120.0
_SLOTS_PER_HOUR = 30
_DAYS = 7
WARM_UP_S = 86400.0
MULTIPLES = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0)
_QUIET_SHARES = (0.0, 0.1, 0.25, 0.5)
QUANTILES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995, 1.0)


@dataclass(frozen=True, slots=True)
class Played:
    """What a path of target sizes would have given."""

    hit_rate: float
    paid_mean: float
    launched_per_request: float


def decision_times(times: Floats) -> Floats:
    """Every distinct request time and whole minute up to the last request, ascending.

    Examples
    --------
    >>> decision_times(np.array([30.0, 30.0, 130.0]))
    array([ 30.,  60., 120., 130.])
    """
    first = np.floor(times[0] / 60.0) * 60.0 + 60.0
    return np.union1d(times, np.arange(first, times[-1] + 1e-9, 60.0))


@kernel
def play_path(  # noqa: C901 - a kernel holds its whole loop
    times: Floats,
    decisions: Floats,
    path: Ints,
    lead_s: float,
    min_life_s: float,
    start_s: float,
    served: npt.NDArray[np.bool_],
) -> tuple[int, int, float, int]:  # pragma: no cover - compiled
    """Hold `path[k]` instances from `decisions[k]` on: (requests, hits, paid seconds, launches).

    `served`, one per request, is filled with what was a hit.
    """
    born = np.zeros(1024)
    gone = ready = end = 0
    requests = hits = launched = row = 0
    paid_s = 0.0
    now = decisions[0]
    for k in range(len(decisions)):
        paid_s += (end - gone) * (max(decisions[k], start_s) - max(now, start_s))
        now = decisions[k]
        while ready < end and born[ready % len(born)] + lead_s <= now:
            ready += 1
        while row < len(times) and times[row] <= now:
            hit = 1 if ready > gone else 0
            gone += hit
            served[row] = hit == 1
            if now >= start_s:
                requests += 1
                hits += hit
            row += 1
        want = path[k] - (end - gone)
        if want > 0 and now >= start_s:
            launched += want
        while end - gone < path[k]:
            if end - gone == len(born):
                grown = np.zeros(2 * len(born))
                for j in range(gone, end):
                    grown[j % len(grown)] = born[j % len(born)]
                born = grown
            born[end % len(born)] = now
            end += 1
        while end - gone > path[k] and gone < ready:
            if now - (born[gone % len(born)] + lead_s) < min_life_s:
                break
            gone += 1
    return requests, hits, paid_s, launched


class Hindsight:
    """Plays simple policies on one trace and finds the cheapest that keeps a hit rate."""

    def __init__(self, times: Floats, lead_s: float, min_life_s: float = 60.0) -> None:
        self.times = times
        self.lead_s = lead_s
        self.min_life_s = min_life_s
        self.decisions = decision_times(times)
        self.start_s = float(times[0]) + WARM_UP_S
        self.served = np.zeros(len(times), np.bool_)

    def play(self, path: Ints) -> Played:
        """Score one path of target sizes; `served` then tells each request's hit or miss."""
        requests, hits, paid_s, launched = play_path(
            self.times,
            self.decisions,
            path,
            self.lead_s,
            self.min_life_s,
            self.start_s,
            self.served,
        )
        span_s = float(self.times[-1]) - self.start_s
        count = max(requests, 1)
        return Played(hits / count, paid_s / max(span_s, 1e-9), launched / count)

    def best(self, hit_rate: float, epoch_s: float = 0.0) -> dict[str, Any]:
        """Each simple policy's cheapest setting that reaches `hit_rate`, by name.

        `epoch_s` is what time 0 means in unix seconds, for schedules by hour and weekday.
        """
        return {
            "constant": self._constant(hit_rate),
            "last_hour_max": self._cheapest(self._multiples(_last_hour(self, "max")), hit_rate),
            "last_hour_mean": self._cheapest(self._multiples(_last_hour(self, "mean")), hit_rate),
            "same_hour_quantile": self._cheapest(self._same_hour(), hit_rate),
            "two_level_schedule": self._cheapest(two_levels(self, hit_rate, epoch_s), hit_rate),
        }

    def constant(self, size: int) -> Played:
        """Score one size held for ever."""
        return self.play(np.full(len(self.decisions), size, np.int64))

    def least_constant(self, hit_rate: float) -> int:
        """The least size that reaches a hit rate when held for ever."""
        return _least(lambda s: self.constant(s).hit_rate >= hit_rate, 1 << 20)

    def _constant(self, hit_rate: float) -> dict[str, Any]:
        size = self.least_constant(hit_rate)
        return _row({"size": size}, self.constant(size))

    def _multiples(self, level: Floats) -> Iterator[tuple[dict[str, Any], Ints]]:
        for k in MULTIPLES:
            yield {"k": k}, np.ceil(k * level).astype(np.int64)

    def _same_hour(self) -> Iterator[tuple[dict[str, Any], Ints]]:
        for q in QUANTILES:
            yield {"quantile": q}, _same_hour_path(self, q)

    def _cheapest(
        self, paths: Iterator[tuple[dict[str, Any], Ints]], hit_rate: float
    ) -> dict[str, Any] | None:
        rows = [_row(setting, self.play(path)) for setting, path in paths]
        reached = [row for row in rows if row["hit_rate"] >= hit_rate]
        return min(reached, key=lambda row: float(row["paid_mean"])) if reached else None


def two_levels(
    trace: Hindsight, hit_rate: float, epoch_s: float = 0.0
) -> Iterator[tuple[dict[str, Any], Ints]]:
    """What an administrator would write down: one size in the busy hours, one outside of them.

    The busy hours are the 8, 10 or 12 hours in a row that most requests fall into, on all days or
    on workdays; outside, a share of the constant size that reaches the rate is held; the busy size
    is the least that reaches it then.
    """
    constant = int(trace.least_constant(hit_rate))
    for is_busy, setting in _busy_hours(trace, epoch_s):
        for share in _QUIET_SHARES:
            quiet = round(share * constant)
            path = _least_busy(trace, is_busy, quiet, 4 * constant + 4, hit_rate)
            yield setting | {"quiet": quiet, "busy": int(path.max())}, path


def _busy_hours(
    trace: Hindsight, epoch_s: float
) -> Iterator[tuple[npt.NDArray[np.bool_], dict[str, Any]]]:
    hour_of = ((trace.times + epoch_s) % 86_400.0 // 3_600.0).astype(np.int64)
    here = ((trace.decisions + epoch_s) % 86_400.0 // 3_600.0).astype(np.int64)
    # 1970 began on a Thursday.
    workday = ((trace.decisions + epoch_s) // 86_400.0 + 3.0) % 7.0 < 5.0
    counts = np.bincount(hour_of, minlength=24)
    for length in (8, 10, 12):
        sums = [np.roll(counts, -first)[:length].sum() for first in range(24)]
        first = int(np.argmax(sums))
        busy = (here - first) % 24 < length
        for days, on in (("all", busy), ("workdays", busy & workday)):
            yield on, {"from_hour": first, "hours": length, "days": days}


def _least_busy(
    trace: Hindsight, is_busy: npt.NDArray[np.bool_], quiet: int, top: int, hit_rate: float
) -> Ints:
    """The path with the least size in the busy hours that reaches the rate, or with the top."""

    def path(size: int) -> Ints:
        return np.where(is_busy, size, quiet).astype(np.int64)

    return path(_least(lambda size: trace.play(path(size)).hit_rate >= hit_rate, top))


def _row(setting: dict[str, Any], played: Played) -> dict[str, Any]:
    return setting | {
        "hit_rate": played.hit_rate,
        "paid_mean": played.paid_mean,
        "launched_per_request": played.launched_per_request,
    }


def _least(holds: Callable[[int], bool], top: int) -> int:
    """The least whole number that holds, for a condition that stays true once it is."""
    low, high = 0, 1
    while high < top and not holds(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _slot_counts(trace: Hindsight) -> tuple[Ints, Ints]:
    """Requests per two-minute slot of the clock, and the slot each decision falls in."""
    origin = np.floor(trace.times[0] / 3600.0) * 3600.0
    slots = ((trace.times - origin) // SLOT_S).astype(np.int64)
    here = ((trace.decisions - origin) // SLOT_S).astype(np.int64)
    return np.bincount(slots, minlength=int(here[-1]) + 1).astype(np.int64), here


def _last_hour(trace: Hindsight, statistic: str) -> Floats:
    """Largest or mean count of the 30 whole slots before each decision, of its shape."""
    counts, here = _slot_counts(trace)
    padded = np.concatenate([np.zeros(_SLOTS_PER_HOUR, np.int64), counts])
    windows = np.lib.stride_tricks.sliding_window_view(padded, _SLOTS_PER_HOUR)[: len(counts)]
    level = windows.max(axis=1) if statistic == "max" else windows.mean(axis=1)
    return np.asarray(level, np.float64)[here]


def _same_hour_path(trace: Hindsight, quantile: float) -> Ints:
    """The quantile of the two-minute counts of the same hour on the last 7 days."""
    counts, here = _slot_counts(trace)
    hours = np.pad(counts, (0, -len(counts) % _SLOTS_PER_HOUR)).reshape(-1, _SLOTS_PER_HOUR)
    level = np.zeros(len(hours), np.int64)
    for hour in range(len(hours)):
        days = [hours[hour - 24 * d] for d in range(1, _DAYS + 1) if hour >= 24 * d]
        if days:
            level[hour] = int(np.ceil(np.quantile(np.concatenate(days), quantile)))
    return level[here // _SLOTS_PER_HOUR]
