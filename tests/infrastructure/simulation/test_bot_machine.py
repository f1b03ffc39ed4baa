"""The state machine finds the defects of a faulty bot, and none in a correct one."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from domain.values import Side
from infrastructure.trading.exchange_errors import ExchangeError, NoAnswer
from infrastructure.trading.exchange_orders import ExchangeOrder, OrderTicket, TicketKind
from infrastructure.trading.trader import Trader
from position_ledger.testing import BotMachine

BOUNDED = settings(
    max_examples=100,
    stateful_step_count=15,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


class LedgerBot(BotMachine):
    """A bot on the trader: what it does goes by the ledger alone."""

    def start(self) -> None:
        self.trader = Trader(self.ledger, self.exchange, owner="bot-1", clock=lambda: self.time, sleep=self.wait)

    def open(self, symbol: str, side: Side, quantity: Decimal, intent_id: str) -> None:
        self.trader.enter(symbol=symbol, side=side, quantity=quantity, stop_loss_percent="2", intent_id=intent_id)

    def settle(self) -> None:
        self.trader.resume()
        self.trader.synchronise()


class LedgerBotAtBybit(LedgerBot):
    """The same, where client order ids are unique for ever."""

    exchange_name = "bybit"


class CarefulBot(BotMachine):
    """A bot without a book: it opens only what is flat, and looks everything up before it goes on."""

    def start(self) -> None:
        """Nothing is remembered."""

    def open(self, symbol: str, side: Side, quantity: Decimal, intent_id: str) -> None:
        if self.exchange.audit.held(symbol) or any(order.is_open for order in self.exchange.audit.orders(symbol)):
            return
        entry = OrderTicket(
            symbol=symbol,
            side="buy" if side is Side.LONG else "sell",
            kind=TicketKind.MARKET,
            client_order_id=f"e{intent_id}",
            quantity=quantity,
        )
        try:
            self.exchange.place(entry)
        except NoAnswer:
            self.after_no_answer(entry)
        self.settle()

    def after_no_answer(self, entry: OrderTicket) -> ExchangeOrder | None:
        for _ in range(30):
            self.wait(1)
            try:
                if found := self.exchange.find(entry.symbol, client_order_id=entry.client_order_id):
                    return found
            except ExchangeError:
                continue
        return None

    def settle(self) -> None:
        for symbol in self.symbols:
            self.protect(symbol)

    def protect(self, symbol: str) -> None:
        for attempt in range(20):
            held = self.exchange.audit.held(symbol)
            if self.exchange.audit.is_covered(symbol):
                return
            last = self.exchange.audit.orders(symbol)[-1].ticket.client_order_id
            price = self.exchange.audit.market(symbol).last_price
            assert price is not None
            stop = OrderTicket(
                symbol=symbol,
                side="sell" if held > 0 else "buy",
                kind=TicketKind.STOP,
                client_order_id=f"s{attempt}-{last}"[-36:],
                trigger_price=price - (Decimal("0.5") if held > 0 else Decimal("-0.5")),
                close_position=True,
            )
            try:
                self.exchange.place(stop)
            except ExchangeError:
                self.wait(1)


class ImpatientBot(CarefulBot):
    """The bug: an answer that did not come is taken for a refusal."""

    def after_no_answer(self, entry: OrderTicket) -> ExchangeOrder | None:
        return self.exchange.place(entry)


class BareBot(CarefulBot):
    """The bug: nobody looks after a position once its stop was refused."""

    def settle(self) -> None:
        """Nothing is done from time to time."""


def test_a_careful_bot_passes() -> None:
    run_state_machine_as_test(CarefulBot, settings=BOUNDED)


@pytest.mark.parametrize("bot", [LedgerBot, LedgerBotAtBybit])
def test_a_bot_on_the_trader_passes(bot: type[BotMachine]) -> None:
    run_state_machine_as_test(bot, settings=settings(BOUNDED, max_examples=30))


@pytest.mark.parametrize(
    ("bot", "words"), [(ImpatientBot, "doubled entries: e"), (BareBot, "stay without a stop for all of it")]
)
def test_a_planted_bug_is_found_within_seconds(bot: type[BotMachine], words: str) -> None:
    began = time.process_time()
    with pytest.raises(AssertionError, match=words):
        run_state_machine_as_test(bot, settings=BOUNDED)
    assert time.process_time() - began < 10


def test_without_hypothesis_the_rest_works_and_the_machine_says_what_it_needs() -> None:
    script = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "import position_ledger.testing as testing\n"
        "testing.SimulatedExchange('binance').set_price('APT/USDT:USDT', '3')\n"
        "try: testing.BotMachine\n"
        "except ImportError as missing: print(missing)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == (
        "position_ledger.testing.BotMachine needs hypothesis, which is not installed: pip install hypothesis\n"
    )


@pytest.fixture
def machine() -> Iterator[CarefulBot]:
    made = CarefulBot()
    yield made
    made.teardown()


def entered(machine: BotMachine, *, rolls_back: bool) -> None:
    """A bot that tells the ledger what it did not do at the exchange."""
    symbol = machine.symbols[0]
    machine.exchange.place(
        OrderTicket(symbol=symbol, side="sell", kind=TicketKind.MARKET, client_order_id="e", quantity=Decimal("61.8"))
    )
    ledger = machine.ledger
    name = ledger.adopt(
        symbol=symbol, exchange="binance", side="short", quantity="61.8", avg_px_open="3.23", reason="the test"
    ).position_id
    assert name is not None
    if rolls_back:
        ledger.start_rollback(position_id=name, reason="the test")
        ledger.roll_back(position_id=name, evidence={"position_quantity": "0"})
    else:
        ledger.set_stop_loss(position_id=name, stop_price="3.3", exchange_order_id="s")


def test_what_is_active_without_a_cover_is_found(machine: CarefulBot) -> None:
    machine.the_ledger_tells_the_truth()
    entered(machine, rolls_back=False)
    with pytest.raises(AssertionError, match=r"APTUSDT\.binance#1 is active without a cover"):
        machine.the_ledger_tells_the_truth()
    machine.settle()
    machine.the_ledger_tells_the_truth()


def test_what_is_left_after_a_rollback_is_found(machine: CarefulBot) -> None:
    entered(machine, rolls_back=True)
    with pytest.raises(AssertionError, match=r"-61\.8 is left of APTUSDT\.binance#1"):
        machine.the_ledger_tells_the_truth()
    machine.exchange.liquidate("APTUSDT")
    machine.the_ledger_tells_the_truth()
