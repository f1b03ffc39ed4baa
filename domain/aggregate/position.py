"""Position: the aggregate of one key. Commands are decided on its state, and events change it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from decimal import localcontext
from typing import Any, Final, Self

from eventsourcing.domain import BaseAggregate

from domain.aggregate.row import PositionRow
from domain.aggregate.state import CommandResult, PositionState
from domain.commands import order_requests as o
from domain.commands import requests as c
from domain.commands.base import Command
from domain.decisions import (
    adjustment,
    closing,
    entry,
    exit,  # noqa: A004 - the field's word for it
    fills,
    orders,
    protection,
    rollback,
)
from domain.decisions.decision import CommandContext, Decision
from domain.events import PositionEvent
from domain.identifiers import PositionKey
from domain.values import EPOCH, EXACT, Status


class Position(BaseAggregate[str]):
    """One key: what the bots may do there next, by what they did."""

    state: PositionState = field(default_factory=lambda: PositionState(""))

    @classmethod
    def of_stream(cls, stream: str, *, version: int = 0) -> Self:
        """A position that knows nothing yet, to be told everything after `version`, where its stream was flat."""
        self = cls.__new__(cls)
        self.__base_init__(originator_id=stream, originator_version=version, timestamp=EPOCH)
        self.state = PositionState(stream)
        return self

    @classmethod
    def track(cls, key: PositionKey) -> Self:
        """The position of a key at which nothing ever happened."""
        return cls.of_stream(key.stream)

    def decide(self, command: Command, context: CommandContext | None = None) -> CommandResult:
        """Check every rule for one command and record what follows from it, or refuse and record nothing.

        Shape:   the answer; `pending_events` are what is new, none of them when it was answered before.
        Refuses: CommandRefused. Without a context the command must carry its own: here is no clock and no randomness.
        """
        assert command.key.stream == self.id, f"{command.key} is not {self.id}"
        decision = Decision(self, command, context or CommandContext.of(command))
        command_id = decision.context.command_id
        if answer := self._answers(command).get(command_id):
            return decision.same(answer, f"command_id {command_id}")
        with localcontext(EXACT):  # whatever the caller's context would round to
            no_news = _DECISIONS[type(command)](decision, command)
        return no_news or self._answers(command)[command_id]

    def _answers(self, command: Command) -> dict[str, CommandResult]:
        return self.state.imports if isinstance(command, c.ImportPosition) else self.state.answers

    def record(self, event: PositionEvent) -> None:
        """Take in an event that is new, and keep it to be appended."""
        event.mutate(self)
        self.pending_events.append(event)

    def evolve(self, event: PositionEvent) -> None:
        """Remember one fact."""
        self.state.evolve(event)

    def stand_at(self, current: Position) -> None:
        """Let this, which is a cycle that is over, be at the version of the whole stream, as another has it."""
        self.version, self.modified_on = current.version, current.modified_on
        self.state.last_cycle, self.state.is_current = current.state.last_cycle, False

    @property
    def row(self) -> PositionRow | None:
        """The row of the current cycle."""
        return self.state.row

    @property
    def cycle(self) -> int:
        """The number of the current cycle; 0 while there was none."""
        return self.state.cycle

    @property
    def position_id(self) -> str:
        """The id of the current cycle."""
        return self.state.position_id

    @property
    def status(self) -> Status | None:
        """Where the current cycle stands."""
        return self.state.status

    @property
    def is_open(self) -> bool:
        """Whether a cycle holds the slot."""
        return self.state.is_open


_DECISIONS: Final[dict[type[Command], Callable[[Decision, Any], CommandResult | None]]] = {
    c.RequestEntry: entry.request_entry,
    c.RecordEntryPlaced: entry.record_entry_placed,
    c.RecordEntryFill: entry.record_entry_fill,
    c.RecordEntryUnknown: entry.record_entry_unknown,
    c.FailEntry: entry.fail_entry,
    c.SetStopLoss: protection.set_stop_loss,
    c.LoseStopLoss: protection.lose_stop_loss,
    c.Activate: protection.activate,
    c.Reduce: exit.reduce,
    c.Adjust: adjustment.adjust,
    c.Adopt: entry.adopt,
    c.StartRollback: rollback.start_rollback,
    c.RollBack: rollback.roll_back,
    c.FailRollback: rollback.fail_rollback,
    c.Close: closing.close,
    c.ImportPosition: entry.import_position,
    o.RequestIncrease: entry.request_increase,
    o.ReplaceOrder: orders.replace_order,
    o.EndOrder: orders.end_order,
    o.SetTakeProfit: protection.set_take_profit,
    o.LoseTakeProfit: protection.lose_take_profit,
    o.RequestExit: exit.request_exit,
    o.RecordCash: fills.record_cash,
    o.CorrectFill: fills.correct_fill,
    o.DefineInstrument: orders.define_instrument,
}
