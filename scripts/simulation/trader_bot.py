"""The bot that trades through the ledger: the flows of `Trader`, stopped between two of their steps."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from domain.commands import requests as c
from domain.values import Leg, Status, plain
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt
from infrastructure.settings import Settings
from infrastructure.simulation.exchange_simulator import SimulatedExchange
from infrastructure.store_opening import open_store
from infrastructure.trading.effects import Call, RunningFlow, Tell
from infrastructure.trading.exchange_orders import OrderTicket
from infrastructure.trading.flow_context import FlowContext
from infrastructure.trading.flows.entering import enter
from infrastructure.trading.flows.resuming import is_at_rest
from infrastructure.trading.rules import Rules
from infrastructure.trading.trade_outcome import Outcome, OutcomeKind
from infrastructure.trading.trader import Trader
from infrastructure.trading.wanted_entry import WantedEntry
from projections.positions import PositionRow
from scripts.simulation.bot import STOP_TRIES, BookEntry
from scripts.simulation.trade_signal import STOP_PERCENT, Signal, SignalStep, Stopped, Told

RULES: Final = Rules(stop_tries=STOP_TRIES)
CONNECTIONS: Final = 2


class TraderBot:
    """One process of a bot: it shares no memory with other processes, and does everything through `Trader`."""

    def __init__(self, ledger: PositionLedger, exchange: SimulatedExchange, owner: str) -> None:
        self._ledger, self._exchange = ledger, exchange
        self._context = FlowContext(RULES, exchange.name, exchange.account_name, owner)
        self._trader = Trader(ledger, exchange, rules=RULES, owner=owner, clock=exchange.clock, sleep=exchange.sleep)

    def enter(self, signal: Signal) -> Generator[SignalStep, None, None]:
        """Open a position, and yield after each step. Refuses: Stopped."""
        wanted = WantedEntry.of(
            RULES,
            symbol=signal.symbol,
            side=signal.side,
            intent_id=signal.intent_id,
            quantity=signal.quantity,
            cost=None,
            leg=Leg.BOTH,
            stop_loss_percent=STOP_PERCENT,
            signal_price=signal.price,
        )
        running = RunningFlow(enter(replace(self._context, story=[]), wanted))
        is_replayed = False
        while not running.is_over:
            effect = running.effect
            answer = self._trader.step(running)
            match effect:
                case Tell(c.RequestEntry()) if isinstance(answer, Receipt):
                    is_replayed = not answer.may_order
                    yield SignalStep.CLAIMED
                case Call("place", (OrderTicket(reduce_only=False),)):
                    yield SignalStep.ORDERED
                case Tell(c.RecordEntryPlaced()):
                    yield SignalStep.PLACED
        _require_opened(running.ended, is_replayed=is_replayed)
        yield SignalStep.ACTIVE

    def close_late(self, signal: Signal) -> None:
        """Roll the cycle of a signal back once more; a cycle that has ended does not change."""
        row = self._row_of(signal)
        if row is not None:
            self._trader.roll_back(row.position_id, reason="nobody answered the first time")

    def synchronise(self, symbol: str, exchange: str) -> None:
        """Compare the whole account with the ledger, whatever symbol is asked for."""
        del symbol, exchange
        self._trader.synchronise()

    def recover(self, signal: Signal) -> bool:
        """Resume as after a restart; returns whether the cycle of the signal is finished or at rest."""
        self._trader.resume()
        row = self._row_of(signal)
        return row is None or not row.status.is_open or is_at_rest(row)

    def exit(self, symbol: str) -> None:
        """Close the active position of a symbol."""
        for row in self._ledger.positions(symbol=symbol, open=True):
            if row.status is Status.ACTIVE:
                self._trader.exit(row.position_id, reason="target")

    def _row_of(self, signal: Signal) -> PositionRow | None:
        return next(iter(self._ledger.positions(intent_id=signal.intent_id)), None)

    def books(self) -> Sequence[BookEntry]:
        """Every cycle of the ledger."""
        return [_entry(row) for row in self._ledger.positions()]


@dataclass(frozen=True)
class LedgerWay:
    """A ledger in a database of its own."""

    settings: Settings
    name: str = "ledger"

    def create(self) -> None:
        """Create the ledger."""
        open_store(self.settings).close()

    @contextmanager
    def bot(self, exchange: SimulatedExchange, owner: str) -> Iterator[TraderBot]:
        """Start a process with a connection of its own; the ledger uses the clock of the exchange."""
        settings = replace(self.settings, pool_size=CONNECTIONS)
        with PositionLedger(open_store(settings, create=False), clock=exchange.clock) as ledger:
            yield TraderBot(ledger, exchange, owner)


def _require_opened(outcome: Outcome, *, is_replayed: bool) -> None:
    words = outcome.reason or outcome.kind.value
    if outcome.kind is OutcomeKind.REFUSED:
        raise Stopped(Told.REFUSED, words)
    if is_replayed:
        raise Stopped(Told.REPLAYED, f"{outcome.position_id} is of this signal already")
    if outcome.kind is not OutcomeKind.PROTECTED:
        raise Stopped(Told.FAILED, words)


def _entry(row: PositionRow) -> BookEntry:
    held = f"{row.side.value} {plain(row.quantity)}"
    price = "" if row.avg_px_open is None else f" @ {plain(row.avg_px_open)}"
    order = f"order {row.exchange_order_id}" if row.exchange_order_id else "no order id"
    return BookEntry(
        name=row.position_id,
        symbol=row.symbol,
        exposure=row.side.sign * row.quantity,
        is_open=row.status.is_open,
        exchange_order_id=row.exchange_order_id,
        words=f"{row.position_id}: {held}{price}, {order}, {row.status.value}",
    )
