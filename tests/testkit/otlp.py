"""Receives traces as a collector of OpenTelemetry would, over HTTP."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """One span as it was sent."""

    service: str
    name: str
    trace: bytes
    span: bytes
    parent: bytes
    attributes: dict[str, str]


class OtlpReceiver:
    """A server on loopback that keeps all spans."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._take(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def way_up(self, span: Span) -> list[str]:
        """The names from a span to the root of its trace."""
        by_id = {one.span: one for one in self.spans if one.trace == span.trace}
        names = [span.name]
        while span.parent in by_id:
            span = by_id[span.parent]
            names.append(span.name)
        return names

    def ways_up(self, name: str) -> list[list[str]]:
        """The same for every span of a name."""
        return [self.way_up(span) for span in list(self.spans) if span.name == name]

    def _take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next(
                a.value.string_value
                for a in resource.resource.attributes
                if a.key == "service.name"
            )
            for scope in resource.scope_spans:
                self.spans += [
                    Span(
                        service, s.name, s.trace_id, s.span_id, s.parent_span_id,
                        {a.key: str(a.value) for a in s.attributes},
                    )
                    for s in scope.spans
                ]  # fmt: skip
