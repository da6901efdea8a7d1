"""What the page is given, as plain data: the values of the topics, and sums of them."""

import time
from typing import Any

import msgspec

from schemas.records import DemandForecast, ProgramPrediction
from streams.dashboard.feed import Feed
from streams.dashboard.known import Known
from streams.dashboard.paging import Query, page

SHOWN = 20


def summary(feed: Feed) -> dict[str, Any]:
    """Return the small state: totals, latest events, counts; pushed at every change."""
    known = feed.known
    with known.lock:
        worst = known.reserves.found(Query(sort="attention"))[:SHOWN]
        return {
            "version": known.version,
            "counts": dict(known.counts),
            "totals": known.reserves.totals(),
            "users": len(known.profiles),
            "reserve": [pool.shown() for pool in worst],
            "alerts": [_plain(a) for a in known.alerts.values()[-SHOWN:]][::-1],
            "open_alerts": sum(a.ended_at is None for a in known.alerts.values()),
            "allocations": [_plain(e) for e in known.allocations.values()[-SHOWN:]][::-1],
            "predictions": [_plain(p) for p in known.predictions.values()[-SHOWN:]][::-1],
            "watermark": min(known.actuals.watermarks.values(), default=None),
            "synthetic": known.synthetic(),
            "lag": {group["group"]: group["lag"] for group in feed.lag.get("groups", [])},
            "dead_letters": sum(feed.lag.get("dead_letters", {}).values()),
            "caught_up": feed.is_caught_up,
        }


def pools(feed: Feed, query: Query) -> dict[str, Any]:
    """Return a page of the pools' reserves."""
    with feed.known.lock:
        return page(feed.known.reserves.found(query), query, lambda pool: pool.shown())


def pool_names(feed: Feed, query: Query) -> dict[str, Any]:
    """Return a page of the names of all pools, forecast or kept ready."""
    known = feed.known
    with known.lock:
        names = known.forecasts.names() | known.reserves.names()
        return page(sorted(n for n in names if query.matches(n)), query, str)


def pool(feed: Feed, name: str) -> dict[str, Any] | None:
    """Return a pool's status and its history; None if nothing is known."""
    with feed.known.lock:
        found = feed.known.reserves.get(name)
        return None if found is None else {"now": found.shown(), "history": found.rows()}


def forecast(feed: Feed, pool: str, resource: str, horizon: str) -> dict[str, Any] | None:
    """Return the newest forecast, what really happened before, and how past ones fared."""
    known = feed.known
    with known.lock:
        record = known.forecasts.get(pool, resource, horizon)
        if record is None:
            return None
        unit = "minute" if horizon == "HOUR" else "hour"
        actual = known.actuals.series(pool, resource, unit)
        return {
            "forecast": _plain(record),
            "actual": [{"time": t, "value": value} for t, value in actual],
            "calibration": known.calibration.shown(pool, resource, horizon, record.step_s),
            "series": known.forecasts.series(pool),
        }


def users(feed: Feed, query: Query) -> dict[str, Any]:
    """Return a page of the users that have a profile."""
    with feed.known.lock:
        found = [p for p in feed.known.profiles.values() if query.matches(p.user)]
        found.sort(key=lambda p: p.user)
        return page(found, query, lambda p: {"user": p.user, "launches": p.launches})


def profile(feed: Feed, user: str) -> dict[str, Any] | None:
    """Return a person's profile, and what was predicted for them last."""
    known = feed.known
    with known.lock:
        record = known.profiles.get(user)
        if record is None:
            return None
        last = known.flows.last(user)
        return _plain(record) | {"prediction": None if last is None else _plain(last)}


def flow(feed: Feed, user: str) -> dict[str, Any]:
    """Return who launched what after what, of one user or of all."""
    with feed.known.lock:
        return feed.known.flows.shown(user)


def alerts(feed: Feed, query: Query) -> dict[str, Any]:
    """Return a page of the incidents, newest first; `sort` may be `open`."""
    with feed.known.lock:
        found = [
            a
            for a in feed.known.alerts.values()
            if query.matches(a.subject, a.kind, a.severity, a.evidence)
            and (query.sort != "open" or a.ended_at is None)
        ]
        found.sort(key=lambda a: a.started_at, reverse=True)
        return page(found, query, _plain)


def shadow(feed: Feed, query: Query) -> dict[str, Any]:
    """Return a page of shadow runs' events, and their sums."""
    with feed.known.lock:
        return feed.known.shadows.shown(query)


def health(feed: Feed) -> dict[str, Any]:
    """Return lag, watermarks, dead letters and what the feed has read."""
    known = feed.known
    with known.lock:
        return {
            "now": round(time.time() * 1000),
            "lag": feed.lag,
            "watermarks": [
                {"partition": p, "time": t} for p, t in sorted(known.actuals.watermarks.items())
            ],
            "sources": [
                {"source": source, "time": known.sources.get(source)} for source in known.sources
            ],
            "letters": feed.letters.shown(),
            "counts": dict(known.counts),
            "caught_up": feed.is_caught_up,
        }


def decisions(feed: Feed, query: Query) -> dict[str, Any]:
    """Return a page of decisions, newest first."""
    with feed.known.lock:
        return page(feed.known.decisions.found(query), query, lambda d: d.shown())


def explain(feed: Feed, decision_id: str) -> dict[str, Any] | None:
    """Return a decision with what it rested on: reserve, forecast, prediction, its story."""
    known = feed.known
    with known.lock:
        decision = known.decisions.get(decision_id)
        if decision is None:
            return None
        reserve = known.reserves.get(decision.pool)
        hour = known.forecasts.in_force(decision.pool, decision.time)
        return {
            "decision": decision.shown(),
            "reserve": None if reserve is None else reserve.at(decision.time),
            "forecast": None if hour is None else _near(hour, decision.time),
            "prediction": _prediction(known, decision.user, decision.time),
            "story": [told.shown() for told in known.decisions.story(decision)],
        }


def _near(record: DemandForecast, time_ms: int) -> dict[str, Any]:
    """Return what a forecast of launches says of the minutes after a decision."""
    steps = [step for step in record.steps if step.time + record.step_s * 1000 > time_ms][:5]
    return {
        "made_at": record.made_at,
        "levels": record.levels,
        "peak": record.peak,
        "steps": [_plain(step) for step in steps],
    }


def _prediction(known: Known, user: str | None, time_ms: int) -> dict[str, Any] | None:
    """Return what was last predicted for a user before a time, of the newest predictions."""
    before: list[ProgramPrediction] = [
        p for p in known.predictions.values() if p.user == user and p.made_at <= time_ms
    ]
    return _plain(before[-1]) if before else None


def _plain(record: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(record)
    return plain
