"""The routes of the live page: the main page never waits for a request about the past."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from anyio.to_thread import current_default_thread_limiter
from starlette.applications import Starlette
from starlette.types import Message

from position_ledger.testing import memory_ledger
from scripts.options.filters import EVERYTHING
from scripts.serving.board import Board
from scripts.serving.ledger_follower import LedgerFollower
from scripts.serving.page_parts import parts_of, parts_of_results
from scripts.serving.recent_results import ResultsReader
from scripts.serving.web_app import web_app
from tests.scripts.serving.asgi import scope

SECONDS_MAX = 30


@pytest.fixture
def pages() -> Iterator[Starlette]:
    with memory_ledger() as ledger:
        follower, board = LedgerFollower(ledger, EVERYTHING, timedelta(hours=1)), Board()
        board.post({**parts_of(follower.view), **parts_of_results(None)})
        yield web_app(board, follower=follower, results=ResultsReader(ledger, EVERYTHING), name="ledger", token=None)


def status_beside_busy_threads(pages: Starlette, path: str, seconds: float) -> int | None:
    """What is answered while every thread is busy; None when nothing is."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    async def ask() -> None:
        threads = current_default_thread_limiter()
        threads.total_tokens = 1
        threads.acquire_on_behalf_of_nowait(busy := object())
        try:
            await asyncio.wait_for(pages(scope(path), receive, send), seconds)
        except TimeoutError:
            return
        finally:
            threads.release_on_behalf_of(busy)

    asyncio.run(ask())
    return sent[0]["status"] if sent else None


@pytest.mark.parametrize("path", ["/", "/page.css", "/live.js", "/healthz"])
def test_how_everything_stands_waits_for_no_look_into_the_past(pages: Starlette, path: str) -> None:
    assert status_beside_busy_threads(pages, path, SECONDS_MAX) in {200, 503}


def test_a_look_into_the_past_waits_for_its_thread(pages: Starlette) -> None:
    assert status_beside_busy_threads(pages, "/positions", 0.3) is None
