"""The addresses under /api/: each gives a view as JSON, and nothing can be written."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streams.dashboard import views
from streams.dashboard.feed import Feed
from streams.dashboard.paging import BadQueryError, Query

PUSH_INTERVAL_S = 1.0
# Gives a view from what reads the address's parameters; None where it is about nothing known.
One = Callable[[Callable[[str], str]], dict[str, Any] | None]
LISTS = {
    "pools": views.pools, "pool-names": views.pool_names, "users": views.users,
    "alerts": views.alerts, "shadow": views.shadow, "decisions": views.decisions,
}  # fmt: skip


class JsonResponse(Response):
    """JSON in which what is no number is null: one such value in a record broke a whole page."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)


def routes(feed: Feed) -> list[Route]:
    """Return the routes over a feed."""
    wholes: dict[str, Callable[[], dict[str, Any]]] = {
        "summary": lambda: views.summary(feed),
        "health": lambda: views.health(feed),
    }
    ones: dict[str, tuple[One, str]] = {
        "pool": (lambda q: views.pool(feed, q("pool")), "no such pool yet"),
        "forecast": (
            lambda q: views.forecast(feed, q("pool"), q("resource"), q("horizon")),
            "no such forecast yet",
        ),
        "profile": (lambda q: views.profile(feed, q("user")), "no such profile yet"),
        "flow": (lambda q: views.flow(feed, q("user")), ""),
        "explain": (lambda q: views.explain(feed, q("id")), "no such decision"),
    }  # fmt: skip
    return [
        *(Route(f"/api/{name}", _whole(view)) for name, view in wholes.items()),
        *(Route(f"/api/{name}", _list(view, feed)) for name, view in LISTS.items()),
        *(Route(f"/api/{name}", _one(view, otherwise)) for name, (view, otherwise) in ones.items()),
        Route("/events", _stream(feed)),
    ]


def _whole(view: Callable[[], dict[str, Any]]) -> Any:
    async def answer(request: Request) -> Response:
        del request
        return JsonResponse(view())

    return answer


def _list(view: Callable[[Feed, Query], dict[str, Any]], feed: Feed) -> Any:
    async def answer(request: Request) -> Response:
        try:
            query = Query.of(request.query_params)
        except BadQueryError as error:
            return JsonResponse({"error": str(error)}, status_code=400)
        return JsonResponse(view(feed, query))

    return answer


def _one(view: One, otherwise: str) -> Any:
    async def answer(request: Request) -> Response:
        found = view(lambda name: request.query_params.get(name, ""))
        if found is None:
            return JsonResponse({"error": otherwise}, status_code=404)
        return JsonResponse(found)

    return answer


def _stream(feed: Feed) -> Any:
    async def answer(request: Request) -> Response:
        del request
        return EventSourceResponse(_changes(feed))

    return answer


async def _changes(feed: Feed) -> AsyncIterator[dict[str, str]]:
    """Push the summary when anything changed, at most once a second."""
    shown: tuple[int, Any] | None = None
    while True:
        state = (feed.known.version, feed.lag.get("read_ms"))
        if state != shown:
            shown = state
            yield {"event": "summary", "data": msgspec.json.encode(views.summary(feed)).decode()}
        await asyncio.sleep(PUSH_INTERVAL_S)
