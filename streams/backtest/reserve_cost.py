"""What a reserve cost and saved, in instance-hours and in people's seconds."""

from typing import Any

from streams.backtest.reserve_baselines import WARM_UP_S
from streams.backtest.reserve_run import Replayed, Trace


def cost(trace: Trace, played: Replayed, lead_s: float) -> dict[str, Any]:
    """Instance-hours paid and waits, from 24 h after the first request on.

    A miss waits for a cold launch, one lead time; each hit saved that.
    """
    scored = trace.times >= trace.times[0] + WARM_UP_S
    requests, hits = int(scored.sum()), int(played.hits[scored].sum())
    return {
        "paid_instance_hours": played.paid_s / 3600.0,
        "idle_instance_hours": played.ready_s / 3600.0,
        "hits": hits,
        "misses": requests - hits,
        "waited_s": (requests - hits) * lead_s,
        "saved_wait_s": hits * lead_s,
        "saved_wait_s_per_idle_instance_hour": (
            hits * lead_s / (played.ready_s / 3600.0) if played.ready_s else None
        ),
    }
