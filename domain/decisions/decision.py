"""A decision: the state of a position, the command at hand, and how what follows from it is recorded or refused."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol, TypedDict

from pydantic import JsonValue

from domain.aggregate.row import PositionRow
from domain.aggregate.state import CommandResult, PositionState
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
)
from domain.events import PositionEvent
from domain.identifiers import PositionKey
from domain.values import AHEAD_MAX, Source, plain


class CommandContext(NamedTuple):
    """What the edge knows of a command: its id, when it happened, and when it is written."""

    command_id: str
    ts_event: datetime
    ts_recorded: datetime

    @classmethod
    def of(cls, command: Command) -> CommandContext:
        """The context of a command that carries its own."""
        assert command.command_id is not None, "a command without a context has an id"
        assert command.at is not None, "a command without a context has a time"
        return cls(command.command_id, command.at, command.at)


class Envelope(TypedDict):
    """What every event says beside its facts."""

    originator_id: str
    originator_version: int
    command_id: str
    request: str
    cycle: int
    ts_event: datetime
    ts_recorded: datetime
    source: Source
    metadata: dict[str, JsonValue] | None


class Recorder(Protocol):
    """The aggregate, as far as a decision needs it."""

    @property
    def version(self) -> int:
        """The version of the stream, with what was recorded so far."""

    @property
    def modified_on(self) -> datetime:
        """When the last event was written."""

    @property
    def state(self) -> PositionState:
        """What the stream remembers."""

    def record(self, event: PositionEvent) -> None:
        """Take in an event that is new."""


class Decision:
    """One command in the light of what a stream remembers."""

    def __init__(self, position: Recorder, command: Command, context: CommandContext) -> None:
        self._position, self._version = position, position.version
        self.command, self.context, self.state = command, context, position.state

    # -- recording ------------------------------------------------------------------------------------------------

    def envelope(self, cycle: int | None = None) -> Envelope:
        """What the next event says of itself, of the current cycle unless another one is named."""
        return {
            "originator_id": self.state.stream,
            "originator_version": self._position.version + 1,
            "command_id": self.context.command_id,
            "request": self.command.digest,
            "cycle": self.state.cycle if cycle is None else cycle,
            "ts_event": self.context.ts_event,
            "ts_recorded": max(self.context.ts_recorded, self._position.modified_on),
            "source": self.command.source,
            "metadata": self.command.metadata,
        }

    def record(self, event: PositionEvent) -> None:
        """Record what follows from the command.

        Refuses: VersionConflict when the caller looked at another version.
        """
        if self.command.expected_version not in (None, self._version):
            raise VersionConflict(
                f"{self.state.stream} is at version {self._version}, not {self.command.expected_version} as expected; "
                "look again before you decide",
                version=self._version,
                expected_version=self.command.expected_version,
            )
        self._position.record(event)

    def is_part_of(self, statement: datetime) -> bool:
        """Whether what the command tells had happened by a statement of the exchange, which then counted it.

        A statement of a time that has not come yet was stamped by a clock that was wrong, and counts nothing.
        """
        return self.context.ts_event <= statement and statement - self.context.ts_recorded <= AHEAD_MAX

    # -- answers without news -------------------------------------------------------------------------------------

    def same(self, answer: CommandResult, what: str) -> CommandResult:
        """What was answered before, unless other content was."""
        if answer.request != self.command.digest:
            raise IdempotencyMismatch(
                f"{what} was accepted before with other content, as {' + '.join(answer.events) or 'a fill'} of "
                f"{answer.position_id}, which is {self.state.status} now; ask position({answer.position_id!r}) how it "
                "stands before anything else is sent",
                position_id=answer.position_id,
            )
        return answer

    def no_news(self) -> CommandResult:
        """Where the cycle stands, when the command says nothing that is not known."""
        row = self.state.row
        assert row is not None, "a cycle"
        return CommandResult(
            self.command.digest, row.position_id, self._position.version, row.status, (), row.client_order_id
        )

    def known_trade(self, command: c.RecordEntryFill | c.Reduce) -> CommandResult | None:
        """The answer to a fill that is on record."""
        known = self.state.trades.get(command.trade_id)
        if known is None:
            return None
        if known != command.digest:
            raise IdempotencyMismatch(
                f"trade_id {command.trade_id} of {self.state.position_id} is on record with other content; a fill "
                "never changes, so look which of the two is wrong",
                position_id=self.state.position_id,
            )
        return self.no_news()

    # -- refusals that are common to all --------------------------------------------------------------------------

    def refused(self, rule: type[CommandRefused], why: str) -> CommandRefused:
        """A rule's refusal, naming the cycle and where it stands."""
        row = self.state.row
        assert row is not None, "a cycle"
        return rule(f"{row.position_id} {why}", position_id=row.position_id, status=row.status.value)

    def needs_open(self) -> PositionRow:
        """Refuse unless the cycle that the command names holds the slot; answer its row.

        Refuses: UnknownPosition, StaleCycle, PositionNotOpen.
        """
        asked, state, row = self.command.cycle, self.state, self.state.row
        if asked is not None and (asked > state.last_cycle or row is None):
            raise UnknownPosition(
                f"{state.stream}#{asked} is not known; "
                + (
                    f"the last cycle is {state.stream}#{state.last_cycle}"
                    if state.last_cycle
                    else f"{state.stream} has no cycles"
                ),
            )
        assert row is not None, "a known cycle"
        if asked != row.cycle or (not row.status.is_open and row.cycle != state.last_cycle):
            raise StaleCycle(
                f"{state.stream}#{asked} is over; the current cycle is "
                f"#{row.cycle if row.status.is_open else state.last_cycle}, and cycles share nothing",
                position_id=f"{state.stream}#{asked}",
            )
        if not row.status.is_open:
            held = state.holding.quantity
            raise PositionNotOpen(
                f"{row.position_id} is {row.status.value}: it is over, and "
                + (
                    f"holds {plain(held)} that was filled too late; adopt what the exchange shows of it, then protect "
                    "or close that"
                    if held
                    else "takes nothing any more but a fill that came too late (record_entry_fill)"
                ),
                position_id=row.position_id,
                status=row.status.value,
            )
        return row

    def needs_free_slot(self) -> CommandResult | None:
        """Refuse while another intent holds the slot; the same intent again gets its first answer."""
        row = self.state.row
        if row is None or not row.status.is_open:
            return None
        intent: str | None = getattr(self.command, "intent_id", None)
        if intent is not None and intent == row.intent_id:
            return self.same(next(iter(self.state.answers.values())), f"intent_id {intent}")
        raise self.slot_is_taken(intent)

    def slot_is_taken(self, asked: str | None) -> PositionAlreadyOpen:
        """The refusal that names the holder."""
        row = self.state.row
        assert row is not None, "open"
        return PositionAlreadyOpen(
            row.position_id,
            row.status,
            since=row.opened_at,
            at=self.context.ts_event,
            holder=row.intent_id,
            asked=asked,
        )

    # -- money ----------------------------------------------------------------------------------------------------

    def other_currency(self, currency: str | None) -> str | None:
        """The currency of a fee, unless it is the one that the position is settled in."""
        if currency is None or PositionKey.parse(self.state.stream).is_settled_in(currency):
            return None
        return currency.upper()
