"""Position: commands decide, `evolve` remembers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import localcontext
from typing import Final

from domain.commands import requests as c
from domain.commands.base import Command
from domain.decisions.decision import CommandContext, Recording
from domain.decisions.entry import Entry
from domain.decisions.exit import Exit
from domain.decisions.protection import Protection
from domain.decisions.rollback import Rollback
from domain.state import CommandResult
from domain.values import EXACT


class Position(Entry, Protection, Exit, Rollback):
    """One key: what the bots may do there next. What they did is its memory."""

    def decide(self, command: Command, stamp: CommandContext | None = None) -> CommandResult:
        """Check every rule for one command and record what follows from it, or refuse and record nothing.

        Shape:   the answer; `pending_events` are what is new, none of them when it was answered before.
        Refuses: CommandRefused. Without a stamp the command must carry its own: here is no clock and no randomness.
        """
        assert command.key.stream == self.id, f"{command.key} is not {self.id}"
        stamp = stamp or CommandContext.of(command)
        if answer := self.answers.get(stamp.command_id):
            return self._same(answer, command, f"command_id {stamp.command_id}")
        self._recording = Recording(command, stamp, self.version)
        try:
            with localcontext(EXACT):  # whatever the caller's context would round to
                no_news = _METHODS[type(command)](self, command)
        finally:
            del self._recording
        return no_news or self.answers[stamp.command_id]


_METHODS: Final[dict[type[Command], Callable[..., CommandResult | None]]] = {
    c.RequestEntry: Position.request_entry,
    c.RecordEntryPlaced: Position.record_entry_placed,
    c.RecordEntryFill: Position.record_entry_fill,
    c.RecordEntryUnknown: Position.record_entry_unknown,
    c.FailEntry: Position.fail_entry,
    c.SetStopLoss: Position.set_stop_loss,
    c.LoseStopLoss: Position.lose_stop_loss,
    c.Activate: Position.activate,
    c.Reduce: Position.reduce,
    c.Adjust: Position.adjust,
    c.Adopt: Position.adopt,
    c.StartRollback: Position.start_rollback,
    c.RollBack: Position.roll_back,
    c.FailRollback: Position.fail_rollback,
    c.Close: Position.close,
    c.ImportPosition: Position.import_position,
}
