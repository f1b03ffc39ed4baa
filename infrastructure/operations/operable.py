"""What operators' work needs of a ledger."""

from __future__ import annotations

from typing import Protocol

from domain.commands.base import Command
from infrastructure.event_store.port import Store
from infrastructure.ledger.receipt import Receipt
from projections.positions import PositionRow


class OperableLedger(Protocol):
    """A ledger that can be asked for its rows, told commands, and read."""

    @property
    def store(self) -> Store:
        """Where it is kept."""

    def handle(self, command: Command) -> Receipt:
        """Decide a command."""

    def positions(self, *, open: bool = False) -> list[PositionRow]:
        """Its rows."""
