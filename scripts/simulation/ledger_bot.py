"""A bot that asks the ledger before it sends anything, and tells it everything that the exchange said."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from domain.errors import CommandRefused
from domain.identifiers import PositionKey, client_order_id
from domain.values import Source, Status, plain
from infrastructure.ledger.ledger import PositionLedger, now
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from projections.positions import PositionRow
from scripts.simulation.bot import EntryAnswer
from scripts.simulation.simulated_exchange import (
    ARRIVES_WITHIN_SECONDS,
    ExchangeRefused,
    ExchangeSilent,
    PlayedExchange,
    SimulatedOrder,
)
from scripts.simulation.trade_signal import Signal, SignalStep, Stopped, Told

STOP_TRIES: Final = 3
CONNECTIONS: Final = 2


class LedgerBot:
    """One process: it orders what was recorded as its own, and nothing else."""

    def __init__(self, ledger: PositionLedger, exchange: PlayedExchange) -> None:
        """Work with a ledger of its own, so that nothing is known from another process's memory."""
        self._ledger, self._exchange = ledger, exchange

    def enter(self, signal: Signal) -> Generator[SignalStep, None, None]:
        """Claim the slot, send the order under the id that the ledger gave, and tell what came of it."""
        try:
            receipt = self._ledger.request_entry(
                symbol=signal.symbol,
                exchange=signal.exchange,
                side=signal.side,
                quantity=signal.quantity,
                signal_price=signal.price,
                intent_id=signal.intent_id,
            )
        except CommandRefused as refusal:
            raise Stopped(Told.REFUSED, refusal.message) from None
        if receipt.outcome == "replayed":
            raise Stopped(Told.REPLAYED, f"{receipt.position_id} is of this signal already")
        assert receipt.client_order_id is not None, "an entry of ours"
        yield SignalStep.CLAIMED
        order_id = self._order(receipt.position_id, receipt.client_order_id, signal)
        yield SignalStep.ORDERED
        yield from self._finish(receipt.position_id, order_id, signal, Source.SIGNAL)

    def _order(self, position_id: str, order_name: str, signal: Signal) -> str:
        try:
            return self._exchange.place_market(
                signal.symbol, signal.order_side, signal.quantity, client_order_id=order_name
            )
        except ExchangeRefused as refusal:
            self._ledger.fail_entry(position_id=position_id, outcome="rejected", reason=str(refusal))
            raise Stopped(Told.FAILED, str(refusal)) from None
        except ExchangeSilent as silence:
            self._ledger.record_entry_unknown(position_id=position_id, reason=str(silence))
        return self._sought(position_id, order_name, Source.SIGNAL).order_id

    def _sought(self, position_id: str, order_name: str, source: Source) -> SimulatedOrder:
        """An order by its own id; one that is not known may still arrive, so it is asked for again when it cannot."""
        found = self._exchange.order(client_order_id=order_name)
        if found is None:
            time.sleep(ARRIVES_WITHIN_SECONDS)
            found = self._exchange.order(client_order_id=order_name)
        if found is None:
            reason = f"{self._exchange.name} knows no order {order_name}, nor did it when one could still arrive"
            self._ledger.fail_entry(position_id=position_id, outcome="expired", reason=reason, source=source)
            raise Stopped(Told.FAILED, reason)
        return found

    def _finish(self, position_id: str, order_id: str, signal: Signal, source: Source) -> Iterator[SignalStep]:
        """From an order at the exchange to a protected position; said twice, it is no news."""
        self._ledger.record_entry_placed(position_id=position_id, exchange_order_id=order_id, source=source)
        yield SignalStep.PLACED
        order = self._exchange.order(order_id=order_id)
        assert order is not None and order.avg_px is not None, "the exchange acknowledged it"
        self._ledger.record_entry_fill(
            position_id=position_id,
            trade_id=f"{order_id}-1",
            last_qty=order.filled,
            last_px=order.avg_px,
            at=order.placed_at,
            source=source,
        )
        stop_name = client_order_id(position_id, "stop", signal.intent_id)
        for _ in range(STOP_TRIES):
            with suppress(ExchangeRefused):
                stop_id = self._exchange.place_stop(
                    signal.symbol, signal.side.closing_order, order.filled, signal.stop_price, client_order_id=stop_name
                )
                break
        else:
            raise self._undone(position_id)
        self._ledger.set_stop_loss(
            position_id=position_id,
            stop_price=signal.stop_price,
            exchange_order_id=stop_id,
            activate=True,
            source=source,
        )
        yield SignalStep.ACTIVE

    def _undone(self, position_id: str) -> Stopped:
        try:
            self._roll_back(position_id)
        except ExchangeSilent as silence:
            return Stopped(Told.FAILED, f"{position_id} stays rolling_back: {silence}")
        return Stopped(Told.FAILED, f"{position_id} is rolled back: the exchange refused the stop")

    def _roll_back(self, position_id: str) -> None:
        """Send the one closing order of this cycle, however often this is called, and prove with it that it is flat."""
        close = self._ledger.start_rollback(
            position_id=position_id, reason="the exchange refused the stop", command_id=f"{position_id} undo"
        )
        assert close.close_side is not None and close.close_quantity is not None, "the ledger says what to send"
        order_id = self._exchange.place_market(
            PositionKey.parse(position_id.partition("#")[0]).symbol,
            close.close_side,
            close.close_quantity,
            reduce_only=True,
            client_order_id=close.client_order_id,
        )
        order = self._exchange.order(order_id=order_id)
        assert order is not None and order.avg_px is not None, "the exchange acknowledged it"
        fill = {"trade_id": f"{order_id}-1", "last_qty": plain(order.filled), "last_px": plain(order.avg_px)}
        self._ledger.roll_back(
            position_id=position_id,
            evidence={"closing_order_id": order_id, "fills": [fill]},
            command_id=f"{position_id} undone",
        )

    def close_late(self, signal: Signal) -> None:
        """Send the closing order of that cycle again, under its own id."""
        row = self._row_of(signal)
        if row is not None:
            with suppress(ExchangeSilent):
                self._roll_back(row.position_id)

    def synchronise(self, symbol: str, exchange: str) -> None:
        """Take in what the exchange shows, unless the ledger moved since it was looked at."""
        key = PositionKey(symbol, exchange)
        rows = [row for row in self._ledger.positions() if row.stream == key.stream]
        version = max((row.version for row in rows), default=0)
        asked_at = now()
        held = self._exchange.position(symbol)
        if held is None:
            return
        shown: dict[str, Any] = {
            "quantity": held.quantity, "avg_px_open": held.avg_px_open, "reason": f"{exchange} shows it",
            "at": asked_at, "expected_version": version,
        }  # fmt: skip
        with suppress(CommandRefused):
            match [row for row in rows if row.status.is_open]:
                case [row] if row.quantity != held.quantity:
                    self._ledger.adjust(position_id=row.position_id, **shown)
                case []:
                    self._ledger.adopt(symbol=symbol, exchange=exchange, side=held.side, **shown)

    def recover(self, signal: Signal) -> bool:
        """Ask the exchange what became of an entry, and go on from there."""
        row = self._row_of(signal)
        if row is not None and row.status is Status.ROLLING_BACK:
            self.close_late(signal)
        elif row is not None and _is_unfinished(row):
            with suppress(Stopped):
                self._find_out(row, signal)
        after = self._row_of(signal)
        return after is None or not _is_unfinished(after)

    def _find_out(self, row: PositionRow, signal: Signal) -> None:
        assert row.client_order_id is not None, "an entry of ours"
        order = self._sought(row.position_id, row.client_order_id, Source.RECOVERY)
        list(self._finish(row.position_id, order.order_id, signal, Source.RECOVERY))

    def exit(self, symbol: str) -> None:
        """Close the active position of a symbol: one order a cycle, whoever sends it, however often."""
        for row in self._ledger.positions(open=True):
            if row.status is Status.ACTIVE and row.symbol == PositionKey(symbol, row.exchange).symbol:
                self._exit(row)

    def _exit(self, row: PositionRow) -> None:
        name = client_order_id(row.position_id, "exit", row.intent_id)
        with suppress(ExchangeSilent, ExchangeRefused):
            self._exchange.place_market(
                row.symbol, row.side.closing_order, row.quantity, reduce_only=True, client_order_id=name
            )
        order = self._exchange.order(client_order_id=name)
        if order is not None:
            with suppress(CommandRefused):
                self._ledger.close(position_id=row.position_id, exit_reason="target", avg_px_close=order.avg_px)

    def _row_of(self, signal: Signal) -> PositionRow | None:
        rows = (row for row in self._ledger.positions() if row.intent_id == signal.intent_id)
        return next(rows, None)

    def books(self) -> Sequence[EntryAnswer]:
        """Every cycle."""
        return [_entry(row) for row in self._ledger.positions()]


@dataclass(frozen=True)
class LedgerWay:
    """A ledger in a place of its own."""

    settings: Settings
    name: str = "ledger"

    def create(self) -> None:
        """Make the ledger."""
        open_store(self.settings).close()

    @contextmanager
    def bot(self, exchange: PlayedExchange) -> Iterator[LedgerBot]:
        """Start a process with a ledger of its own."""
        settings = replace(self.settings, pool_size=CONNECTIONS)
        with PositionLedger(open_store(settings, create=False)) as ledger:
            yield LedgerBot(ledger, exchange)


def _is_unfinished(row: PositionRow) -> bool:
    return row.status.is_open and row.status is not Status.ACTIVE


def _entry(row: PositionRow) -> EntryAnswer:
    held = f"{row.side.value} {plain(row.quantity)}"
    price = "" if row.avg_px_open is None else f" @ {plain(row.avg_px_open)}"
    order = f"order {row.exchange_order_id}" if row.exchange_order_id else "no order id"
    return EntryAnswer(
        name=row.position_id,
        symbol=row.symbol,
        exposure=row.side.sign * row.quantity,
        is_open=row.status.is_open,
        exchange_order_id=row.exchange_order_id,
        words=f"{row.position_id}: {held}{price}, {order}, {row.status.value}",
    )
