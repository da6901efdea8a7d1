"""Who may read the page: this machine, or who has the token; never another site's page."""

import hashlib
import hmac
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "warmfront"
SIGN_IN = "/sign-in"
# What is needed to sign in, and holds no data.
OPEN_PATHS = (SIGN_IN, "/static/")
LONGEST_FORM = 4_096

# Plotly's style rules go into a style sheet of our own (see static/index.html), so that no inline
# style has to be allowed; only empty style attributes, which Plotly sets and which do nothing.
EMPTY_SHA256 = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    f"style-src-attr 'unsafe-hashes' {EMPTY_SHA256}; connect-src 'self'; "
    "img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class SecureHeaders:
    """Adds the headers that keep other sites out to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the headers."""

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with)


class SameOrigin:
    """Refuses what a browser says comes from another site's page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 403."""
        if scope["type"] == "http" and is_foreign(Headers(scope=scope), scope["path"]):
            refusal = JSONResponse({"error": "not for other sites"}, status_code=403)
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def is_foreign(headers: Headers, path: str) -> bool:
    """Tell whether a browser says that another site asks; a plain link to the page may come in.

    Examples
    --------
    >>> is_foreign(Headers({"sec-fetch-site": "cross-site"}), "/api/summary")
    True
    >>> is_foreign(Headers({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}), "/")
    False
    >>> is_foreign(Headers({"origin": "http://evil.example", "host": "127.0.0.1:28080"}), "/")
    True
    """
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return True
    if headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
        return False
    return not (path == "/" and headers.get("sec-fetch-mode") == "navigate")


class TokenGate:
    """Lets in who has the token: as a bearer, or as the cookie that signing in gives.

    Parameters
    ----------
    token
        What has to be known; the cookie holds a keyed hash of it, not itself.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token
        self._pass = hmac.new(token.encode(), b"warmfront page", hashlib.sha256).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, ask to sign in, or answer 401."""
        path = scope.get("path", "")
        if scope["type"] != "http" or path.startswith(OPEN_PATHS[1]):
            await self._app(scope, receive, send)
        elif path == SIGN_IN and scope["method"] == "POST":
            await (await self._signed_in(Request(scope, receive)))(scope, receive, send)
        elif path == SIGN_IN or self._is_known(Headers(scope=scope)):
            await self._app(scope, receive, send)
        else:
            await _refusal(path)(scope, receive, send)

    def _is_known(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return hmac.compare_digest(given.strip().encode(), self._token.encode())
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        return morsel is not None and hmac.compare_digest(morsel.value, self._pass)

    async def _signed_in(self, request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > LONGEST_FORM:
                return JSONResponse({"error": "too long"}, status_code=413)
        given = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0]
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return RedirectResponse(f"{SIGN_IN}?wrong", status_code=303)
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(
            COOKIE, self._pass, httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return answer


def _refusal(path: str) -> Response:
    if path == "/":
        return RedirectResponse(SIGN_IN, status_code=303)
    return JSONResponse(
        {"error": "needs the token"}, status_code=401, headers={"WWW-Authenticate": "Bearer"}
    )
