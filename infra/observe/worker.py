"""Metrics of a worker. No label names a user."""

from prometheus_client import Counter, Gauge, Histogram

# Steps take 0.1 to 5 ms; one that closes a minute of many pools takes up to seconds.
STEP_BUCKETS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)

STEP_TIME = Histogram(
    "warmfront_worker_step_seconds", "Time a message takes, outputs durable.", ["stage"],
    buckets=STEP_BUCKETS,
)  # fmt: skip
OUTPUTS = Counter("warmfront_worker_outputs_total", "Records sent.", ["topic"])
DEAD_LETTERS = Counter(
    "warmfront_worker_dead_letters_total", "Messages that could not be used.", ["topic"]
)
LAG = Gauge(
    "warmfront_worker_lag_messages", "Messages not committed yet, of what this worker owns.",
    ["topic", "partition"],
)  # fmt: skip
COMMIT_AGE = Gauge(
    "warmfront_worker_commit_age_seconds",
    "Since the last commit of the partition that waits longest; up to 10 where none waits.",
)
ASSIGNED = Gauge("warmfront_worker_assigned_partitions", "Partitions that this worker owns.")
CLOSED_THROUGH = Gauge(
    "warmfront_worker_closed_through_timestamp_seconds",
    "Event time that a partition of users has closed.", ["partition"],
)  # fmt: skip
FORECAST_MADE = Gauge(
    "warmfront_worker_last_forecast_timestamp_seconds", "Event time of the newest forecast."
)
