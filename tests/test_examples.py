"""The bots of examples/ are run as users run them: with the real ccxt client, twice, and killed in between."""

from __future__ import annotations

import json
import os
import runpy
import signal
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from subprocess import PIPE, STDOUT

import ccxt
import pytest

from domain.values import total_of
from position_ledger import PositionLedger, Status
from position_ledger.testing import CallFault, Clock, OrderFault, SimulatedExchange, memory_ledger
from position_ledger.trading import Exchange, OrderTicket, TicketKind, Trader
from tests.forked_popen import ForkedPopen
from tests.pages import TOP

BOTS = ["bot.py", "async_bot.py"]
CCXT = ["ccxt", "ccxt.async_support"]
SYMBOL = "APT/USDT:USDT"
OWN = runpy.run_path(str(TOP / "examples" / "own_exchange.py"))["OwnExchange"]
FAULTS = [None, *(fault for fault in OrderFault if fault is not OrderFault.SIDELESS), *CallFault]
"""Bybit says the side of every order in its list, and an adapter may rely on that."""


@pytest.fixture
def exchange() -> SimulatedExchange:
    exchange = SimulatedExchange("binance", seed=1)
    exchange.list_market(SYMBOL, "3.2295", quantity_step="0.1")
    return exchange


@pytest.fixture
def keys(exchange: SimulatedExchange, tmp_path: Path) -> Iterator[Path]:
    """What the bot is given: keys, and where the exchange is."""
    with exchange.http() as url:
        client = ccxt.binanceusdm()
        exchange.point(client, url)
        path = tmp_path / "binance.json"
        path.write_text(json.dumps({"apiKey": "key", "secret": "secret", "urls": {"api": client.urls["api"]}}))
        yield path


def started(bot: str, keys: Path) -> ForkedPopen[str]:
    environment = os.environ | {"LEDGER_DATABASE_URL": f"sqlite:///{keys.parent}/ledger.db", "no_proxy": "*"}
    command = [str(TOP / "examples" / bot), str(keys)]
    return ForkedPopen[str](
        command, imports=CCXT, env=environment, cwd=keys.parent, stdout=PIPE, stderr=STDOUT, text=True
    )


def said(bot: str, keys: Path) -> str:
    process = started(bot, keys)
    words, _ = process.communicate(timeout=60)
    assert process.returncode == 0, words
    return words


@pytest.mark.parametrize("bot", BOTS)
def test_an_example_enters_once_however_often_it_is_run(bot: str, keys: Path, exchange: SimulatedExchange) -> None:
    for _ in range(2):
        assert "protected" in said(bot, keys)
    assert len(exchange.audit.entries()) == 1
    assert len(exchange.audit.stops("APTUSDT")) == 1


@pytest.mark.parametrize("bot", BOTS)
def test_an_example_that_is_killed_is_protected_after_its_next_start(
    bot: str, keys: Path, exchange: SimulatedExchange
) -> None:
    process = started(bot, keys)
    deadline = time.monotonic() + 60
    while not exchange.audit.entries() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert "protected" in said(bot, keys)
    assert len(exchange.audit.entries()) == 1
    assert len(exchange.audit.stops("APTUSDT")) == 1
    assert exchange.audit.is_covered("APTUSDT")
    with PositionLedger.connect(f"sqlite:///{keys.parent}/ledger.db") as ledger:
        (row,) = ledger.positions(open=True)
        assert row.status is Status.ACTIVE and row.protected


@pytest.mark.parametrize("bot", BOTS)
def test_an_example_without_its_keys_says_how_it_is_started(bot: str) -> None:
    with ForkedPopen[str]([str(TOP / "examples" / bot)], imports=CCXT, stdout=PIPE, stderr=PIPE, text=True) as process:
        out, words = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert f"python examples/{bot} binance.json" in words and "Traceback" not in words


@pytest.mark.parametrize("bot", BOTS)
@pytest.mark.parametrize("content", [None, "no JSON", "[1]"])
def test_keys_that_cannot_be_read_are_one_line(bot: str, content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "binance.json"
    if content is not None:
        path.write_text(content)
    process = started(bot, path)
    words, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert words.startswith(f"the keys in {path} cannot be read: ") and words.count("\n") == 1
    assert not (tmp_path / "ledger.db").exists()


def test_the_adapter_of_an_example_asks_for_every_page() -> None:
    clock = Clock()
    exchange = SimulatedExchange("bybit", clock=clock, sleep=clock.tick)
    coins = [f"{letter}{number}" for letter in "ABCDEFGH" for number in range(8)]
    for coin in coins:
        exchange.set_price(f"{coin}/USDT:USDT", "100")
        stop = OrderTicket(
            symbol=f"{coin}USDT",
            side="sell",
            kind=TicketKind.STOP,
            client_order_id=coin,
            quantity=Decimal(1),
            trigger_price=Decimal(90),
            reduce_only=True,
        )
        exchange.place(stop)
    with exchange.http() as url:
        adapter: Exchange = OWN(url, key="any", secret="any", clock=clock)
        seen = adapter.account()
    assert (seen.taken_at, seen.doubts, len(seen.orders or ())) == (clock(), (), len(coins))


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_trader_over_the_adapter_of_an_example_does_what_it_does_over_others(
    fault: OrderFault | CallFault | None,
) -> None:
    clock = Clock()
    exchange = SimulatedExchange("bybit", clock=clock, sleep=clock.tick)
    exchange.set_price(SYMBOL, "3.2")
    with exchange.http() as url, memory_ledger(clock) as ledger:
        adapter: Exchange = OWN(url, key="any", secret="any", clock=clock)
        trader = Trader(ledger, adapter, owner="bot-1", clock=clock, sleep=clock.tick)
        for number in range(2):
            if isinstance(fault, OrderFault):
                exchange.next_order(SYMBOL, fault)
                exchange.next_stop(SYMBOL, fault)
            elif fault is not None:
                exchange.next_calls(fault, 2)
            trader.enter(symbol=SYMBOL, side="long", quantity="10", stop_loss_percent="2", intent_id=str(number))
        exchange.calm()
        for _ in range(3):
            clock.tick(130)
            trader.resume()
            assert trader.synchronise().ok
        assert exchange.audit.doubled() == [] and exchange.audit.is_covered(SYMBOL)
        for row in ledger.positions(open=True):
            trader.protect(row.position_id, stop_price="3.15")
            assert trader.exit(row.position_id, reason="target", quantity="4", intent_id="half").kind == "reduced"
            exchange.set_price(SYMBOL, "3.1")
            assert [each.kind for each in trader.resume()] == ["closed"]
        assert not exchange.audit.held(SYMBOL) and not exchange.audit.stops(SYMBOL)
        fills = [fill for order in exchange.audit.orders() for fill in exchange.audit.fills(order)]
        assert total_of(fill.fee or Decimal(0) for fill in fills) == total_of(row.fees for row in ledger.positions())
