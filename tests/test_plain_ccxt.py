"""The recipe for a bot on plain ccxt, killed where its page does not kill it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import ccxt
import pytest

from position_ledger import PositionLedger, PositionRow
from position_ledger.testing import OrderFault, SimulatedExchange
from tests.pages import TOP, read
from tests.test_docs import FENCED

SUI = "SUIUSDT.binance#1"


class Started(NamedTuple):
    """A bot that holds up to 10 SUI under a stop, with what its page defines."""

    ledger: PositionLedger
    client: Any
    exchange: SimulatedExchange
    recipe: dict[str, Any]

    def go_on(self) -> None:
        self.recipe["go_on"](self.ledger, self.client)

    def sends_an_exit(self) -> str:
        """Ask for an exit and send it; its client order id."""
        promised = self.ledger.request_exit(position_id=SUI, reason="signal")
        params = {"clientOrderId": promised.client_order_id, "reduceOnly": True}
        self.client.create_order("SUI/USDT:USDT", "market", "sell", str(promised.close_quantity), None, params)
        assert promised.client_order_id is not None
        return promised.client_order_id

    @property
    def row(self) -> PositionRow:
        return self.ledger.position(SUI)


@contextmanager
def started(folder: Path, fault: OrderFault | None = None) -> Iterator[Started]:
    blocks = [block["text"] for block in FENCED.finditer(read(TOP / "docs" / "bots.md"))]
    recipe: dict[str, Any] = {"Decimal": Decimal, "PositionLedger": PositionLedger}
    exec(next(block for block in blocks if "def go_on" in block).partition("exchange = ")[0], recipe)
    exchange = SimulatedExchange("binance")
    exchange.set_price(recipe["SUI"], "3.52")
    with PositionLedger.connect(f"sqlite:///{folder}/plain.db") as ledger, exchange.http() as url:
        client = ccxt.binanceusdm({"apiKey": "any", "secret": "any"})
        client.has["fetchCurrencies"] = False
        exchange.point(client, url)
        if fault is not None:
            exchange.next_order("SUIUSDT", fault)
        plan: dict[str, Any] = {"side": "long", "quantity": "10", "stop_loss_percent": "2", "intent_id": "1"}
        entry = ledger.request_entry(symbol="SUIUSDT", exchange="binance", **plan)
        client.create_order(recipe["SUI"], "market", "buy", "10", None, {"clientOrderId": entry.client_order_id})
        bot = Started(ledger, client, exchange, recipe)
        bot.go_on()
        bot.go_on()
        assert bot.row.protected
        yield bot
        client.session.close()


def test_killed_between_an_exit_and_the_end_of_its_cycle_it_ends_the_cycle_and_leaves_no_stop(tmp_path: Path) -> None:
    with started(tmp_path) as bot:
        name = bot.sends_an_exit()
        bot.ledger.end_order(position_id=SUI, client_order_id=name, outcome="filled", filled_qty="10", avg_px="3.52")
        bot.go_on()
        assert (bot.row.status.value, bot.row.avg_px_close) == ("closed", Decimal("3.52"))
        assert not any(order.is_open for order in bot.exchange.audit.orders())


def test_an_exit_that_closed_all_is_followed_by_no_stop(tmp_path: Path) -> None:
    with started(tmp_path) as bot:
        (stop,) = [order for order in bot.row.orders.values() if order.role == "stop"]
        bot.client.cancel_order(stop.exchange_order_id, bot.recipe["SUI"], {"trigger": True})
        bot.ledger.lose_stop_loss(position_id=SUI, exchange_order_id=stop.exchange_order_id, reason="gone")
        bot.sends_an_exit()
        assert [order.role for order in bot.ledger.pending_orders()] == ["exit", "stop"]
        bot.go_on()
        assert (bot.row.status.value, bot.row.exit_reason) == ("closed", "signal")
        assert not any(order.is_open for order in bot.exchange.audit.orders())


@pytest.mark.parametrize("is_hit", [True, False])
def test_a_stop_that_was_over_before_anybody_was_told_of_it_protects_nothing(tmp_path: Path, *, is_hit: bool) -> None:
    with started(tmp_path) as bot:
        symbol = bot.recipe["SUI"]
        (first,) = [order for order in bot.row.orders.values() if order.role == "stop"]
        bot.client.cancel_order(first.exchange_order_id, symbol, {"trigger": True})
        bot.ledger.lose_stop_loss(position_id=SUI, exchange_order_id=first.exchange_order_id, reason="gone")
        (needed,) = bot.ledger.pending_orders()
        params = {"clientOrderId": needed.client_order_id, "reduceOnly": True, "stopLossPrice": "3.4"}
        bot.client.create_order(symbol, "market", "sell", "10", None, params)
        if is_hit:
            bot.exchange.set_price(symbol, "3.3")
        else:
            stop = bot.recipe["look_up"](bot.client, needed.client_order_id)
            bot.client.cancel_order(stop["id"], symbol, {"trigger": True})
        bot.go_on()
        bot.go_on()
        if is_hit:
            assert (bot.row.exit_reason, bot.row.avg_px_close) == ("stop_loss", Decimal("3.3"))
        else:
            assert bot.row.protected and bot.exchange.audit.is_covered("SUIUSDT")


def test_an_entry_whose_rest_expired_is_over_and_keeps_no_cycle_open(tmp_path: Path) -> None:
    with started(tmp_path, OrderFault.REST_EXPIRES) as bot:
        assert 0 < bot.row.quantity < 10 and not bot.ledger.pending_orders()
        bot.sends_an_exit()
        bot.go_on()
        assert bot.row.status.value == "closed"
