"""Serves /metrics, /healthz and /readyz of this process, in a thread of its own.

A thread, so that the answer comes and is true also where the process's own loop hangs.
"""

import json
import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import structlog
from prometheus_client import REGISTRY, CollectorRegistry, Gauge, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from infra.observe.health import Health

log = structlog.get_logger()


class PortTakenError(RuntimeError):
    """The metrics' port is in use; the text says what to change."""


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing: a scrape every few seconds is no news."""


class Endpoint:
    """A running server.

    Parameters
    ----------
    health
        What is told.
    host, port
        Where; port 0 takes a free one.
    registry
        The metrics, by default the process's.

    Raises
    ------
    PortTakenError
        If the port is in use.
    """

    def __init__(
        self, health: Health, host: str, port: int, registry: CollectorRegistry = REGISTRY
    ) -> None:
        try:
            self._server = make_server(
                host, port, _application(health, registry), ThreadingWSGIServer, _Quiet
            )
        except OSError as error:
            raise PortTakenError(
                f"no metrics on {host}:{port} ({error.strerror}): set another metrics_port "
                "(WARMFRONT_METRICS_PORT), or 0 for none"
            ) from error
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True, name="metrics").start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def serve(health: Health, host: str, port: int) -> Endpoint | None:
    """Serve this process's metrics and health; port 0 serves nothing."""
    register(health, REGISTRY)
    if port == 0:
        return None
    endpoint = Endpoint(health, host, port)
    log.info("metrics", process=health.process, url=f"http://{host}:{endpoint.port}/metrics")
    return endpoint


def register(health: Health, registry: CollectorRegistry) -> None:
    """Add the metrics that tell health, which alerts look at."""
    told: dict[str, tuple[str, Callable[[], float]]] = {
        "warmfront_live": ("1 where the process lives.", lambda: float(not health.not_live())),
        "warmfront_ready": ("1 where it does its work.", lambda: float(not health.not_ready())),
        "warmfront_loop_beat_age_seconds": (
            "Since its loop last came round.", lambda: health.beat_age_s,
        ),
    }  # fmt: skip
    for name, (about, value) in told.items():
        gauge = Gauge(name, about, ["process"], registry=registry)
        gauge.labels(process=health.process).set_function(value)


def _application(health: Health, registry: CollectorRegistry) -> Any:
    metrics = make_wsgi_app(registry)
    answers = {"/healthz": health.not_live, "/readyz": health.not_ready}

    def application(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            body: Iterable[bytes] = metrics(environ, start)
            return body
        if path not in answers:
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b"/metrics, /healthz and /readyz are here\n"]
        good = not answers[path]()
        status = "200 OK" if good else "503 Service Unavailable"
        start(status, [("Content-Type", "application/json")])
        return [json.dumps(health.state()).encode() + b"\n"]

    return application
