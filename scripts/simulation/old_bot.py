"""The old bot, rewritten from its description: its first version, and the version with the three later layers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import ClassVar, Final
from uuid import uuid4

from domain.symbols.spelling import normalized_symbol
from domain.values import EXACT, ZERO, OrderSide, Side
from infrastructure.settings import Settings
from infrastructure.simulation.exchange_simulator import SimulatedExchange
from infrastructure.trading.exchange_errors import NoAnswer, Refused
from infrastructure.trading.exchange_orders import ExchangeOrder, OrderTicket, TicketKind, on_step
from projections.account_snapshot import PositionReport
from scripts.simulation.bot import STOP_TRIES, BookEntry
from scripts.simulation.old_table import OVER_ACTIVE, OVER_OPEN, IndexViolation, OldRow, OldTable
from scripts.simulation.trade_signal import STOP_PERCENT, Signal, SignalStep, Stopped, Told

QUANTITY_TOLERANCE: Final = Decimal("0.0001")
_HELD: Final = ("entry_placed", "pending_sl", "active")


class OldBot(ABC):
    """What both versions of the bot have in common."""

    covered: ClassVar[Sequence[str]]
    """The statuses that its unique index covers."""

    def __init__(self, table: OldTable, exchange: SimulatedExchange) -> None:
        self._table, self._exchange = table, exchange

    @abstractmethod
    def _claim(self, signal: Signal) -> int:
        """Insert a row, and return its id. Refuses: Stopped."""

    @abstractmethod
    def _activate(self, row_id: int, signal: Signal, quantity: Decimal, price: Decimal) -> None:
        """Set the row to active. Refuses: Stopped."""

    @abstractmethod
    def _add_missing(self, symbol: str, exchange: str, held: PositionReport) -> None:
        """Add a row for a position that no active row explains."""

    def enter(self, signal: Signal) -> Generator[SignalStep, None, None]:
        """Insert a row, send the order, update the row, sleep, set the stop, and set the row to active."""
        row_id = self._claim(signal)
        yield SignalStep.CLAIMED
        try:
            order = self._ordered(signal.symbol, signal.side.opening_order, signal.quantity)
        except (Refused, NoAnswer) as problem:
            raise self._gone(row_id, str(problem)) from None
        yield SignalStep.ORDERED
        with self._rolled_back_if_refused(row_id):
            self._table.update(
                row_id,
                "entry_placed",
                exchange_order_id=order.order_id,
                quantity=signal.quantity,
                entry_price=signal.price,
            )
        yield SignalStep.PLACED
        self._protect(row_id, signal, order.order_id)
        yield SignalStep.ACTIVE

    def _protect(self, row_id: int, signal: Signal, order_id: str) -> None:
        order = self._exchange.find(signal.symbol, exchange_order_id=order_id)
        assert order is not None and order.avg_px is not None, "the exchange acknowledged it"
        for _ in range(STOP_TRIES):
            with suppress(Refused):
                self._ordered(
                    signal.symbol, signal.side.closing_order, order.filled_qty, trigger_price=self._stop_price(signal)
                )
                break
        else:
            raise self._undone(row_id, signal, "the exchange refused the stop")
        self._activate(row_id, signal, order.filled_qty, order.avg_px)

    def _ordered(
        self, symbol: str, side: OrderSide, quantity: Decimal, *, trigger_price: Decimal | None = None
    ) -> ExchangeOrder:
        """Place a market order or a stop, with a random client order id that is stored nowhere."""
        return self._exchange.place(
            OrderTicket(
                symbol=self._exchange.market(symbol).symbol,
                side=side,
                kind=TicketKind.MARKET if trigger_price is None else TicketKind.STOP,
                client_order_id=uuid4().hex,
                quantity=quantity,
                trigger_price=trigger_price,
                reduce_only=trigger_price is not None,
            )
        )

    def _stop_price(self, signal: Signal) -> Decimal:
        """The stop price: STOP_PERCENT from the price of the signal, on the losing side."""
        away = EXACT.divide(EXACT.multiply(signal.price, STOP_PERCENT), Decimal(100))
        price = EXACT.subtract(signal.price, signal.side.sign * away)
        return on_step(price, self._exchange.market(signal.symbol).price_tick, ROUND_HALF_EVEN)

    @contextmanager
    def _rolled_back_if_refused(self, row_id: int) -> Iterator[None]:
        """When the index refuses an update, roll the row back in the table; the order at the exchange stays."""
        try:
            yield
        except IndexViolation as violation:
            raise self._gone(row_id, str(violation)) from None

    def _gone(self, row_id: int, why: str) -> Stopped:
        self._table.update(row_id, "rolled_back", exit_reason=why)
        return Stopped(Told.FAILED, why)

    def _undone(self, row_id: int, signal: Signal, why: str) -> Stopped:
        """Close at the exchange, and roll the row back even when there was no answer."""
        self.close_late(signal)
        return self._gone(row_id, why)

    def close_late(self, signal: Signal) -> None:
        """Close by symbol, side and quantity, whatever position is there by now."""
        with suppress(NoAnswer):
            self._ordered(signal.symbol, signal.side.closing_order, signal.quantity)

    def synchronise(self, symbol: str, exchange: str) -> None:
        """Compare the active rows of this spelling with the exchange, without comparing sides."""
        name = normalized_symbol(symbol, exchange)
        shown = self._exchange.account().positions or ()
        held = next((each for each in shown if each.key.symbol == name), None)
        active = [row for row in self._table.rows(symbol, exchange) if row.status == "active"]
        if held is None:
            for row in active:
                self._move(row, "closed", exit_reason="PHANTOM_CLEANUP")
        elif not active:
            with suppress(IndexViolation):
                self._add_missing(symbol, exchange, held)
        else:
            self._correct(active[0], held)

    def _correct(self, row: OldRow, held: PositionReport) -> None:
        if (row.quantity - held.quantity).copy_abs() > QUANTITY_TOLERANCE:
            self._move(row, row.status, quantity=held.quantity, entry_price=held.avg_px_open)

    def _move(self, row: OldRow, status: str, **news: object) -> None:
        assert row.id is not None, "read from the table"
        with suppress(IndexViolation):
            self._table.update(row.id, status, **news)

    def recover(self, signal: Signal) -> bool:
        """Finish the rows of a signal whose process crashed: one without an order has failed, others get their stop."""
        for row in self._table.rows(signal.symbol, signal.exchange):
            if row.signal_id != signal.intent_id:
                continue
            if row.status == "pending_entry":
                self._move(row, "failed", exit_reason="found at start")
            elif row.status == "entry_placed" and row.id is not None and row.exchange_order_id is not None:
                with suppress(Stopped):
                    self._protect(row.id, signal, row.exchange_order_id)
        return True

    def exit(self, symbol: str) -> None:
        """Close the active rows of a symbol, each with an order for the quantity of the row."""
        for row in self._table.rows():
            if row.status == "active" and normalized_symbol(row.symbol) == normalized_symbol(symbol):
                with suppress(NoAnswer):
                    self._ordered(symbol, Side(row.side).closing_order, row.quantity)
                    self._move(row, "closed", exit_reason="target")

    def books(self) -> list[BookEntry]:
        """Every row; a row without an order, or of an ended position, holds nothing."""
        return [_entry(row) for row in self._table.rows()]


class FirstBot(OldBot):
    """The first version: the index covers active rows, but not those of positions that are being opened."""

    covered = OVER_ACTIVE

    def _claim(self, signal: Signal) -> int:
        try:
            return self._table.insert(_asked(signal, "active"))
        except IndexViolation as violation:
            raise Stopped(Told.REFUSED, str(violation)) from None

    def _activate(self, row_id: int, signal: Signal, quantity: Decimal, price: Decimal) -> None:
        del signal
        with self._rolled_back_if_refused(row_id):
            self._table.update(row_id, "active", quantity=quantity, entry_price=price)

    def _add_missing(self, symbol: str, exchange: str, held: PositionReport) -> None:
        self._table.insert(_seen(held, symbol, exchange))


class ThreeLayerBot(OldBot):
    """The bot after the fix: a lock and a query before the insert, a wider index, a query before a row is active."""

    covered = OVER_OPEN

    def _claim(self, signal: Signal) -> int:
        try:
            return self._found_or_made(_asked(signal, "pending_entry"))
        except IndexViolation as violation:  # an ended row has been set to an open status since the query
            raise Stopped(Told.REFUSED, str(violation)) from None

    def _found_or_made(self, row: OldRow) -> int:
        """The id of the open row, or of a new one: two bots may get the same row, and both go on with it."""
        with self._table.locked(row.symbol, row.exchange):
            for there in self._table.rows(row.symbol, row.exchange):
                if there.status in OVER_OPEN and there.id is not None:
                    return there.id
            return self._table.insert(row)

    def _activate(self, row_id: int, signal: Signal, quantity: Decimal, price: Decimal) -> None:
        rows = self._table.rows(signal.symbol, signal.exchange)
        if any(row.status == "active" and row.id != row_id for row in rows):
            raise self._undone(row_id, signal, "duplicate active position detected")
        with self._rolled_back_if_refused(row_id):
            self._table.update(row_id, "active", quantity=quantity, entry_price=price)

    def _add_missing(self, symbol: str, exchange: str, held: PositionReport) -> None:
        row_id = self._found_or_made(_seen(held, symbol, exchange))
        (there,) = (each for each in self._table.rows(symbol, exchange) if each.id == row_id)
        self._correct(there, held)


@dataclass(frozen=True)
class OldWay:
    """The old table in a database of its own, and one version of the bot."""

    name: str
    settings: Settings
    generation: type[OldBot]

    def create(self) -> None:
        """Create the table with the index of that version."""
        with closing(OldTable(self.settings)) as table:
            table.create(self.generation.covered)

    @contextmanager
    def bot(self, exchange: SimulatedExchange, owner: str) -> Iterator[OldBot]:
        """Start a process with a connection of its own; the rows do not name an owner."""
        del owner
        with closing(OldTable(self.settings)) as table:
            yield self.generation(table, exchange)


def _asked(signal: Signal, status: str) -> OldRow:
    return OldRow(
        signal_id=signal.intent_id,
        symbol=signal.symbol,
        exchange=signal.exchange,
        side=signal.side.value,
        quantity=signal.quantity,
        entry_price=signal.price,
        status=status,
    )


def _seen(held: PositionReport, symbol: str, exchange: str) -> OldRow:
    assert held.avg_px_open is not None, "the simulated exchange says it"
    return OldRow(
        symbol=symbol,
        exchange=exchange,
        side=held.side.value,
        quantity=held.quantity,
        entry_price=held.avg_px_open,
        status="active",
    )


def _entry(row: OldRow) -> BookEntry:
    is_held = row.status in _HELD
    return BookEntry(
        name=f"row {row.id}",
        symbol=normalized_symbol(row.symbol),
        exposure=Side(row.side).sign * row.quantity if is_held else ZERO,
        is_open=is_held,
        exchange_order_id=row.exchange_order_id,
        words=str(row),
    )
