"""The route `/metrics` of a server."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from domain.errors import StoreUnavailable
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.metering import metrics_route as module
from infrastructure.metering.metrics_route import metrics_route


def asked(ledger: PositionLedger, path: str, method: str = "GET") -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b"", "root_path": ""}
    asyncio.run(Starlette(routes=[metrics_route(ledger)])(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], dict(sent[0]["headers"]), body


@pytest.fixture
def ledger(tmp_path: Path) -> PositionLedger:
    return PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db")


def test_the_figures_are_answered_as_prometheus_wants_them(ledger: PositionLedger) -> None:
    with ledger:
        status, headers, body = asked(ledger, "/metrics")
    assert (status, headers[b"content-type"]) == (200, b"text/plain; version=0.0.4; charset=utf-8")
    assert b"position_ledger_events_total 0.0\n" in body


def test_nobody_posts_there(ledger: PositionLedger) -> None:
    with ledger:
        assert asked(ledger, "/metrics", "POST")[0] == 405


def test_a_ledger_that_is_away_is_503_and_no_figure(ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> bytes:
        raise StoreUnavailable("nobody is there")

    monkeypatch.setattr(module, "exposition", away)
    with ledger:
        status, _, body = asked(ledger, "/metrics")
    assert (status, body) == (503, b"StoreUnavailable: nobody is there\n")
