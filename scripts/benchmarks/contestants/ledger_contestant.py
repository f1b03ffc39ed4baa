"""The ledger as a bot uses it: one call per command, waiting for each receipt; or the last two commands in one call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.commands.requests import Close, RecordEntryPlaced, SetStopLoss
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from scripts.benchmarks import lifecycle as facts


@dataclass(frozen=True)
class LedgerContestant:
    """A ledger of its own."""

    settings: Settings
    name: str = "ledger"
    saves_together: bool = False
    """Whether the placed entry is saved only together with the stop, in one append."""

    def create(self) -> None:
        """Make the schema."""
        open_store(self.settings).close()

    def runner(self) -> LedgerRunner:
        """Connect."""
        ledger = PositionLedger(open_store(self.settings, create=False))
        return TogetherRunner(ledger) if self.saves_together else LedgerRunner(ledger)


class LedgerRunner:
    """Three commands per lifecycle. A position is loaded when a process uses it first; then it is in the cache."""

    def __init__(self, ledger: PositionLedger) -> None:
        self.ledger = ledger
        self._signals = 0
        self._held: dict[str, str] = {}

    def lifecycle(self, symbol: str) -> Iterator[None]:
        """Four events in three appends, each with its row."""
        position_id = self.request(symbol)
        yield
        self.ledger.record_entry_placed(
            position_id=position_id,
            exchange_order_id=facts.ENTRY_ORDER,
            filled_qty=facts.QUANTITY,
            avg_px=facts.ENTRY_PRICE,
        )
        yield
        self.ledger.set_stop_loss(
            position_id=position_id,
            stop_price=facts.STOP_PRICE,
            exchange_order_id=facts.STOP_ORDER,
            activate=True,
        )
        yield

    def request(self, symbol: str) -> str:
        """Claim the slot, and return the id of the position."""
        self._signals += 1
        receipt = self.ledger.request_entry(
            symbol=symbol,
            exchange=facts.EXCHANGE,
            side="long",
            quantity=facts.QUANTITY,
            signal_price=facts.SIGNAL_PRICE,
            stop_loss_percent=facts.STOP_PERCENT,
            intent_id=f"{symbol}-{self._signals}",
        )
        self._held[symbol] = receipt.position_id
        return receipt.position_id

    def finish(self, symbols: Sequence[str]) -> None:
        """Close them all in one append."""
        self.ledger.handle_many(
            Close.of(position_id=self._held[symbol], exit_reason="stop", avg_px_close=facts.STOP_PRICE)
            for symbol in symbols
        )

    def close(self) -> None:
        """Close the connection to the database."""
        self.ledger.disconnect()


class TogetherRunner(LedgerRunner):
    """The same four events in two appends: the placed entry is not on the disk before its stop is."""

    def lifecycle(self, symbol: str) -> Iterator[None]:
        """The slot first, after which the order may be sent; then the placed entry and its stop together."""
        position_id = self.request(symbol)
        yield
        placed = RecordEntryPlaced.of(
            position_id=position_id,
            exchange_order_id=facts.ENTRY_ORDER,
            filled_qty=facts.QUANTITY,
            avg_px=facts.ENTRY_PRICE,
        )
        stop = SetStopLoss.of(
            position_id=position_id, stop_price=facts.STOP_PRICE, exchange_order_id=facts.STOP_ORDER, activate=True
        )
        receipts = self.ledger.handle_many([placed, stop])
        assert all(isinstance(receipt, Receipt) for receipt in receipts), receipts
        yield
