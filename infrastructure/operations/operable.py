"""The protocol of a ledger that operators' functions need."""

from __future__ import annotations

from typing import Protocol

from domain.commands.base import Command
from infrastructure.event_store.port import Store
from infrastructure.ledger.receipt import Receipt
from projections.positions import PositionRow


class OperableLedger(Protocol):
    """A ledger that decides commands, lists its rows, and has a store."""

    @property
    def store(self) -> Store:
        """Its store."""

    def handle(self, command: Command) -> Receipt:
        """Decide a command."""

    def positions(self, *, open: bool = False) -> list[PositionRow]:
        """Its rows."""
