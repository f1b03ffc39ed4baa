"""One method a command, for the ledger and its asyncio twin alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from domain.commands import requests as c
from domain.commands.base import Command

Answered = TypeVar("Answered")


class TypedCommands(ABC, Generic[Answered]):
    """Every command as a method; the fields are those of the command in `domain.commands.requests`.

    Refuses: InvalidCommand for a field that is missing, malformed or not its own; else what `handle` refuses.
    """

    @abstractmethod
    def handle(self, command: Command) -> Answered:
        """Decide one command."""

    def request_entry(self, **fields: Any) -> Answered:
        """Claim the slot for one intent, before any order is sent."""
        return self.handle(c.RequestEntry.of(**fields))

    def record_entry_placed(self, **fields: Any) -> Answered:
        """The exchange acknowledged the entry order; by key, open the cycle after the fact."""
        return self.handle(c.RecordEntryPlaced.of(**fields))

    def record_entry_fill(self, **fields: Any) -> Answered:
        """One fill of the entry; the same `trade_id` again is no news."""
        return self.handle(c.RecordEntryFill.of(**fields))

    def record_entry_unknown(self, **fields: Any) -> Answered:
        """The call to the exchange timed out: nobody knows whether there is an order."""
        return self.handle(c.RecordEntryUnknown.of(**fields))

    def fail_entry(self, **fields: Any) -> Answered:
        """The exchange rejected, expired or cancelled the entry, with nothing filled."""
        return self.handle(c.FailEntry.of(**fields))

    def set_stop_loss(self, **fields: Any) -> Answered:
        """A stop is confirmed at the exchange; with `activate`, the entry is done too."""
        return self.handle(c.SetStopLoss.of(**fields))

    def lose_stop_loss(self, **fields: Any) -> Answered:
        """The stop was cancelled, or is gone from the exchange."""
        return self.handle(c.LoseStopLoss.of(**fields))

    def activate(self, **fields: Any) -> Answered:
        """Filled and covered: the entry is done."""
        return self.handle(c.Activate.of(**fields))

    def reduce(self, **fields: Any) -> Answered:
        """One fill of an exit order."""
        return self.handle(c.Reduce.of(**fields))

    def adjust(self, **fields: Any) -> Answered:
        """A correction from exchange evidence: what is really open, and at what average price."""
        return self.handle(c.Adjust.of(**fields))

    def adopt(self, **fields: Any) -> Answered:
        """The exchange holds a position that no cycle explains."""
        return self.handle(c.Adopt.of(**fields))

    def start_rollback(self, **fields: Any) -> Answered:
        """Promise to undo the entry; the receipt says which closing order to send."""
        return self.handle(c.StartRollback.of(**fields))

    def roll_back(self, **fields: Any) -> Answered:
        """Flat again, with the proof."""
        return self.handle(c.RollBack.of(**fields))

    def fail_rollback(self, **fields: Any) -> Answered:
        """The compensating close left something at the exchange."""
        return self.handle(c.FailRollback.of(**fields))

    def close(self, **fields: Any) -> Answered:
        """The position is gone. To let go of the database, use `disconnect`."""
        return self.handle(c.Close.of(**fields))
