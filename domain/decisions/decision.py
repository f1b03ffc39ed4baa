"""A decision: the state of a position and a command, with the means to record events or refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol, TypedDict

from pydantic import JsonValue

from domain.aggregate.command_result import CommandResult
from domain.aggregate.exits.fill_on_record import FillOnRecord
from domain.aggregate.row import PositionRow
from domain.aggregate.state import PositionState
from domain.alteration import altered
from domain.commands.base import Command
from domain.errors import (
    CommandRefused,
    IdempotencyMismatch,
    InvalidCommand,
    PositionAlreadyOpen,
    PositionNotOpen,
    StaleCycle,
    UnknownPosition,
    VersionConflict,
)
from domain.events import PositionEvent
from domain.holding import Holding
from domain.identifiers import PositionKey
from domain.instrument import LINEAR, Instrument
from domain.orders.order import Order, may_be_by
from domain.values import EPOCH, EXACT, Side, Source, is_yet_to_come, plain, said_at


class CommandContext(NamedTuple):
    """What is decided outside the domain: the id of the command, when it happened, and when it is recorded."""

    command_id: str
    ts_event: datetime
    ts_recorded: datetime

    @classmethod
    def of(cls, command: Command) -> CommandContext:
        """The context of a command that has an id and a time itself."""
        assert command.command_id is not None, "a command without a context has an id"
        assert command.at is not None, "a command without a context has a time"
        return cls(command.command_id, command.at, command.at)


class Envelope(TypedDict):
    """The fields that every event has."""

    originator_id: str
    originator_version: int
    command_id: str
    request: str
    cycle: int
    ts_event: datetime
    ts_recorded: datetime
    source: Source
    metadata: dict[str, JsonValue] | None
    time_was_said: bool | None


class Recorder(Protocol):
    """What a decision needs of the aggregate."""

    @property
    def version(self) -> int:
        """The version of the stream, with the events recorded so far."""

    @property
    def modified_on(self) -> datetime:
        """When the last event was recorded."""

    @property
    def state(self) -> PositionState:
        """The state of the stream."""

    def record(self, event: PositionEvent) -> None:
        """Apply a new event."""


def resized(row: PositionRow, intent: str) -> IdempotencyMismatch:
    """The refusal of an intent that is sent again with other content, although it has a position."""
    amount = "" if row.requested_qty is None else f" {plain(row.requested_qty)}"
    return IdempotencyMismatch(
        f"intent_id {intent} has {row.position_id} already: {row.side.value}{amount} was asked, which is "
        f"{row.status.value} and holds {plain(row.quantity)}. It opens no second position with other content; look "
        "that one up, and change it there",
        position_id=row.position_id,
        status=row.status.value,
        quantity=plain(row.quantity),
    )


def already_open(row: PositionRow, at: datetime, command: Command) -> PositionAlreadyOpen:
    """The refusal of a command that wants the slot which a cycle holds."""
    asked: str | None = getattr(command, "intent_id", None)
    return PositionAlreadyOpen(
        row.position_id, row.status, since=row.opened_at, at=at, holder=row.intent_id, asked=asked
    )


class Decision:
    """One command, decided on the state of its stream.

    A command without a time happened after all that its stream has on record, also if the clock of its process is
    behind the one that recorded that.
    """

    def __init__(self, position: Recorder, command: Command, context: CommandContext) -> None:
        self._position, self._version = position, position.version
        self.command, self.state = command, position.state
        if command.at is None:
            happened_at = said_at(max(context.ts_event, position.modified_on), context.ts_event)
            context = context._replace(ts_event=happened_at)
        self.context = context

    # -- recording ------------------------------------------------------------------------------------------------

    def envelope(self, cycle: int | None = None) -> Envelope:
        """The common fields of the next event, for the current cycle unless another one is named."""
        ts_event, ts_recorded = self.context.ts_event, max(self.context.ts_recorded, self._position.modified_on)
        is_timed = self.command.at is not None
        return {
            "originator_id": self.state.stream,
            "originator_version": self._position.version + 1,
            "command_id": self.context.command_id,
            "request": self.command.digest,
            "cycle": self.state.cycle if cycle is None else cycle,
            "ts_event": ts_event,
            "ts_recorded": ts_recorded,
            "source": self.command.source,
            "metadata": self.command.metadata,
            "time_was_said": None if is_timed == (ts_event != ts_recorded) else is_timed,
        }

    def record(self, event: PositionEvent) -> None:
        """Record an event that follows from the command.

        Refuses: VersionConflict if the caller expected another version.
        """
        if self.command.expected_version not in (None, self._version):
            raise VersionConflict(
                f"{self.state.stream} is at version {self._version}, not {self.command.expected_version} as expected; "
                "look again before you decide",
                version=self._version,
                expected_version=self.command.expected_version,
            )
        self._position.record(event)

    def is_part_of(self, statement: datetime, *, within: timedelta = timedelta()) -> bool:
        """Whether what the command reports happened before a statement of the exchange, which then includes it.

        A statement whose time lies in the future came from a wrong clock, and includes nothing. A command without a
        time happened after every statement that was recorded before it, whatever the clocks of the two say.
        """
        if self.command.at is None or is_yet_to_come(statement, self.context.ts_recorded):
            return False
        return self.context.ts_event <= statement + within

    def is_older_than(self, moment: datetime, *, within: timedelta = timedelta()) -> bool:
        """Whether what the command reports was before a moment by more than `within`; not for one in the future."""
        return moment - self.context.ts_event > within and not is_yet_to_come(moment, self.context.ts_recorded)

    def is_adjusted_for(self, order: Order | None, *, within: timedelta = timedelta()) -> bool:
        """Whether the last adjustment, if there was one, has counted what the command reports (of an order, or None).

        Clocks may be a second apart, so that an order that was claimed after the adjustment was never counted by it,
        whatever the time of the command.
        """
        state = self.state
        if state.adjusted_at == EPOCH or (order is not None and state.promised_since(order.name)):
            return False
        return self.is_part_of(state.adjusted_at, within=within)

    @property
    def said_at(self) -> datetime:
        """When it happened; as for events, the time of recording if the given time lies in the future."""
        return said_at(self.context.ts_event, self.context.ts_recorded)

    # -- answers without news -------------------------------------------------------------------------------------

    def same(self, answer: CommandResult, what: str) -> CommandResult:
        """The first answer to a command that is sent again. Refuses: IdempotencyMismatch if its content was another."""
        if answer.request != self.command.digest:
            raise IdempotencyMismatch(
                f"{what} was accepted before with other content, as {' + '.join(answer.events) or 'a fill'} of "
                f"{answer.position_id}, which is {self.state.status} now; ask position({answer.position_id!r}) how it "
                "stands before anything else is sent",
                position_id=answer.position_id,
            )
        return answer

    def no_news(self) -> CommandResult:
        """The answer to a command that adds nothing to what is known: how the cycle stands."""
        row, digest, version = self.state.row, self.command.digest, self._position.version
        if row is None:  # a command about the stream, which has no cycle yet
            return CommandResult(digest, self.state.stream, version, None)
        return CommandResult(
            digest,
            row.position_id,
            version,
            row.status,
            client_order_id=row.client_order_id,
            quantity=self.state.holding.quantity,
        )

    def promised(self, name: str) -> CommandResult | None:
        """The answer to the command that claimed an order; `name` is that of the order, or its role and intent."""
        command_id = self.state.promises.get(name)
        return None if command_id is None else self.state.answers.get(command_id)

    # -- refusals that are common to all --------------------------------------------------------------------------

    def refused(self, rule: type[CommandRefused], why: str, **details: object) -> CommandRefused:
        """A refusal that names the cycle and its status."""
        row = self.state.row
        assert row is not None, "a cycle"
        return rule(f"{row.position_id} {why}", position_id=row.position_id, status=row.status.value, **details)

    def needs_open(self) -> PositionRow:
        """The row of the cycle that the command names, which must hold the slot.

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
        if asked != row.cycle or (not row.status.is_open and not row.stray and row.cycle != state.last_cycle):
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
                    f"holds {plain(held)} that was filled too late, beside the cycle that has its slot: reduce or "
                    "close it"
                    if held
                    else "takes nothing any more but what happened to it and came too late (fills, cash, corrections)"
                ),
                position_id=row.position_id,
                status=row.status.value,
            )
        return row

    def needs_cycle(self) -> PositionRow:
        """The row of the cycle that the command names, which may be over.

        Refuses: UnknownPosition, StaleCycle.
        """
        row = self.state.row
        return row if row is not None and self.command.cycle == row.cycle else self.needs_open()

    def needs_holding(self) -> PositionRow:
        """The row of the cycle that the command names, which must hold the slot or be a stray.

        Refuses: UnknownPosition, StaleCycle, PositionNotOpen.
        """
        row = self.needs_cycle()
        return row if row.stray else self.needs_open()

    @property
    def was_answered(self) -> bool:
        """Whether a command with the same content was accepted in this cycle before, under any command id."""
        return any(answer.request == self.command.digest for answer in self.state.answers.values())

    def takes_slot_back(self, held: Holding) -> bool:
        """Whether an entry fill opens a cycle again that was over, because no other cycle has its slot."""
        state = self.state
        return not state.is_open and state.is_current and bool(held.quantity)

    def needs_free_slot(self) -> CommandResult | None:
        """Refuse while another intent holds the slot; the same intent gets its first answer again."""
        row = self.state.row
        if row is None or not row.status.is_open:
            return None
        intent: str | None = getattr(self.command, "intent_id", None)
        if intent is not None and intent == row.intent_id and row.side is getattr(self.command, "side", None):
            answer = next(iter(self.state.answers.values()))
            if answer.request != self.command.digest:
                raise resized(row, intent)
            return answer
        raise already_open(row, self.context.ts_event, self.command)

    # -- money ----------------------------------------------------------------------------------------------------

    def as_turned(self, held: Holding, *, is_entry: bool) -> Holding:
        """The totals after a fill; profit is not known when an entry from before a turning fill is told after that.

        The fill that turned the position closed this entry too, and opened less than is on record. Profit stays unknown
        until that fill is corrected, or everything is closed.
        """
        turned_at = self.state.turned_at
        if turned_at is None or not held.quantity:
            return held
        is_left = is_entry and may_be_by(self.command.at, turned_at)
        return altered(held, realized_pnl=None) if is_left or self.state.holding.realized_pnl is None else held

    @property
    def key(self) -> PositionKey:
        """The key of the stream."""
        return PositionKey.parse(self.state.stream)

    @property
    def opening_terms(self) -> Instrument | None:
        """The terms of the next cycle: as defined, or as the symbol shows; None for linear ones of size 1."""
        if self.state.instrument is not None:
            return self.state.instrument
        if self.key.is_inverse:
            return Instrument(inverse=True)
        quote: str | None = getattr(getattr(self.command, "symbol", None), "quote", None)
        is_known = quote is None or self.key.settle == quote or ":" in self.key.symbol
        return None if is_known else Instrument(quote=quote)

    def needs_price(self, name: str, price: Decimal | None, terms: Instrument | None) -> None:
        """Refuse a price that the instrument cannot have. Refuses: InvalidCommand.

        Whether prices may be negative is known from the definition alone, for rows do not have it.
        """
        if price is None or price > 0:
            return
        may_be_negative = self.state.instrument is not None and self.state.instrument.price_may_be_negative
        known = replace(terms or LINEAR, price_may_be_negative=may_be_negative)
        if not known.can_be_at(price):
            if known.inverse:
                why = "a quantity that is inverse is worth nothing then, or less; leave it out where it is not known"
            else:
                why = (
                    "prices are not below zero here; if the exchange says so, say it of the instrument "
                    "(define_instrument, price_may_be_negative) before a position opens"
                )
            raise InvalidCommand(f"{self.command.verb}: {name}: {plain(price)}: {why}", command=self.command.verb)

    def with_fee(self, held: Holding, fee: Decimal | None, currency: str | None, terms: Instrument) -> Holding:
        """The totals after the fee of a fill: paid from the position, or counted in its currency.

        A fee that exceeds the position was not paid from it.
        """
        if fee is not None and fee <= held.quantity and self.pays_in_kind(fee, currency):
            return held.shrunk(Side.LONG, fee, terms)
        return held.with_fee(fee, self.state.other_currency(currency))

    def pays_in_kind(self, fee: Decimal | None, currency: str | None) -> bool:
        """Whether a fee is paid from the position: on spot, in the asset that was bought."""
        return self.state.side is Side.LONG and self.key.pays_from_position(fee, currency)

    def without_fee(self, held: Holding, fill: FillOnRecord, terms: Instrument) -> Holding:
        """The totals without the fee of a fill that is void."""
        if fill.fee is None:
            return held
        if fill.is_fee_in_kind:
            return held.shrunk(Side.LONG, EXACT.minus(fill.fee), terms)
        return held.with_fee(EXACT.subtract(fill.fee_said, fill.fee), self.state.other_currency(fill.fee_currency))
