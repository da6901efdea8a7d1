"""Metrics of an allocator. The reserve's are made from each pool's newest status when asked for."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

COMMIT_TIME = Histogram(
    "warmfront_allocator_commit_seconds", "Time a transaction takes.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0),
)  # fmt: skip
WAIT_TIME = Histogram(
    "warmfront_allocator_wait_seconds", "How long a request waited for its instance.",
    ["pool", "tier"], buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
)  # fmt: skip
EVENTS = Counter(
    "warmfront_allocator_events_total", "What became of requests and instances.", ["pool", "kind"]
)
REQUESTS = Counter("warmfront_allocator_requests_total", "Requests taken.")
DEAD_LETTERS = Counter(
    "warmfront_allocator_dead_letters_total", "Messages that could not be used.", ["topic"]
)
CALL_TIME = Histogram(
    "warmfront_allocator_cloud_call_seconds", "Time a call to the cloud takes.", ["verb", "answer"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)  # fmt: skip
LISTING_FAILURES = Counter(
    "warmfront_allocator_listing_failures_total", "Listings that the cloud did not answer."
)

STATES = ("target", "ready", "building", "paused", "shelved", "leased", "cap", "unresolved")


class Status(Protocol):
    """What is read of a pool's status."""

    @property
    def pool(self) -> str: ...


class ReserveCollector(Collector):
    """Turns the newest statuses into metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._statuses: dict[str, Any] = {}
        registry.register(self)

    def tell(self, statuses: Iterable[Status]) -> None:
        """Keep statuses, the newest of each pool last."""
        for status in statuses:
            self._statuses[status.pool] = status

    def forget(self, pools: Iterable[str]) -> None:
        """Leave pools to whoever owns them now."""
        for pool in pools:
            self._statuses.pop(pool, None)

    def collect(self) -> Iterator[Metric]:
        """Give the metrics of all pools."""
        statuses = list(self._statuses.values())
        yield _gauge("instances", "Instances of a pool by state.", statuses, STATES)
        yield _single("hit_ratio", "Share of requests served warm.", statuses, "hit_rate")
        yield _single("target_hit_ratio", "What it should be.", statuses, "target_hit_rate")
        yield _single("lead_time_seconds", "How long a launch takes.", statuses, "lead_time_s")
        yield _counter("hits", "Requests served warm.", statuses, lambda s: s.hits)
        yield _counter("misses", "Requests that waited for a launch.", statuses, lambda s: s.misses)
        yield _counter(
            "idle_instance_seconds", "Time paid for and not used.", statuses,
            lambda s: s.idle_instance_hours * 3600,
        )  # fmt: skip


def committed(outbox: Any, letters: Iterable[Any], took_s: float) -> None:
    """Count what a transaction told."""
    COMMIT_TIME.observe(took_s)
    RESERVE.tell(outbox.statuses)
    for event in outbox.events:
        EVENTS.labels(event.pool, event.kind).inc()
        if event.kind == "ASSIGNED" and event.wait_ms is not None:
            WAIT_TIME.labels(event.pool, event.tier or "").observe(event.wait_ms / 1000)
    for letter in letters:
        DEAD_LETTERS.labels(letter.topic.name).inc()


def _gauge(name: str, about: str, statuses: list[Any], states: Iterable[str]) -> Metric:
    family = GaugeMetricFamily(f"warmfront_reserve_{name}", about, labels=["pool", "state"])
    for status in statuses:
        for state in states:
            family.add_metric([status.pool, state], getattr(status, state))
    return family


def _single(name: str, about: str, statuses: list[Any], field: str) -> Metric:
    family = GaugeMetricFamily(f"warmfront_reserve_{name}", about, labels=["pool"])
    for status in statuses:
        family.add_metric([status.pool], getattr(status, field))
    return family


def _counter(name: str, about: str, statuses: list[Any], value: Any) -> Metric:
    family = CounterMetricFamily(f"warmfront_reserve_{name}", about, labels=["pool"])
    for status in statuses:
        family.add_metric([status.pool], value(status))
    return family


RESERVE = ReserveCollector(REGISTRY)
