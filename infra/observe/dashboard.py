"""Metrics of the dashboard; it sees the groups' lag also where no worker lives to tell it."""

from prometheus_client import Counter, Gauge, Histogram

RECORDS = Counter("warmfront_dashboard_records_total", "Records that the page took in.", ["topic"])
REQUEST_TIME = Histogram(
    "warmfront_dashboard_request_seconds", "Time an answer takes.", ["view", "status"],
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0),
)  # fmt: skip
GROUP_LAG = Gauge(
    "warmfront_group_lag_messages", "Messages that a consumer group has not committed yet.",
    ["group", "topic", "partition"],
)  # fmt: skip
DEAD_LETTERS = Gauge("warmfront_dead_letter_messages", "Dead letters kept.", ["topic"])
OPEN_ALERTS = Gauge("warmfront_open_incidents", "Incidents that have not ended.")
