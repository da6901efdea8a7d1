"""The page: read-only, its values are those of the topics, nothing comes from elsewhere."""

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from schemas.codec import Codec, MemoryIds
from schemas.records import (
    AllocationEvent,
    DemandForecast,
    DemandObserved,
    MinuteDemand,
    ReserveStatus,
    Step,
)
from schemas.settings import Settings
from streams.dashboard.feed import Feed
from streams.dashboard.server import STATIC, make_server

HOUR_MS = 3_600_000


@pytest.fixture
def feed() -> Feed:
    return Feed(Settings(user_partitions=1), Codec(MemoryIds()))


@pytest.fixture
def page(feed: Feed) -> Iterator[TestClient]:
    with TestClient(make_server(feed)) as client:
        yield client


def forecast(made_at: int, value: float) -> DemandForecast:
    return DemandForecast(
        forecast_id=f"f{made_at}", pool="gpu", resource="INSTANCES", unit="launches",
        made_at=made_at, horizon="DAY", step_s=3600, steps=[Step(time=made_at, quantiles=[value])],
        levels=[0.5], peak=[value], model="m",
    )  # fmt: skip


def observed(through_ms: int, minute_ms: int, launches: int) -> DemandObserved:
    minute = MinuteDemand(
        time=minute_ms, launches=launches, cpu_millicore_ms=0, memory_kib_ms=0, storage_kib_ms=0,
        network_byte_ms=0, cpu_millicores=0, memory_kib=0, storage_kib=0, network_bytes_per_s=0,
    )  # fmt: skip
    return DemandObserved(
        pool="gpu", source_partition=0, source_offset=0, closed_through=through_ms, minutes=[minute]
    )


def test_the_newest_forecast_is_shown(feed: Feed, page: TestClient) -> None:
    feed.take(forecast(2 * HOUR_MS, 7.0))
    feed.take(forecast(HOUR_MS, 3.0))
    asked = {"pool": "gpu", "resource": "INSTANCES", "horizon": "DAY"}
    shown = page.get("/api/forecast", params=asked).json()
    assert shown["forecast"]["steps"] == [{"time": 2 * HOUR_MS, "quantiles": [7.0]}]


def test_what_happened_counts_repeats_once_and_idle_hours_as_none(
    feed: Feed, page: TestClient
) -> None:
    feed.take(forecast(9 * HOUR_MS, 1.0))
    feed.take(observed(HOUR_MS, 0, 7))  # may have begun before the feed: does not count
    feed.take(observed(2 * HOUR_MS, HOUR_MS, 2))
    feed.take(observed(2 * HOUR_MS, HOUR_MS, 2))
    feed.take(observed(4 * HOUR_MS, 3 * HOUR_MS, 5))
    asked = {"pool": "gpu", "resource": "INSTANCES", "horizon": "DAY"}
    actual = page.get("/api/forecast", params=asked).json()["actual"]
    assert [(a["time"] // HOUR_MS, a["value"]) for a in actual] == [(1, 2), (2, 0), (3, 5)]


def test_reserve_and_assignments_are_in_the_summary(feed: Feed, page: TestClient) -> None:
    feed.take(
        ReserveStatus(
            pool="gpu", time=1, target=3, ready=2, building=1, leased=4, cap=9, hits=8, misses=2,
            hit_rate=0.8, target_hit_rate=0.9, idle_instance_hours=1.5, lead_time_s=90.0,
            reason="because",
        )
    )  # fmt: skip
    feed.take(AllocationEvent(event_id="e", kind="ASSIGNED", pool="gpu", time=1, reason="warm"))
    summary = page.get("/api/summary").json()
    assert summary["reserve"][0]["reason"] == "because"
    assert summary["allocations"][0]["kind"] == "ASSIGNED"


def test_what_is_not_there_is_a_clear_404(page: TestClient) -> None:
    assert page.get("/api/profile", params={"user": "nobody"}).status_code == 404
    assert page.get("/api/forecast").json() == {"error": "no such forecast yet"}
    assert page.get("/static/..%2fserver.py").status_code == 404


def test_nothing_can_be_written(page: TestClient) -> None:
    assert page.post("/api/summary").status_code == 405


def test_other_hosts_names_are_refused(page: TestClient) -> None:
    assert page.get("/", headers={"host": "evil.example"}).status_code == 400


def test_everything_comes_from_here(page: TestClient) -> None:
    reply = page.get("/")
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    outside = re.compile(r"https?://(?!www\.w3\.org/2000/svg)")
    files = [path for path in STATIC.iterdir() if path.suffix in {".html", ".js", ".css", ".svg"}]
    assert len(files) > 10
    for path in files:
        assert not outside.search(path.read_text(encoding="utf-8")), path.name
    assert page.get("/static/plotly.min.js").status_code == 200
