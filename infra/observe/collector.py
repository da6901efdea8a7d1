"""Metrics of a collector."""

from prometheus_client import Counter, Gauge, Histogram

LOOK_TIME = Histogram(
    "warmfront_collector_look_seconds", "Time that a look at the host takes.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0),
)  # fmt: skip
EVENTS = Counter("warmfront_collector_events_total", "Events handed to Kafka.")
DELIVERED = Gauge(
    "warmfront_collector_last_delivery_timestamp_seconds",
    "When everything collected so far was last known to be delivered.",
)
