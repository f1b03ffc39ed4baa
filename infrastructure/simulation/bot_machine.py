"""A hypothesis state machine that searches for defects of a bot; a subclass says how the bot starts, opens, settles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain.values import Side, Status
from infrastructure.event_store.sqlite.store import SQLiteStore
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.simulation.books.fault_plan import CallFault, OrderFault
from infrastructure.simulation.exchange_simulator import SimulatedExchange
from infrastructure.trading.exchange_errors import ExchangeError
from infrastructure.trading.exchange_orders import ExchangeOrder, OrderTicket

PRICE: Final = Decimal("3.23")
_START: Final = datetime(2025, 10, 22, 18, 50, 40, tzinfo=UTC)


def quantities(step: str = "0.001", at_least: str = "10", at_most: str = "100") -> st.SearchStrategy[Decimal]:
    """Multiples of the quantity step of a market."""
    one = Decimal(step)
    return st.integers(int(Decimal(at_least) / one), int(Decimal(at_most) / one)).map(lambda steps: steps * one)


def prices(tick: str = "0.0001", at_least: str = "2", at_most: str = "5") -> st.SearchStrategy[Decimal]:
    """Multiples of the price tick of a market."""
    return quantities(tick, at_least, at_most)


def order_faults() -> st.SearchStrategy[frozenset[OrderFault]]:
    """One or two faults of one order."""
    return st.frozensets(st.sampled_from(OrderFault), min_size=1, max_size=2)


class BotKilled(BaseException):
    """The process of the bot is killed here; a bot must not catch it."""


class MortalExchange(SimulatedExchange):
    """An exchange that kills the bot just before or just after it has placed or cancelled an order.

    `steps_left` counts the moments at which the bot survives; None never kills it.
    """

    steps_left: int | None = None

    def place(self, ticket: OrderTicket) -> ExchangeOrder:
        """As Exchange.place says, or BotKilled."""
        self._step()
        placed = super().place(ticket)
        self._step()
        return placed

    def cancel(self, symbol: str, order: ExchangeOrder) -> ExchangeOrder | None:
        """As Exchange.cancel says, or BotKilled."""
        self._step()
        canceled = super().cancel(symbol, order)
        self._step()
        return canceled

    def _step(self) -> None:
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left < 0:
                self.steps_left = None
                raise BotKilled


class BotMachine(RuleBasedStateMachine):
    """Sends signals, kills the bot, moves prices, makes the exchange fail, and checks the invariants after every step.

    A subclass defines `start`, `open` and `settle`. A bot that has to wait calls `wait`, which only moves the clock.
    `exchange` and `ledger` are new for each run; a bot without a ledger leaves it empty. `symbols` are `contracts` as
    the ledger spells them.
    """

    contracts: ClassVar[tuple[str, str]] = ("APT/USDT:USDT", "SOL/USDT:USDT")
    exchange_name: ClassVar[str] = "binance"

    def __init__(self) -> None:
        super().__init__()
        self.time = _START
        self.exchange = MortalExchange(self.exchange_name, clock=lambda: self.time, sleep=self.wait)
        for contract in self.contracts:
            self.exchange.set_price(contract, PRICE)
        self.symbols = tuple(self.exchange.market(contract).symbol for contract in self.contracts)
        numbers = count(1)
        self.ledger = PositionLedger(
            SQLiteStore(Settings("sqlite", ":memory:")),
            clock=lambda: self.time,
            new_id=lambda: f"command-{next(numbers)}",
        )
        self._intents: Iterator[int] = count(1)
        self.start()

    # -- what a subclass defines --------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the bot as its process does, at first and after it was killed: its memory is empty."""
        raise NotImplementedError(f"{type(self).__name__} does not say how its bot starts: def start(self)")

    def open(self, symbol: str, side: Side, quantity: Decimal, intent_id: str) -> None:
        """Let the bot act on a signal."""
        raise NotImplementedError(f"{type(self).__name__} does not say how its bot opens: def open(self, symbol, …)")

    def settle(self) -> None:
        """Let the bot do its periodic work: look up orders of unknown outcome, protect positions without a stop."""
        raise NotImplementedError(f"{type(self).__name__} does not say how its bot settles: def settle(self)")

    def wait(self, seconds: float) -> None:
        """Move the clock on."""
        self.time += timedelta(seconds=seconds)

    # -- what happens -------------------------------------------------------------------------------------------

    @rule(
        number=st.integers(0, 1),
        side=st.sampled_from(Side),
        quantity=quantities(),
        faults=st.just(frozenset[OrderFault]()) | order_faults(),
        steps=st.none() | st.integers(0, 5),
    )
    def a_signal_comes(
        self, number: int, side: Side, quantity: Decimal, faults: frozenset[OrderFault], steps: int | None
    ) -> None:
        """The bot opens a position; its order may have faults, and the bot may be killed meanwhile."""
        symbol = self.symbols[number]
        self.exchange.next_order(symbol, *faults)
        self.exchange.steps_left = steps
        self._run(lambda: self.open(symbol, side, quantity, str(next(self._intents))))

    @rule()
    def the_bot_crashes(self) -> None:
        """The bot is killed between two signals."""
        self._run(self.start)

    @rule(number=st.integers(0, 1), price=prices())
    def the_price_moves(self, number: int, price: Decimal) -> None:
        """The price changes, so stops and targets may trigger."""
        self.exchange.set_price(self.symbols[number], price)

    @rule(number=st.integers(0, 1), faults=order_faults())
    def a_stop_will_go_wrong(self, number: int, faults: frozenset[OrderFault]) -> None:
        """The next stop or target of a symbol gets faults."""
        self.exchange.next_stop(self.symbols[number], *faults)

    @rule(fault=st.sampled_from(CallFault), calls=st.integers(1, 5))
    def calls_will_go_wrong(self, fault: CallFault, calls: int) -> None:
        """The next calls get a fault."""
        self.exchange.next_calls(fault, calls)

    @rule()
    def everything_calms_down(self) -> None:
        """The exchange has no more faults, and the bot settles: after that every position is covered by stops."""
        self.exchange.calm()
        self.wait(60)
        self._run(self.settle)
        for symbol in self.symbols:
            held = self.exchange.audit.held(symbol)
            assert self.exchange.audit.is_covered(symbol), f"{held} {symbol} stay without a stop for all of it"

    def _run(self, action: Callable[[], None]) -> None:
        """Let the bot act. An exchange error that it does not catch ends its process; then it is started again."""
        try:
            action()
        except (BotKilled, ExchangeError):
            self.exchange.steps_left = None
            self.start()
        self.exchange.steps_left = None

    # -- what must hold -----------------------------------------------------------------------------------------

    @invariant()
    def no_entry_is_doubled(self) -> None:
        """No order adds to what another one opened."""
        found = self.exchange.audit.doubled()
        doubled = [f"{order.ticket.client_order_id} of {order.ticket.symbol}" for order in found]
        assert not doubled, f"doubled entries: {', '.join(doubled)}"

    @invariant()
    def the_ledger_tells_the_truth(self) -> None:
        """Active positions are covered at the exchange, and rolled-back ones are no longer held there."""
        rows = self.ledger.positions()
        taken = {row.symbol for row in rows if row.status.is_open}
        for row in rows:
            if row.status is Status.ACTIVE:
                assert self.exchange.audit.is_covered(row.symbol), f"{row.position_id} is active without a cover"
            if row.status is Status.ROLLED_BACK and row.symbol not in taken:
                left = self.exchange.audit.held(row.symbol)
                assert not left, f"{left} is left of {row.position_id}, which was rolled back"

    def teardown(self) -> None:
        """Verify and close the ledger."""
        report = verify(self.ledger.store)
        self.ledger.disconnect()
        assert report.ok, "; ".join(f"{found.kind} {found.where}: {found.message}" for found in report.findings)
