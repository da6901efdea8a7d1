"""What the page is given, as plain data: the values of the topics, nothing computed anew."""

from typing import Any

import msgspec

from streams.dashboard.feed import HOUR_MS, Feed

SHOWN_PREDICTIONS = 20
SHOWN_ALLOCATIONS = 20
SHOWN_ALERTS = 20


def summary(feed: Feed) -> dict[str, Any]:
    """Return the small state: reserve, latest events, counts; pushed at every change."""
    with feed.lock:
        return {
            "version": feed.version,
            "counts": dict(feed.counts),
            "pools": sorted({pool for pool, _, _ in feed.forecasts} | set(feed.reserve)),
            "users": sorted(feed.profiles),
            "reserve": [_plain(feed.reserve[pool]) for pool in sorted(feed.reserve)],
            "alerts": [_plain(a) for a in list(feed.alerts.values())[-SHOWN_ALERTS:]][::-1],
            "allocations": [_plain(e) for e in list(feed.allocations)[-SHOWN_ALLOCATIONS:]][::-1],
            "predictions": [_plain(p) for p in list(feed.predictions)[-SHOWN_PREDICTIONS:]][::-1],
        }


def forecast(feed: Feed, pool: str, resource: str, horizon: str) -> dict[str, Any] | None:
    """Return the newest forecast and, for launches, what really happened in the hours before."""
    with feed.lock:
        record = feed.forecasts.get((pool, resource, horizon))
        if record is None:
            return None
        hours = feed.launches.get(pool, {}) if resource == "INSTANCES" else {}
        span = range(min(hours), max(hours) + 1) if hours else range(0)
        actual = [{"time": h * HOUR_MS, "value": hours.get(h, 0)} for h in span]
        return {"forecast": _plain(record), "actual": actual if horizon != "HOUR" else []}


def profile(feed: Feed, user: str) -> dict[str, Any] | None:
    """Return a person's profile."""
    with feed.lock:
        record = feed.profiles.get(user)
        return None if record is None else _plain(record)


def _plain(record: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(record)
    return plain
