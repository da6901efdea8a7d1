"""Makes the Grafana dashboard: `python -m infra.grafana.panels` writes warmfront.json beside it."""

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("warmfront.json")
WIDTH, HEIGHT, COLUMNS = 8, 8, 3
SOURCE = {"type": "prometheus", "uid": "${source}"}
POOL = 'pool=~"$pool"'

# Title, unit, then each query with its legend.
PANELS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("Served warm, against target", "percentunit", {
        f"warmfront_reserve_hit_ratio{{{POOL}}}": "{{pool}}",
        f"warmfront_reserve_target_hit_ratio{{{POOL}}}": "{{pool}} target",
    }),
    ("Reserve by state", "short", {
        f'sum by (state) (warmfront_reserve_instances{{{POOL}, state!~"cap|unresolved"}})': "{{state}}",
    }),
    ("Instances against the cap", "short", {
        f'sum(warmfront_reserve_instances{{{POOL}, state=~"ready|building|paused|shelved|leased"}})':
            "instances",
        f'sum(warmfront_reserve_instances{{{POOL}, state="cap"}})': "cap",
    }),
    ("Hits and misses a minute", "short", {
        f"sum(rate(warmfront_reserve_hits_total{{{POOL}}}[5m])) * 60": "hits",
        f"sum(rate(warmfront_reserve_misses_total{{{POOL}}}[5m])) * 60": "misses",
    }),
    ("Wait for an instance", "s", {
        f"histogram_quantile(0.5, sum by (le) (rate(warmfront_allocator_wait_seconds_bucket{{{POOL}}}[15m])))":
            "p50",
        f"histogram_quantile(0.99, sum by (le) (rate(warmfront_allocator_wait_seconds_bucket{{{POOL}}}[15m])))":
            "p99",
    }),
    ("Idle instances paid for, on average", "short", {
        f"sum(rate(warmfront_reserve_idle_instance_seconds_total{{{POOL}}}[15m]))": "idle",
    }),
    ("What became of requests and instances, a minute", "short", {
        f"sum by (kind) (rate(warmfront_allocator_events_total{{{POOL}}}[5m])) * 60": "{{kind}}",
    }),
    ("Calls to the cloud, p95", "s", {
        "histogram_quantile(0.95, sum by (le, verb) (rate(warmfront_allocator_cloud_call_seconds_bucket[15m])))":
            "{{verb}}",
        "rate(warmfront_allocator_listing_failures_total[5m])": "listings failed a second",
    }),
    ("Transactions, p95", "s", {
        "histogram_quantile(0.95, sum by (le) (rate(warmfront_allocator_commit_seconds_bucket[5m])))":
            "commit",
    }),
    ("Messages behind", "short", {
        "sum by (group, topic) (warmfront_group_lag_messages)": "{{group}} {{topic}}",
        "sum by (topic) (warmfront_worker_lag_messages)": "owned by workers {{topic}}",
    }),
    ("Event time behind the clock", "s", {
        "time() - warmfront_worker_closed_through_timestamp_seconds": "partition {{partition}}",
        "time() - max(warmfront_worker_last_forecast_timestamp_seconds)": "newest forecast",
    }),
    ("Messages a second, by stage", "short", {
        "sum by (stage) (rate(warmfront_worker_step_seconds_count[5m]))": "{{stage}}",
    }),
    ("Time of a step, p95", "s", {
        "histogram_quantile(0.95, sum by (le, stage) (rate(warmfront_worker_step_seconds_bucket[5m])))":
            "{{stage}}",
    }),
    ("Records sent a second", "short", {
        "sum by (topic) (rate(warmfront_worker_outputs_total[5m]))": "{{topic}}",
    }),
    ("Dead letters", "short", {
        "warmfront_dead_letter_messages": "{{topic}}",
        "increase(warmfront_worker_dead_letters_total[1h])": "new of {{topic}}",
        "increase(warmfront_allocator_dead_letters_total[1h])": "new of {{topic}} (allocator)",
    }),
    ("Ready and alive", "short", {
        "warmfront_ready": "{{process}} {{instance}} ready",
        "warmfront_live": "{{process}} {{instance}} lives",
    }),
    ("Since the last commit, and the last beat", "s", {
        "warmfront_worker_commit_age_seconds": "commit {{instance}}",
        "warmfront_loop_beat_age_seconds": "beat {{process}} {{instance}}",
    }),
    ("Partitions owned", "short", {"warmfront_worker_assigned_partitions": "{{instance}}"}),
    ("Memory", "bytes", {"process_resident_memory_bytes": "{{instance}}"}),
    ("Processor", "short", {"rate(process_cpu_seconds_total[5m])": "{{instance}}"}),
    ("Open incidents", "short", {"warmfront_open_incidents": "open"}),
    ("Collector: events a second, look p95", "short", {
        "rate(warmfront_collector_events_total[5m])": "events {{instance}}",
        "histogram_quantile(0.95, sum by (le) (rate(warmfront_collector_look_seconds_bucket[5m])))":
            "look, seconds",
    }),
    ("Page: answers, p95", "s", {
        "histogram_quantile(0.95, sum by (le, view) (rate(warmfront_dashboard_request_seconds_bucket[5m])))":
            "{{view}}",
    }),
    ("Requests a minute", "short", {
        "rate(warmfront_allocator_requests_total[5m]) * 60": "{{instance}}",
    }),
)  # fmt: skip


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana imports it."""
    return {
        "uid": "warmfront", "title": "Warmfront", "tags": ["warmfront"], "schemaVersion": 39,
        "editable": True, "refresh": "30s", "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_source(), _pools()]},
        "panels": [_panel(number, *panel) for number, panel in enumerate(PANELS)],
    }  # fmt: skip


def text() -> str:
    """Return it as the file holds it."""
    return json.dumps(dashboard(), indent=1) + "\n"


def _source() -> dict[str, Any]:
    return {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}


def _pools() -> dict[str, Any]:
    return {
        "name": "pool", "type": "query", "label": "Pool", "datasource": SOURCE, "multi": True,
        "includeAll": True, "refresh": 2, "allValue": ".*",
        "query": "label_values(warmfront_reserve_hit_ratio, pool)",
        "current": {"text": "All", "value": "$__all"},
    }  # fmt: skip


def _panel(number: int, title: str, unit: str, queries: dict[str, str]) -> dict[str, Any]:
    place = {
        "x": number % COLUMNS * WIDTH, "y": number // COLUMNS * HEIGHT, "w": WIDTH, "h": HEIGHT,
    }  # fmt: skip
    targets = [
        {"refId": chr(ord("A") + at), "expr": query, "legendFormat": legend, "datasource": SOURCE}
        for at, (query, legend) in enumerate(queries.items())
    ]
    return {
        "id": number + 1, "type": "timeseries", "title": title, "gridPos": place,
        "datasource": SOURCE, "targets": targets,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
    }  # fmt: skip


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
