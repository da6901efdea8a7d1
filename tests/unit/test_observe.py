"""Health tells the truth, also about a process that hangs; traces go on from message to message."""

import asyncio
import itertools
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, Gauge

from infra.observe import endpoint, tracing
from infra.observe.endpoint import Endpoint, PortTakenError
from infra.observe.health import Health
from tests.testkit.pipeline import wait_for


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def asked(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    exporter = InMemorySpanExporter()
    tracing.start("test", exporter)
    yield exporter
    tracing.stop()


def test_a_loop_that_beats_lives_and_one_that_stopped_does_not() -> None:
    clock = Clock()
    health = Health("worker", beat_limit_s=30.0, clock=clock)
    health.beat()
    clock.now_s += 29.0
    assert health.not_live() == []
    clock.now_s += 2.0
    assert health.not_live() == ["loop: no beat for 31 s"]
    health.beat()
    assert health.not_live() == []


def test_a_start_may_take_longer_than_a_pause_between_beats() -> None:
    clock = Clock()
    health = Health("worker", beat_limit_s=30.0, clock=clock)
    clock.now_s += 120.0
    assert health.not_live() == []
    clock.now_s += 200.0
    assert health.not_live() != []


def test_old_commits_are_told_as_not_live_and_not_ready() -> None:
    health = Health("worker")
    age: list[str | None] = [None]
    health.check_live("commit", lambda: age[0])
    assert (health.not_live(), health.not_ready()) == ([], [])
    age[0] = "nothing committed for 99 s"
    assert health.not_live() == health.not_ready() == ["commit: nothing committed for 99 s"]


def test_ready_waits_for_everything_that_is_named() -> None:
    health = Health("worker")
    health.wait_for("recovered", "state is being read")
    health.wait_for("models", "compiling")
    health.met("models")
    assert health.not_ready() == ["recovered: state is being read"]
    assert health.not_live() == [], "what waits is not to be restarted"
    health.met("recovered")
    assert health.not_ready() == []


def test_a_blocked_event_loop_is_told_while_it_is_blocked() -> None:
    health = Health("worker", beat_limit_s=0.3)
    server = Endpoint(health, "127.0.0.1", 0, CollectorRegistry())

    def asked_until(status: int) -> None:
        wait_for(lambda: asked(server.port, "/healthz")[0] == status, f"the answer {status}", 120)

    async def beat() -> None:
        while True:
            health.beat()
            await asyncio.sleep(0.01)

    async def scenario() -> None:
        beating = asyncio.ensure_future(beat())
        await asyncio.to_thread(asked_until, 200)
        with ThreadPoolExecutor(1) as threads:
            # Waits for the thread, which is the very thing that must be noticed.
            threads.submit(asked_until, 503).result()
        await asyncio.to_thread(asked_until, 200)
        beating.cancel()

    try:
        asyncio.run(scenario(), debug=False)
    finally:
        server.close()


def test_the_endpoint_gives_metrics_and_reasons_and_nothing_else() -> None:
    registry = CollectorRegistry()
    Gauge("warmfront_test_level", "Of a test.", registry=registry).set(4.0)
    health = Health("allocator")
    health.wait_for("assigned", "not a member of its group yet")
    endpoint.register(health, registry)
    server = Endpoint(health, "127.0.0.1", 0, registry)
    status, metrics = asked(server.port, "/metrics")
    assert status == 200
    assert "warmfront_test_level 4.0" in metrics
    assert 'warmfront_ready{process="allocator"} 0.0' in metrics
    status, body = asked(server.port, "/readyz")
    assert status == 503
    assert json.loads(body)["not_ready"] == ["assigned: not a member of its group yet"]
    health.met("assigned")
    assert asked(server.port, "/readyz")[0] == 200
    assert asked(server.port, "/etc/passwd")[0] == 404
    with pytest.raises(PortTakenError, match="WARMFRONT_METRICS_PORT"):
        Endpoint(health, "127.0.0.1", server.port, registry)
    server.close()


def test_without_being_asked_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER"):
        monkeypatch.delenv(name, raising=False)
    tracing.start("test")
    with tracing.begun("publish"):
        assert tracing.headers() is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    assert tracing.is_asked_for()
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not tracing.is_asked_for()


def test_a_trace_goes_on_through_a_header_and_into_another_thread(
    spans: InMemorySpanExporter,
) -> None:
    with tracing.begun("publish"):
        carried = tracing.headers()
    assert carried is not None
    assert carried[0][0] == "traceparent"
    with tracing.continued("step", carried):
        why = tracing.cause()

    def call() -> None:
        with tracing.under(tracing.cause(), "cloud CREATE"):
            pass

    with tracing.under(why, "commit"):
        work = tracing.carried(call)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(work).result()
    assert tracing._Tracing.provider is not None
    tracing._Tracing.provider.force_flush()
    told = {span.name: span for span in spans.get_finished_spans()}
    assert len({span.context.trace_id for span in told.values()}) == 1
    chain = ("publish", "step", "commit", "cloud CREATE")
    for before, after in itertools.pairwise(chain):
        assert told[after].parent.span_id == told[before].context.span_id


def test_messages_without_a_trace_begin_none(spans: InMemorySpanExporter) -> None:
    with tracing.continued("step", [("other", b"x")]), tracing.continued("step", None):
        assert tracing.headers() is None
        assert tracing.cause() is None
    assert tracing._Tracing.provider is not None
    tracing._Tracing.provider.force_flush()
    assert spans.get_finished_spans() == ()


def test_most_traces_are_not_kept_and_carry_no_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_TRACES_SAMPLER", raising=False)
    tracing.start("test", InMemorySpanExporter())
    kept = 0
    for _ in range(2000):
        with tracing.begun("publish"):
            kept += tracing.headers() is not None
    tracing.stop()
    assert 1 <= kept <= 60  # 20 expected; outside is less likely than 1 in 10^8
