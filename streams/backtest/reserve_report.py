"""Who was served when: hit rate by hour of the day, and people's first request after a pause."""

from pathlib import Path
from typing import Any

import numpy as np

from streams.backtest.reserve_baselines import WARM_UP_S
from streams.backtest.reserve_run import Replayed, Trace

IDLE_S = 4 * 3600.0  # a pause after which a request counts as a first login
QUIET_S = 900.0  # without any request: whatever came then, no rate told of it


def hit_rate_by_hour(trace: Trace, played: Replayed) -> list[float | None]:
    """Hit rate by hour of the day (UTC), None where nobody asked, scored after the first day."""
    scored = trace.times >= trace.times[0] + WARM_UP_S
    hours = (((trace.times + trace.epoch_s) % 86_400.0) // 3_600.0).astype(np.int64)[scored]
    asked = np.bincount(hours, minlength=24)
    hits = np.bincount(hours, played.hits[scored], 24)
    return [float(h / n) if n else None for h, n in zip(hits, asked, strict=True)]


def first_after_idle(trace: Trace, played: Replayed) -> dict[str, Any] | None:
    """How often a person's first request after a pause was warm, over all and per person."""
    if not trace.users:
        return None
    last: dict[str, float] = {}
    people: dict[str, list[bool]] = {}
    start_s = float(trace.times[0]) + WARM_UP_S
    for at, user, hit in zip(trace.times.tolist(), trace.users, played.hits.tolist(), strict=True):
        if at >= start_s and at - last.get(user, -np.inf) >= IDLE_S:
            people.setdefault(user, []).append(hit)
        last[user] = at
    if not people:
        return None
    shares = [sum(hits) / len(hits) for hits in people.values()]
    return {
        "idle_s": IDLE_S,
        "requests": sum(map(len, people.values())),
        "warm": sum(map(sum, people.values())) / sum(map(len, people.values())),
        "people": len(shares),
        "warm_person_mean": sum(shares) / len(shares),
        "people_at_85": sum(share >= 0.85 for share in shares) / len(shares),
    }


def missed_without_warning(trace: Trace, played: Replayed, lead_s: float) -> float | None:
    """Share of the misses that nobody's requests could have told of; None without a miss.

    Those before which nobody had asked for a quarter of an hour, seen from the last launch that
    could have served them: only calendars, profiles and a standing floor help there.
    """
    scored = trace.times >= trace.times[0] + WARM_UP_S
    launch_s = trace.times[scored & ~played.hits] - lead_s
    if not len(launch_s):
        return None
    last = np.searchsorted(trace.times, launch_s, "right") - 1
    before_s = np.where(last >= 0, trace.times[last], -np.inf)
    return float((launch_s - before_s > QUIET_S).mean())


def plot_front(path: Path, front: list[dict[str, float]], baselines: dict[str, Any]) -> None:
    """Draw hit rate against mean instances paid: the policy's front and the simple policies."""
    import matplotlib as mpl  # noqa: PLC0415 - only who plots pays for it

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(7, 4.5))
    axes.plot(
        [p["paid_mean"] for p in front], [p["hit_rate"] for p in front], "o-", label="warmfront"
    )
    for name, row in baselines.items():
        if row:
            axes.plot(row["paid_mean"], row["hit_rate"], "s", label=name.replace("_", " "))
    axes.set_xlabel("mean instances paid (building and ready)")
    axes.set_ylabel("hit rate")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
