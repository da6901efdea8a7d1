"""Times answers by view; a view's name is one of ours, whatever path was asked for."""

import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.observe.dashboard import REQUEST_TIME


class Timed:
    """Measures every answer up to its headers: a stream of events never ends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and note how long the answer took to begin."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.monotonic()

        async def send_timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                took = REQUEST_TIME.labels(_view(scope), str(message["status"]))
                took.observe(time.monotonic() - began_s)
            await send(message)

        await self._app(scope, receive, send_timed)


def _view(scope: Any) -> str:
    """Return the path of the route that answers; others, which anybody can invent, together."""
    route = scope.get("route")
    path: str = getattr(route, "path", "") or "other"
    return path
