"""The page: read-only, its values are those of the topics, nothing comes from elsewhere."""

import math
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
from schemas.topics import DEMAND_OBSERVED
from streams.dashboard.feed import Feed
from streams.dashboard.server import STATIC, make_server

HOUR_MS, MINUTE_MS = 3_600_000, 60_000


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


class Written:
    """A message as the feed gets it."""

    def __init__(self, record: DemandObserved, appended_ms: int) -> None:
        self._value = Codec(MemoryIds()).encode(DEMAND_OBSERVED, record)
        self._appended_ms = appended_ms

    def value(self) -> bytes:
        return self._value

    def timestamp(self) -> tuple[int, int]:
        return 1, self._appended_ms


@pytest.mark.parametrize("through_ms", [2**62, 40 * 8766 * HOUR_MS, 3 * HOUR_MS])
def test_demand_of_a_time_that_can_not_be_is_not_shown_and_what_is_true_goes_on(
    feed: Feed, through_ms: int
) -> None:
    """The first kept the page's lock for ever, the last made all that followed come too late."""
    feed.take(observed(HOUR_MS, HOUR_MS - MINUTE_MS, 1))
    forged = observed(through_ms, HOUR_MS, 9)
    feed._decode(DEMAND_OBSERVED, Written(forged, HOUR_MS + MINUTE_MS))
    feed.take(observed(HOUR_MS + 2 * MINUTE_MS, HOUR_MS + MINUTE_MS, 2))
    shown = feed.known.actuals.series("gpu", "INSTANCES", "minute")
    assert shown[-1] == (HOUR_MS + MINUTE_MS, 2.0)
    assert feed.known.actuals.watermarks == {0: HOUR_MS + 2 * MINUTE_MS}


def test_what_is_no_number_in_a_record_leaves_its_cell_empty_and_no_page(
    feed: Feed, page: TestClient
) -> None:
    for pool, hours in (("cpu", 1.5), ("gpu", math.nan)):
        status = ReserveStatus(
            pool=pool, time=HOUR_MS, target=1, ready=1, building=0, leased=0, cap=2, hits=3,
            misses=1, hit_rate=0.75, target_hit_rate=0.9, idle_instance_hours=hours,
            lead_time_s=90.0, reason="why",
        )  # fmt: skip
        feed.take(status)
    assert page.get("/api/summary").json()["totals"]["idle_instance_hours"] is None
    rows = page.get("/api/pools").json()["rows"]
    assert {row["pool"]: row["idle_instance_hours"] for row in rows} == {"cpu": 1.5, "gpu": None}


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
