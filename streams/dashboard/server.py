"""Serves the page: read-only, on loopback, nothing from outside this machine."""

import asyncio
import json
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import uvicorn
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from streams.dashboard import views
from streams.dashboard.feed import Feed

STATIC = Path(__file__).with_name("static")
LOOPBACK = "127.0.0.1"
PUSH_INTERVAL_S = 1.0
# Plotly writes style elements; everything else comes from here.
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


class _Headers(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response


def make_server(feed: Feed) -> Starlette:
    """Return the web application over a feed."""

    async def page(request: Request) -> Response:
        del request
        return FileResponse(STATIC / "index.html")

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in {path.name for path in STATIC.iterdir()}:
            return Response(status_code=404)
        return FileResponse(STATIC / name)

    async def plotly(request: Request) -> Response:
        del request
        library = str(files("plotly") / "package_data" / "plotly.min.js")
        return FileResponse(library, media_type="text/javascript")

    async def summary(request: Request) -> Response:
        del request
        return JSONResponse(views.summary(feed))

    async def forecast(request: Request) -> Response:
        asked = (request.query_params.get(name, "") for name in ("pool", "resource", "horizon"))
        return _found(views.forecast(feed, *asked), "no such forecast yet")

    async def profile(request: Request) -> Response:
        return _found(views.profile(feed, request.path_params["user"]), "no such profile yet")

    async def stream(request: Request) -> Response:
        del request
        return EventSourceResponse(_changes(feed))

    async def health(request: Request) -> Response:
        del request
        return JSONResponse({"status": "ok", "records": feed.version})

    routes = [
        Route("/", page), Route("/static/plotly.min.js", plotly), Route("/static/{name}", asset),
        Route("/api/summary", summary), Route("/api/forecast", forecast),
        Route("/api/profile/{user}", profile), Route("/events", stream), Route("/healthz", health),
    ]  # fmt: skip
    hosts = [LOOPBACK, "localhost", "testserver"]
    middleware = [
        Middleware(TrustedHostMiddleware, allowed_hosts=hosts),  # no DNS rebinding
        Middleware(_Headers),
    ]
    return Starlette(routes=routes, middleware=middleware)


def _found(value: dict[str, Any] | None, otherwise: str) -> Response:
    if value is None:
        return JSONResponse({"error": otherwise}, status_code=404)
    return JSONResponse(value)


async def _changes(feed: Feed) -> AsyncIterator[dict[str, str]]:
    """Push the summary when anything changed, at most once a second."""
    shown = -1
    while True:
        if feed.version != shown:
            shown = feed.version
            yield {"event": "summary", "data": json.dumps(views.summary(feed))}
        await asyncio.sleep(PUSH_INTERVAL_S)


def serve(feed: Feed, port: int) -> None:
    """Serve the page on loopback until stopped."""
    feed.start()
    config = uvicorn.Config(make_server(feed), host=LOOPBACK, port=port, log_level="warning")
    uvicorn.Server(config).run()
