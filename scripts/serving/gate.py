"""Access to the live page: for requests with the token, or on loopback for requests to a loopback host name."""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Collection, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.status import HTTP_503_SERVICE_UNAVAILABLE
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
COOKIE: Final = "position_ledger_page"
OPEN_TO_ALL: Final = frozenset({"/enter", "/healthz", "/page.css", "/live.js"})
"""Paths that show nothing of a ledger."""
TOKEN_MIN: Final = 16
RETRY_SECONDS: Final = 5
"""After how long a browser may ask again that got no answer now: as long as a restart takes."""
_PORT: Final = re.compile(r":[0-9]*\Z", re.ASCII)
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class AccessToken:
    """The secret of the page. A browser gets a cookie that is derived from it and does not reveal it."""

    def __init__(self, secret: str) -> None:
        """Refuses: ValueError for a secret that is too short, or that no HTTP header can carry."""
        if len(secret) < TOKEN_MIN:
            raise ValueError(f"the token has {len(secret)} letters, and fewer than {TOKEN_MIN} can be guessed")
        if not (secret.isascii() and secret.isprintable()) or " " in secret:
            raise ValueError("the token has a letter that no header can carry: use those of ASCII, without blanks")
        self._secret = secret.encode()
        self.cookie = hmac.digest(self._secret, b"position-ledger page", "sha256").hex()

    def opens(self, candidate: str) -> bool:
        """Whether this is the token; the comparison takes the same time for a wrong one."""
        return hmac.compare_digest(candidate.encode(), self._secret)

    def let_in(self, headers: Headers) -> bool:
        """Whether a request has the cookie, or the token itself as a bearer token."""
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.opens(bearer.strip()):
            return True
        return hmac.compare_digest(_cookie(headers).encode(), self.cookie.encode())


class Gate:
    """Middleware before every route: it checks the host name and the token, and adds the security headers."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None, token: AccessToken | None) -> None:
        """`hosts` are the host names that are answered, None for any; without a token every request is let in."""
        assert hosts is not None or token is not None, "nobody listens to the world without a token"
        self._app, self._hosts, self._token = app, hosts, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request that is let in, and refuse any other."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        is_answered = False

        async def send_guarded(message: Message) -> None:
            nonlocal is_answered
            if message["type"] == "http.response.start":
                is_answered, headers = True, MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if message["status"] == HTTP_503_SERVICE_UNAVAILABLE:
                    headers["Retry-After"] = str(RETRY_SECONDS)
            await send(message)

        refusal = self._refusal(scope["path"], Headers(scope=scope))
        try:
            await (refusal or self._app)(scope, receive, send_guarded)
        except asyncio.CancelledError:  # the server is stopped, and waits no longer
            if not is_answered:
                stopped = PlainTextResponse("the server is stopped; ask again\n", HTTP_503_SERVICE_UNAVAILABLE)
                await stopped(scope, receive, send_guarded)
            raise

    def _refusal(self, path: str, headers: Headers) -> Response | None:
        if self._hosts is not None and _PORT.sub("", headers.get("host", "")).lower() not in self._hosts:
            return PlainTextResponse(f"this page is called {' or '.join(sorted(self._hosts))}, and nothing else\n", 421)
        if self._token is None or path in OPEN_TO_ALL or self._token.let_in(headers):
            return None
        if path == "/events" or "text/html" not in headers.get("accept", ""):
            return PlainTextResponse("the token is missing: Authorization: Bearer TOKEN\n", 401)
        return RedirectResponse("/enter", 303)


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value
