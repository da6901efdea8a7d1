"""Serves the page: read-only, on loopback unless told otherwise, nothing from outside."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from schemas.settings import Settings
from streams.dashboard import api
from streams.dashboard.feed import Feed
from streams.dashboard.security import SIGN_IN, SameOrigin, SecureHeaders, TokenGate
from streams.dashboard.timed import Timed

STATIC = Path(__file__).with_name("static")
PLOTLY = Path(str(files("plotly") / "package_data" / "plotly.min.js"))
PLOTLY_STAT = PLOTLY.stat()
LOOPBACK = ("127.0.0.1", "::1", "localhost")
# Starlette's test client goes by this name.
LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]", "testserver")


class UnsafeAddressError(ValueError):
    """The page would be open to the network; the text says what to do."""


class _Files(StaticFiles):
    """Files that a browser may keep but asks about each time: they change with a release."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "no-cache"
        return response


def make_server(feed: Feed, token: str | None = None) -> Starlette:
    """Return the web application over a feed; with a token, only for who has it."""
    routes = [
        Route("/", _file(STATIC / "index.html")),
        Route(SIGN_IN, _file(STATIC / "sign-in.html")),
        Route("/static/plotly.min.js", _plotly),
        Mount("/static", _Files(directory=STATIC)),
        Route("/healthz", _health(feed)),
        *api.routes(feed),
    ]
    middleware = [Middleware(Timed), Middleware(SecureHeaders), Middleware(SameOrigin)]
    if token is None:
        hosts = list(LOCAL_HOSTS)  # no DNS rebinding
        middleware.append(Middleware(TrustedHostMiddleware, allowed_hosts=hosts))
    else:
        middleware.append(Middleware(TokenGate, token=token))
    return Starlette(routes=routes, middleware=middleware)


def checked_token(settings: Settings) -> str | None:
    """Return the token that readers need.

    Raises
    ------
    UnsafeAddressError
        If the address is not loopback and there is no token.

    Examples
    --------
    >>> checked_token(Settings(dashboard_host="127.0.0.1")) is None
    True
    """
    secret = settings.dashboard_token
    token = None if secret is None else secret.get_secret_value()
    if token or settings.dashboard_host in LOOPBACK:
        return token or None
    raise UnsafeAddressError(
        f"dashboard_host {settings.dashboard_host} can be reached from the network: set "
        "dashboard_token (WARMFRONT_DASHBOARD_TOKEN) too, or leave it on 127.0.0.1"
    )


def serve(feed: Feed, settings: Settings, port: int) -> None:
    """Serve the page until stopped."""
    app = make_server(feed, checked_token(settings))
    feed.start()
    config = uvicorn.Config(app, host=settings.dashboard_host, port=port, log_level="warning")
    uvicorn.Server(config).run()


def _file(path: Path) -> Any:
    async def answer(request: Request) -> Response:
        del request
        return FileResponse(path, headers={"Cache-Control": "no-cache"})

    return answer


async def _plotly(request: Request) -> Response:
    """Serve Plotly's library from the files of its installed wheel."""
    response = FileResponse(PLOTLY, media_type="text/javascript", stat_result=PLOTLY_STAT)
    response.headers["Cache-Control"] = "no-cache"
    if request.headers.get("if-none-match") == response.headers["etag"]:
        return Response(status_code=304, headers=dict(response.headers))
    return response


def _health(feed: Feed) -> Any:
    async def answer(request: Request) -> Response:
        del request
        return JSONResponse({"status": "ok", "records": feed.known.version})

    return answer
