"""Traces from telemetry to action: W3C trace context in Kafka headers, OpenTelemetry spans.

Off unless the standard environment variables name where to send them; then one in a hundred
begun traces is kept, or what OTEL_TRACES_SAMPLER says. Only what is kept carries a header, and
nobody begins a trace but who publishes telemetry or a request: where there is no header, a step
costs one comparison more.
"""

import contextlib
import contextvars
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

Header = tuple[str, bytes]
KEPT_SHARE = 0.01
HEADER = "traceparent"
_ADDRESSES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROPAGATOR = TraceContextTextMapPropagator()


class _Tracing:
    """What is set up; its provider is None while tracing is off."""

    provider: TracerProvider | None = None


class _Headers(Getter[Sequence[Header]]):
    def get(self, carrier: Sequence[Header], key: str) -> list[str] | None:
        found = [value.decode("ascii", "replace") for name, value in carrier if name == key]
        return found or None

    def keys(self, carrier: Sequence[Header]) -> list[str]:
        return [name for name, _ in carrier]


_GETTER = _Headers()


def is_asked_for() -> bool:
    """Tell whether the environment asks for traces."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = os.environ.get("OTEL_TRACES_EXPORTER")
    return exporter == "otlp" or (exporter is None and any(map(os.environ.get, _ADDRESSES)))


def start(process: str, exporter: SpanExporter | None = None) -> None:
    """Begin to trace if asked for; `exporter` is for tests, by default OTLP over HTTP."""
    if exporter is None:
        if not is_asked_for():
            return
        # Imported only where needed: 120 ms, and it brings in an HTTP client.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )

        exporter = OTLPSpanExporter()
    name = os.environ.get("OTEL_SERVICE_NAME", f"warmfront-{process}")
    provider = TracerProvider(sampler=_sampler(), resource=Resource.create({SERVICE_NAME: name}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _Tracing.provider = provider


def stop() -> None:
    """Send what is left, and trace no more."""
    if _Tracing.provider is not None:
        _Tracing.provider.shutdown()
        _Tracing.provider = None


def _sampler() -> Sampler | None:
    """Return the usual sampler; None where the environment names one, which the library reads."""
    if "OTEL_TRACES_SAMPLER" in os.environ:
        return None
    return ParentBased(TraceIdRatioBased(KEPT_SHARE))


@contextlib.contextmanager
def begun(name: str, **attributes: Any) -> Iterator[None]:
    """Trace a block as the beginning of something, or as a part of what goes on around it."""
    if _Tracing.provider is None:
        yield
        return
    tracer = _Tracing.provider.get_tracer("warmfront")
    with tracer.start_as_current_span(name, attributes=attributes):
        yield


@contextlib.contextmanager
def continued(name: str, headers: Sequence[Header] | None, **attributes: Any) -> Iterator[None]:
    """Trace a block as what a message led to; one without a trace is not traced."""
    if _Tracing.provider is None or not headers or all(key != HEADER for key, _ in headers):
        yield
        return
    parent = _PROPAGATOR.extract(headers, getter=_GETTER)
    tracer = _Tracing.provider.get_tracer("warmfront")
    with tracer.start_as_current_span(name, parent, trace.SpanKind.CONSUMER, attributes=attributes):
        yield


@contextlib.contextmanager
def under(cause: Context | None, name: str, **attributes: Any) -> Iterator[None]:
    """Trace a block as what an earlier one led to (see `cause`)."""
    if _Tracing.provider is None or cause is None:
        yield
        return
    tracer = _Tracing.provider.get_tracer("warmfront")
    with tracer.start_as_current_span(name, cause, attributes=attributes):
        yield


def cause() -> Context | None:
    """Return what goes on now, to name it as a cause later; None where it is not traced."""
    if _Tracing.provider is None:
        return None
    span = trace.get_current_span()
    return trace.set_span_in_context(span) if span.get_span_context().trace_flags.sampled else None


def headers() -> list[Header] | None:
    """Return the header that names what goes on now; None where it is not traced."""
    if _Tracing.provider is None or not trace.get_current_span().get_span_context().is_valid:
        return None
    if not trace.get_current_span().get_span_context().trace_flags.sampled:
        return None
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return [(name, value.encode("ascii")) for name, value in carrier.items()]


def carried(work: Callable[[], Any]) -> Callable[[], Any]:
    """Return `work` so that it is part of what goes on now, also in another thread."""
    if _Tracing.provider is None:
        return work
    context = contextvars.copy_context()
    return lambda: context.run(work)
