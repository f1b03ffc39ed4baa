"""What every decision needs: the command at hand, the next event, and the refusals that are common to all."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from domain import events as e
from domain.commands import requests as c
from domain.commands.base import Command
from domain.errors import (
    CommandRefused,
    IdempotencyMismatch,
    PositionAlreadyOpen,
    PositionNotOpen,
    StaleCycle,
    UnknownPosition,
    VersionConflict,
    WrongSideStop,
)
from domain.identifiers import PositionKey
from domain.state import CommandResult, PositionState
from domain.stop import is_losing_side
from domain.values import Side, plain


class CommandContext(NamedTuple):
    """What the edge knows of a command: its id, when it happened, and when it is written."""

    command_id: str
    ts_event: datetime
    ts_recorded: datetime

    @classmethod
    def of(cls, command: Command) -> CommandContext:
        """The stamp of a command that carries its own."""
        assert command.command_id is not None, "a command without a stamp has an id"
        assert command.at is not None, "a command without a stamp has a time"
        return cls(command.command_id, command.at, command.at)


class Recording(NamedTuple):
    """A command while it is being decided: its stamp, and the version that it was decided on."""

    command: Command
    stamp: CommandContext
    version: int


class Deciding(PositionState):
    """A memory in the light of one command."""

    if TYPE_CHECKING:  # a field of the decision, not of the memory
        _recording: Recording

    def _same(self, answer: CommandResult, command: Command, what: str) -> CommandResult:
        if answer.request != command.digest:
            raise IdempotencyMismatch(
                f"{what} was accepted before with other content, as {' + '.join(answer.events) or 'a fill'} of "
                f"{answer.position_id}; send the same content again, or another id for another command",
                position_id=answer.position_id,
            )
        return answer

    def _no_news(self, command: Command) -> CommandResult:
        assert self.status is not None, "a cycle"
        return CommandResult(command.digest, self.position_id, self.version, self.status, (), self.client_order_id)

    def _record(self, event_class: type[e.PositionEvent], **fields: Any) -> None:
        """Trigger the next event, stamped with the command that it answers."""
        recording = self._recording
        command = recording.command
        if command.expected_version not in (None, recording.version):
            raise VersionConflict(
                f"{self.id} is at version {recording.version}, not {command.expected_version} as expected; look again "
                "before you decide",
                version=recording.version,
                expected_version=command.expected_version,
            )
        event = event_class(
            originator_id=self.id,
            originator_version=self.version + 1,
            command_id=recording.stamp.command_id,
            request=command.digest,
            cycle=fields.pop("cycle", self.cycle),
            ts_event=recording.stamp.ts_event,
            ts_recorded=max(recording.stamp.ts_recorded, self.modified_on),
            source=command.source,
            metadata=command.metadata,
            **fields,
        )
        event.mutate(self)
        self.pending_events.append(event)

    def _needs_open(self, command: Command) -> Side:
        """Refuse unless the cycle that the command names holds the slot; answer its side."""
        if command.cycle is not None and (command.cycle > self.last_cycle or self.status is None):
            raise UnknownPosition(
                f"{self.id}#{command.cycle} is not known; "
                + (f"the last cycle is {self.id}#{self.last_cycle}" if self.last_cycle else f"{self.id} has no cycles"),
            )
        assert self.status is not None, "a known cycle"
        if command.cycle != self.cycle or (not self.is_open and self.cycle != self.last_cycle):
            raise StaleCycle(
                f"{self.id}#{command.cycle} is over; the current cycle is "
                f"#{self.cycle if self.is_open else self.last_cycle}, and cycles share nothing",
                position_id=f"{self.id}#{command.cycle}",
            )
        if not self.is_open:
            raise PositionNotOpen(
                f"{self.position_id} is {self.status.value}: it is over, and nothing can be done to it",
                position_id=self.position_id,
                status=self.status.value,
            )
        assert self.side is not None, "an open cycle has a side"
        return self.side

    def _refused(self, rule: type[CommandRefused], why: str) -> CommandRefused:
        assert self.status is not None, "a cycle"
        return rule(f"{self.position_id} {why}", position_id=self.position_id, status=self.status.value)

    def _needs_right_side(self, side: Side, stop_price: Decimal, reference: Decimal | None, what: str) -> None:
        if reference is not None and not is_losing_side(side, stop_price, reference):
            wanted = "below" if side is Side.LONG else "above"
            raise WrongSideStop(
                f"a stop at {plain(stop_price)} would trigger at once: that of a {side.value} stands {wanted} its "
                f"{what} of {plain(reference)}"
                + (", unless it locks in profit (locks_profit) on an active position" if what == "entry" else ""),
                stop_price=plain(stop_price),
                reference=plain(reference),
                side=side.value,
            )

    def _needs_free_slot(self, command: c.RequestEntry | c.RecordEntryPlaced | c.Adopt) -> CommandResult | None:
        """Refuse while another intent holds the slot; the same intent again gets its first answer."""
        if not self.is_open:
            return None
        intent = getattr(command, "intent_id", None)
        if intent is not None and intent == self.intent_id:
            return self._same(next(iter(self.answers.values())), command, f"intent_id {intent}")
        raise self._slot_is_taken(intent)

    def _slot_is_taken(self, asked: str | None) -> PositionAlreadyOpen:
        assert self.status is not None, "open"
        return PositionAlreadyOpen(
            self.position_id,
            self.status,
            since=self.opened_at,
            at=self._recording.stamp.ts_event,
            holder=self.intent_id,
            asked=asked,
        )

    def _known_trade(self, command: c.RecordEntryFill | c.Reduce) -> CommandResult | None:
        known = self.trades.get(command.trade_id)
        if known is None:
            return None
        answer = self._no_news(command)
        if known != command.digest:
            raise IdempotencyMismatch(
                f"trade_id {command.trade_id} of {self.position_id} is on record with other content; a fill never "
                "changes, so look which of the two is wrong",
                position_id=self.position_id,
            )
        return answer

    def _other_currency(self, currency: str | None) -> str | None:
        if currency is None or PositionKey.parse(self.id).is_settled_in(currency):
            return None
        return currency.upper()
