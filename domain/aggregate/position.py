"""The aggregate of one key: commands are decided on its state, and events change it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any, Final, Self

from eventsourcing.domain import BaseAggregate

from domain.aggregate.command_result import CommandResult
from domain.aggregate.row import PositionRow
from domain.aggregate.row_fold import UNFOLDABLE, not_following
from domain.aggregate.state import PositionState
from domain.aggregate.state_fold import evolve
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
from domain.values import EPOCH, Status


class Position(BaseAggregate[str]):
    """The position of one key."""

    state: PositionState = field(default_factory=lambda: PositionState(""))

    @classmethod
    def of_stream(cls, stream: str, *, version: int = 0) -> Self:
        """An empty position, to be loaded with the events after `version`, at which its stream was flat."""
        self = cls.__new__(cls)
        self.__base_init__(originator_id=stream, originator_version=version, timestamp=EPOCH)
        self.state = PositionState(stream)
        return self

    @classmethod
    def track(cls, key: PositionKey) -> Self:
        """The position of a key that has no events yet."""
        return cls.of_stream(key.stream)

    def decide(self, command: Command, context: CommandContext | None = None) -> CommandResult:
        """Check every rule for one command and record the events that follow from it, or refuse and record nothing.

        Shape:   the result; new events are in `pending_events`, and there are none if the command was answered before.
        Refuses: CommandRefused. Without a context the command must carry its own times and ids, for here is no clock
                 and no randomness.
        """
        assert command.key.stream == self.id, f"{command.key} is not {self.id}"
        decision = Decision(self, command, context or CommandContext.of(command))
        command_id = decision.context.command_id
        if answer := self._answers(command).get(command_id):
            return decision.same(answer, f"command_id {command_id}")
        no_news = _DECISIONS[type(command)](decision, command)
        return no_news or self._answers(command)[command_id]

    def _answers(self, command: Command) -> dict[str, CommandResult]:
        return self.state.imports if type(command) is c.ImportPosition else self.state.answers

    def record(self, event: PositionEvent) -> None:
        """Apply a new event, and keep it to be appended."""
        event.mutate(self)
        self.pending_events.append(event)

    def evolve(self, event: PositionEvent) -> None:
        """Apply one event to the state. Refuses: HistoryDamaged for one that does not follow from it."""
        try:
            evolve(self.state, event)
        except UNFOLDABLE as cause:
            raise not_following(event, cause) from cause

    def stand_at(self, current: Position) -> None:
        """Set the version of this position, loaded with a past cycle alone, to that of the whole stream."""
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
        """The status of the current cycle; None while there was none."""
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
