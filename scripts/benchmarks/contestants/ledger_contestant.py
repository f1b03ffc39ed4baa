"""The ledger, as a bot uses it: a method a command, each receipt waited for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.commands.requests import Close
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from scripts.benchmarks import lifecycle as facts


@dataclass(frozen=True)
class LedgerContestant:
    """A ledger of its own."""

    settings: Settings
    name: str = "ledger"

    def create(self) -> None:
        """Make the schema."""
        open_store(self.settings).close()

    def runner(self) -> LedgerRunner:
        """Connect."""
        return LedgerRunner(PositionLedger(open_store(self.settings, create=False)))


class LedgerRunner:
    """Three commands a lifecycle. A slot that the process has not met is looked up first; later it remembers."""

    def __init__(self, ledger: PositionLedger) -> None:
        self.ledger = ledger
        self._signals = 0
        self._held: dict[str, str] = {}

    def lifecycle(self, symbol: str) -> Iterator[None]:
        """Four events in three appends, the row included each time."""
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
        yield
        self.ledger.record_entry_placed(
            position_id=receipt.position_id,
            exchange_order_id=facts.ENTRY_ORDER,
            filled_qty=facts.QUANTITY,
            avg_px=facts.ENTRY_PRICE,
        )
        yield
        self.ledger.set_stop_loss(
            position_id=receipt.position_id,
            stop_price=facts.STOP_PRICE,
            exchange_order_id=facts.STOP_ORDER,
            activate=True,
        )
        yield

    def finish(self, symbols: Sequence[str]) -> None:
        """Close them all in one append."""
        self.ledger.handle_many(
            Close.of(position_id=self._held[symbol], exit_reason="stop", avg_px_close=facts.STOP_PRICE)
            for symbol in symbols
        )

    def close(self) -> None:
        """Close the connection to the database."""
        self.ledger.disconnect()
