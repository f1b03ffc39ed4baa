"""A process that is killed when the exchange has accepted its stop, exit or rollback, and the process after it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import ccxt
import pytest

from infrastructure.trading.exchange_orders import ExchangeOrder, OrderTicket
from position_ledger import PositionLedger
from position_ledger.testing import SimulatedExchange
from tests.forked_popen import ForkedPopen
from tests.infrastructure.trading import killed_bot

POSITION = "APTUSDT.binance#1"


class DeadlyExchange(SimulatedExchange):
    """It kills whoever sent the order of a number, once it has that."""

    deadly_order = 0
    process: ForkedPopen[str] | None = None

    def place(self, ticket: OrderTicket) -> ExchangeOrder:
        placed = super().place(ticket)
        if len(self.audit.orders()) == self.deadly_order and self.process is not None:
            self.process.kill()
            self.process.wait()
        return placed


class Bots:
    """Processes of one bot."""

    def __init__(self, folder: Path, exchange: DeadlyExchange, url: str) -> None:
        self.exchange, self.ledger_url, self.keys = exchange, f"sqlite:///{folder}/ledger.db", folder / "keys.json"
        client = ccxt.binanceusdm()
        exchange.point(client, url)
        self.keys.write_text(json.dumps({"apiKey": "key", "secret": "secret", "urls": {"api": client.urls["api"]}}))

    def run(self, deed: str) -> tuple[int, Any]:
        """How it ended, and what it said."""
        command = [killed_bot.__file__, deed, str(self.keys), self.ledger_url]
        surroundings = os.environ | {"no_proxy": "*"}
        process = ForkedPopen[str](command, imports=["ccxt"], env=surroundings, stdout=PIPE, text=True)
        self.exchange.process = process
        words, _ = process.communicate(timeout=60)
        return process.returncode, json.loads(words) if words else None


@pytest.fixture
def bots(tmp_path: Path) -> Iterator[Bots]:
    exchange = DeadlyExchange("binance", seed=1)
    exchange.list_market("APT/USDT:USDT", "3.2295", quantity_step="0.1")
    with exchange.http() as url:
        yield Bots(tmp_path, exchange, url)


@pytest.mark.parametrize(
    ("deed", "deadly_order", "role", "kind"),
    [
        ("enter", 2, "stop", "protected"),
        ("exit", 3, "exit", "closed"),
        ("roll_back", 3, "rollback", "rolled_back"),
    ],
)
def test_what_was_killed_is_brought_to_its_end_by_the_order_that_was_promised(
    bots: Bots, deed: str, deadly_order: int, role: str, kind: str
) -> None:
    bots.exchange.deadly_order = deadly_order
    code, said = bots.run(deed)
    assert (code, said) == (-9, None)
    with PositionLedger.connect(bots.ledger_url) as ledger:
        (promised,) = ledger.pending_orders()
        placed = bots.exchange.audit.orders()[-1]
        assert (promised.role, promised.client_order_id) == (role, placed.ticket.client_order_id)
        bots.exchange.deadly_order = 0
        assert bots.run("resume") == (0, [kind])
        assert bots.exchange.audit.orders()[-1] is placed
        assert ledger.pending_orders() == []
        row = ledger.position(POSITION)
        assert row.quantity == abs(bots.exchange.audit.held("APTUSDT"))
        assert bots.exchange.audit.is_covered("APTUSDT")
    is_over = kind != "protected"
    assert any(order.is_open for order in bots.exchange.audit.orders()) is not is_over
