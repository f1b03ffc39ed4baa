"""The routes of the live page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Final
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from domain.errors import InvalidCommand, LedgerError, UnknownPosition
from infrastructure.ledger.questions.as_of import TimeAxis
from infrastructure.ledger_clock import now
from infrastructure.metering.metrics_route import metrics_route
from projections.metrics.earnings import EarnedSum
from scripts.html.cycle_page import page_of, with_events
from scripts.html.page import TEMPLATES, filled, part
from scripts.narratives.cycle_narratives import tell, title_of
from scripts.replica_place import place_words
from scripts.serving.board import Board
from scripts.serving.event_stream import EventStream
from scripts.serving.gate import COOKIE, AccessToken
from scripts.serving.key_pages import KeyPage
from scripts.serving.ledger_follower import LedgerFollower
from scripts.serving.page_parts import link
from scripts.serving.past import PastStatus, first_recorded
from scripts.serving.recent_results import ResultsReader

LATE: Final = timedelta(seconds=10)
"""When the last view is older, the page is reported as unhealthy."""
_FORM_MAX: Final = 4_096
_ASSETS: Final = {"page.css": "text/css", "live.js": "text/javascript"}


def web_app(
    board: Board,
    *,
    follower: LedgerFollower,
    results: ResultsReader,
    name: str,
    token: AccessToken | None,
) -> Starlette:
    """The web application for one ledger; `name` is the name that it is shown by."""
    shown = _Pages(board, follower, results, name, token)
    routes = [
        Route("/", shown.live),
        Route("/events", EventStream(board)),
        Route("/healthz", shown.health),
        metrics_route(follower.ledger, follower.age),
        Route("/positions", shown.positions),
        Route("/positions/then", shown.then),
        Route("/find", shown.find),
        Route("/day/{day}", shown.day),
        Route("/history/{place:path}", shown.history),
        *(Route(f"/{file}", _asset(file, kind)) for file, kind in _ASSETS.items()),
        *([] if token is None else [Route("/enter", shown.enter, methods=["GET", "POST"])]),
    ]
    return Starlette(routes=routes, exception_handlers={LedgerError: shown.refused, 404: shown.absent})


def _asset(file: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    text = (TEMPLATES / file).read_text(encoding="utf-8")

    async def answer(_: Request) -> Response:
        return Response(text, media_type=kind)

    return answer


def _link_of(then: PastStatus) -> Callable[[str], str]:
    """Links from a past state to histories of cycles: as of that moment if it goes by recording, else as of now."""
    if not then.is_past or then.by is not TimeAxis.RECORDED:
        return link
    return lambda position_id: f"{link(position_id)}?at={then.at:%Y-%m-%dT%H:%M:%S.%fZ}"


class _Pages:
    def __init__(
        self, board: Board, follower: LedgerFollower, results: ResultsReader, name: str, token: AccessToken | None
    ) -> None:
        self._board, self._follower, self._results = board, follower, results
        self._name, self._token = name, token

    def _page(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        page = filled(TEMPLATES / template, ledger=self._name, written_at=now(), **values)
        return HTMLResponse(page, status)

    async def live(self, _: Request) -> Response:
        """The live page from the parts on the board; it never waits for a thread that reads for another page."""
        return self._page("live.html", title=self._name, here="/", parts=self._board.posted.parts)

    def history(self, request: Request) -> Response:
        """The narratives of a cycle, or of the last cycles of a key, with charts; now, or as recorded by a moment."""
        place, ledger = request.path_params["place"], self._follower.ledger
        at = request.query_params.get("at")
        with ledger.store.settled() as read_at, ledger.store.snapshot():
            shown = KeyPage.of(ledger, place, where=link(place), at=at, before=request.query_params.get("before"))
            if not shown.entries:
                raise UnknownPosition(f"nothing had happened to {place} as of {at}")
            told = with_events(stories := tell(ledger, shown.entries, as_of=at), shown.entries)
        page = page_of(
            title_of(stories, shown.entries),
            told,
            others=shown.others,
            base="live_base.html",
            as_of=at if read_at is None else place_words(read_at),
            is_now=at is None,
            age=self._follower.age,
            ledger=self._name,
            here="",
            written_at=now(),
        )
        return HTMLResponse(page)

    def positions(self, request: Request) -> Response:
        """The positions that are open now, or were open at a moment."""
        first = first_recorded(self._follower.ledger)
        return self._page(
            "positions.html",
            title="What was open",
            here="/positions",
            then=(then := self._then(request)),
            first=first,
            link=_link_of(then),
        )

    def then(self, request: Request) -> Response:
        """The same list without the page around it."""
        then = self._then(request)
        return HTMLResponse(part("past_part.html", "then_part", then, _link_of(then)))

    def _then(self, request: Request) -> PastStatus:
        follower, asked = self._follower, request.query_params
        return PastStatus.read(
            follower.ledger,
            follower.wanted,
            follower.age,
            now=now(),
            at=asked.get("at"),
            by=asked.get("by"),
            beside=follower.beside,
        )

    async def find(self, request: Request) -> Response:
        """Redirect to the history of a key or a cycle."""
        return RedirectResponse(link(request.query_params.get("place", "").strip()), 303)

    def day(self, request: Request) -> Response:
        """The cycles that ended on a day, and what each earned."""
        try:
            day = date.fromisoformat(text := request.path_params["day"])
        except ValueError:
            raise InvalidCommand(f"{text!r:.40} is no day like 2026-11-29") from None
        lately = self._results.lately
        of_day = [
            (each.currency, [cycle for cycle in each.cycles if cycle.ended_at.date() == day])
            for each in (lately.earnings if lately else ())
        ]
        found = [(currency, EarnedSum.of(cycles), cycles) for currency, cycles in of_day if cycles]
        return self._page("day.html", title=f"{day}", here="", lately=lately, found=found, link=link)

    def refused(self, _: Request, error: Exception) -> Response:
        """The page for an error of the ledger."""
        assert isinstance(error, LedgerError), "it is registered for these alone"
        status = 404 if isinstance(error, UnknownPosition) else 400 if isinstance(error, InvalidCommand) else 503
        return self._page("refused.html", status, title="Not shown", here="", words=error.message)

    async def absent(self, request: Request, _: Exception) -> Response:
        """The page for an unknown path."""
        words = f"there is no page at {request.url.path[:80]}"
        return self._page("refused.html", 404, title="Not shown", here="", words=words)

    async def health(self, _: Request) -> Response:
        """Whether the database answers; it says nothing about the positions."""
        view = self._follower.view
        if view.silence is None and now() - view.status.now < LATE:
            return PlainTextResponse("ok\n")
        return PlainTextResponse(f"no answer from the database since {view.status.now:%Y-%m-%dT%H:%M:%SZ}\n", 503)

    async def enter(self, request: Request) -> Response:
        """Ask for the token, and set a cookie for a browser that sends it."""
        assert self._token is not None, "the route exists only with a token"
        if request.method != "POST":
            return self._page("enter.html", title="Token", here="", is_wrong=False)
        form = bytearray()
        async for chunk in request.stream():
            form += chunk
            if len(form) > _FORM_MAX:
                return PlainTextResponse("a token is shorter\n", 413)
        tokens = parse_qs(form.decode("ascii", "replace")).get("token", [])
        if len(tokens) != 1 or not self._token.opens(tokens[0]):
            return self._page("enter.html", 403, title="Token", here="", is_wrong=True)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, self._token.cookie, httponly=True, samesite="strict")
        return answer
