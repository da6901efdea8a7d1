"""The warehouse's views give right answers on rows whose answers are worked out by hand."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.connect.postgres import LocalPostgres
from tests.testkit.warehouse import postgres, query

pytestmark = pytest.mark.integration
HOUR_MS = 3_600_000
MONDAY = "2025-11-24 00:00:00"
MONDAY_MS = 1_763_942_400_000


@pytest.fixture(scope="module")
def server() -> Iterator[LocalPostgres]:
    with postgres() as running:
        yield running


@pytest.fixture
def database(server: LocalPostgres) -> LocalPostgres:
    tables = "forecasts, allocation_events, alerts, reserve_status, demand_observed"
    query(server, f"TRUNCATE {tables}, pool_prices, user_groups")
    return server


def insert(server: LocalPostgres, table: str, **values: Any) -> None:
    names = ", ".join(f'"{name}"' for name in values)
    places = ", ".join(["%s"] * len(values))
    query(server, f"INSERT INTO {table} ({names}) VALUES ({places})", *values.values())


def status(server: LocalPostgres, time: str, idle: float, hits: int, misses: int) -> None:
    insert(
        server, "reserve_status", pool="office", time=time, target=1, ready=1, building=0,
        paused=0, shelved=0, leased=0, cap=5, hits=hits, misses=misses, hit_rate=1.0,
        target_hit_rate=0.95, idle_instance_hours=idle, lead_time_s=60.0, reason="r",
        observe_only=False, unresolved=0,
    )  # fmt: skip


def event(server: LocalPostgres, request: str, kind: str, time: str, **values: Any) -> None:
    insert(
        server, "allocation_events", event_id=f"{request}/{kind}", request_id=request, kind=kind,
        pool="office", time=time, reason="r", **values,
    )  # fmt: skip


def test_cost_falls_into_the_week_it_arose_in(database: LocalPostgres) -> None:
    insert(database, "pool_prices", pool="office", per_hour=2.0, currency="EUR")
    status(database, "2025-11-23 22:00", idle=10.0, hits=5, misses=1)
    status(database, "2025-11-24 01:00", idle=13.0, hits=8, misses=1)
    status(database, "2025-11-24 02:00", idle=0.5, hits=2, misses=0)  # the allocator began anew
    status(database, "2025-11-24 03:00", idle=1.0, hits=2, misses=3)
    event(database, "a", "ASSIGNED", "2025-11-23 23:00", tier="active", wait_ms=0, user="u")
    event(database, "a", "RELEASED", "2025-11-24 00:30")
    event(database, "b", "ASSIGNED", "2025-11-24 02:00", tier="active", wait_ms=0, user="u")
    rows = query(
        database,
        """SELECT week::text, idle_instance_hours, leased_instance_hours, hits, misses, idle_cost,
                  leased_cost, currency FROM cost_per_pool_and_week ORDER BY week""",
    )
    assert rows == [
        ("2025-11-17", 10.0, 1.0, 5, 1, 20.0, 2.0, "EUR"),
        # Half an hour of the first lease, and the open one up to the last word, at three.
        ("2025-11-24", 3.5, 1.5, 3, 3, 7.0, 3.0, "EUR"),
    ]


def test_a_pool_without_a_price_has_hours_and_no_cost(database: LocalPostgres) -> None:
    status(database, MONDAY, idle=4.0, hits=0, misses=0)
    rows = query(database, "SELECT idle_instance_hours, idle_cost FROM cost_per_pool_and_week")
    assert rows == [(4.0, None)]


def test_waits_by_group(database: LocalPostgres) -> None:
    insert(database, "user_groups", user="ada", group_name="engineers")
    for number, wait_ms in enumerate((0, 1000, 5000)):
        tier = "cold" if wait_ms == 5000 else "active"
        event(database, f"e{number}", "ASSIGNED", MONDAY, user="ada", program="editor", tier=tier,
              wait_ms=wait_ms)  # fmt: skip
    event(database, "n", "ASSIGNED", MONDAY, user="bob", program="editor", tier="cold",
          wait_ms=60_000)  # fmt: skip
    event(database, "n", "RELEASED", MONDAY, user="bob", program="editor", tier="cold",
          wait_ms=60_000)  # fmt: skip
    rows = query(
        database,
        """SELECT group_name, program, requests, round(warm_ratio::numeric, 3)::float, wait_s_p50,
                  wait_s_p95, wait_s_max FROM waits_by_user_group ORDER BY 1""",
    )
    assert rows == [
        ("engineers", "editor", 3, 0.667, 1.0, 4.6, 5.0),
        ("no group", "editor", 1, 0.0, 60.0, 60.0, 60.0),
    ]


def observed(
    server: LocalPostgres, partition: int, closed: str, *minutes: tuple[int, int, int, int]
) -> None:
    """Tell minutes: number since Monday, launches, mean and last CPU in millicores."""
    told = [
        {
            "time": MONDAY_MS + number * 60_000, "launches": launches,
            "cpu_millicore_ms": mean * 60_000, "cpu_millicores": after,
            "memory_kib_ms": 0, "storage_kib_ms": 0, "network_byte_ms": 0, "memory_kib": 0,
            "storage_kib": 0, "network_bytes_per_s": 0,
        }
        for number, launches, mean, after in minutes
    ]  # fmt: skip
    insert(
        server, "demand_observed", pool="office", source_partition=partition, source_offset=0,
        closed_through=closed, minutes=json.dumps(told), expected_launches=0.0,
    )  # fmt: skip


def test_hours_count_launches_and_the_levels_that_were_kept(database: LocalPostgres) -> None:
    # Partition 0: half a minute of two cores, then two cores until 01:30, then none.
    observed(database, 0, "2025-11-24 01:00", (30, 2, 1000, 2000))
    observed(database, 0, "2025-11-24 03:00", (90, 1, 0, 0))
    # Partition 1 keeps one core from minute 10 on, and has closed two hours only.
    observed(database, 1, "2025-11-24 02:00", (10, 1, 0, 1000))
    rows = query(
        database, "SELECT hour::text, launches, cpu_cores FROM demand_per_hour ORDER BY hour"
    )
    assert [row[:2] for row in rows] == [(MONDAY, 3.0), ("2025-11-24 01:00:00", 1.0)]
    assert rows[0][2] == pytest.approx((1 + 29 * 2 + 49) / 60)
    assert rows[1][2] == pytest.approx((30 * 2 + 60) / 60)


def forecast(
    server: LocalPostgres, resource: str, horizon: str, step_s: int, steps: list[list[float]]
) -> None:
    told = [
        {"time": MONDAY_MS + k * step_s * 1000, "quantiles": row} for k, row in enumerate(steps)
    ]
    insert(
        server, "forecasts", forecast_id=f"{resource}-{horizon}", pool="office", resource=resource,
        unit="launches", made_at=MONDAY, horizon=horizon, step_s=step_s, steps=json.dumps(told),
        levels="[0.1, 0.9]", peak="[0, 0]", model="m",
    )  # fmt: skip


def test_calibration_counts_only_what_is_over(database: LocalPostgres) -> None:
    observed(database, 0, "2025-11-24 02:00", (0, 3, 0, 0), (2, 1, 0, 0), (70, 1, 0, 0))
    # Launches: 4 in the first hour, 1 in the second; the third hour isn't over.
    forecast(database, "INSTANCES", "DAY", 3600, [[2.0, 5.0], [1.0, 2.0], [0.0, 9.0]])
    # Minutes: 3, 0, 1; the silent one counts as 0.
    forecast(database, "INSTANCES", "HOUR", 60, [[0.0, 2.0], [0.0, 1.0], [0.0, 1.0]])
    rows = query(
        database,
        """SELECT horizon, level, steps, share_below, pinball_loss, mean_actual
           FROM calibration_by_horizon ORDER BY 1, 2""",
    )
    assert [row[:4] for row in rows] == [
        ("DAY", 0.1, 2, 0.5), ("DAY", 0.9, 2, 1.0),
        ("HOUR", 0.1, 3, pytest.approx(1 / 3)), ("HOUR", 0.9, 3, pytest.approx(2 / 3)),
    ]  # fmt: skip
    # At 0.1: (4 - 2) and (1 - 1), a tenth each; at 0.9: one below by 1, one by 1, a tenth each.
    assert rows[0][4:] == (pytest.approx(0.1), 2.5)
    assert rows[1][4:] == (pytest.approx(0.1), 2.5)


def test_incidents_show_their_newest_word(database: LocalPostgres) -> None:
    same = {
        "incident_id": "i", "subject": "office", "kind": "level", "started_at": MONDAY,
        "observed": 9.0, "expected_low": 0.0, "expected_high": 1.0, "evidence": "{}",
    }  # fmt: skip
    insert(database, "alerts", alert_id="i/opened", severity="WARNING", **same)
    insert(database, "alerts", alert_id="i/worse", severity="CRITICAL", **same)
    assert query(database, "SELECT severity, ended_at FROM incidents") == [("CRITICAL", None)]
    insert(database, "alerts", alert_id="i/ended", severity="CRITICAL",
           ended_at="2025-11-24 01:00:00", **same)  # fmt: skip
    ((lasted,),) = query(database, "SELECT lasted FROM incidents")
    assert lasted.total_seconds() == HOUR_MS / 1000
