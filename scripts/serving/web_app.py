"""The routes of the live page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from domain.errors import InvalidCommand, LedgerError, UnknownPosition
from infrastructure.ledger.ledger import now
from scripts.commands.daily.history import tell, title_of, with_events
from scripts.html.cycle_page import page_of
from scripts.html.page import TEMPLATES, filled
from scripts.replica_place import told as told_place
from scripts.serving.board import Board
from scripts.serving.event_stream import EventStream
from scripts.serving.gate import COOKIE, AccessToken
from scripts.serving.ledger_follower import LedgerFollower

LATE: Final = timedelta(seconds=10)
"""With no look for so long, nothing here is fresh."""
_FORM_MAX: Final = 4_096
_ASSETS: Final = {"page.css": "text/css", "live.js": "text/javascript"}


def web_app(
    board: Board, follower: LedgerFollower, name: str, token: AccessToken | None, more: Sequence[BaseRoute] = ()
) -> Starlette:
    """The page of one ledger, which is called `name`; `more` are routes of others beside it."""
    shown = _Pages(board, follower, name, token)
    routes = [
        Route("/", shown.live),
        Route("/events", EventStream(board)),
        Route("/healthz", shown.health),
        Route("/history/{place:path}", shown.history),
        *(Route(f"/{file}", _asset(file, kind)) for file, kind in _ASSETS.items()),
        *([] if token is None else [Route("/enter", shown.enter, methods=["GET", "POST"])]),
        *more,
    ]
    return Starlette(routes=routes, exception_handlers={LedgerError: shown.refused})


def _asset(file: str, kind: str) -> Callable[[Request], Response]:
    text = (TEMPLATES / file).read_text(encoding="utf-8")
    return lambda _: Response(text, media_type=kind)


class _Pages:
    def __init__(self, board: Board, follower: LedgerFollower, name: str, token: AccessToken | None) -> None:
        self._board, self._follower, self._name, self._token = board, follower, name, token

    def _page(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        page = filled(TEMPLATES / template, ledger=self._name, written_at=now(), **values)
        return HTMLResponse(page, status)

    def live(self, _: Request) -> Response:
        """The live page, as the board has it."""
        return self._page("live.html", title=self._name, here="/", parts=self._board.posted.parts)

    def history(self, request: Request) -> Response:
        """The story of a cycle, or of a key, with its chart."""
        place, ledger = request.path_params["place"], self._follower.ledger
        with ledger.store.settled() as read_at, ledger.store.snapshot():
            entries = ledger.history(place)
            told = with_events(stories := tell(ledger, entries), entries)
        page = page_of(
            title_of(stories, entries),
            told,
            base="live_base.html",
            as_of=read_at and told_place(read_at),
            ledger=self._name,
            here="",
            written_at=now(),
        )
        return HTMLResponse(page)

    def refused(self, _: Request, error: Exception) -> Response:
        """What the ledger says instead of a page."""
        assert isinstance(error, LedgerError), "it is registered for these alone"
        status = 404 if isinstance(error, UnknownPosition | InvalidCommand) else 503
        return self._page("refused.html", status, title="Not shown", here="", words=error.message)

    async def health(self, _: Request) -> Response:
        """Whether the database answers; how positions stand is no part of it."""
        view = self._follower.view
        if view.silence is None and now() - view.status.now < LATE:
            return PlainTextResponse("ok\n")
        return PlainTextResponse(f"no answer from the database since {view.status.now:%Y-%m-%dT%H:%M:%SZ}\n", 503)

    async def enter(self, request: Request) -> Response:
        """Ask for the token; whoever has it is given a cookie."""
        assert self._token is not None, "the route is there with a token alone"
        if request.method != "POST":
            return self._page("enter.html", title="Token", here="", is_wrong=False)
        said = bytearray()
        async for chunk in request.stream():
            said += chunk
            if len(said) > _FORM_MAX:
                return PlainTextResponse("a token is shorter\n", 413)
        (token,) = parse_qs(said.decode("ascii", "replace")).get("token", [""])
        if not self._token.opens(token):
            return self._page("enter.html", 403, title="Token", here="", is_wrong=True)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, self._token.cookie, httponly=True, samesite="strict")
        return answer
