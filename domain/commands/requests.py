"""The commands that a bot may send. Constraints on input live here; rules of business live in `domain/decisions/`."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    model_validator,
)

from domain.alteration import once
from domain.commands.base import Command, digest_of, storable
from domain.commands.order_requests import (
    CorrectFill,
    DefineInstrument,
    EndOrder,
    LoseTakeProfit,
    RecordCash,
    ReplaceOrder,
    RequestExit,
    RequestIncrease,
    SetTakeProfit,
    needs_one_amount,
)
from domain.commands.places import (
    Json,
    OnKey,
    OnPosition,
    Percent,
    PositionIdText,
    Reason,
    SideOfPosition,
    Spelled,
    needs_agreeing_leg,
)
from domain.errors import InvalidCommand
from domain.identifiers import PositionId, PositionKey, normalized_account, normalized_leg
from domain.symbols.spelling import written_symbol
from domain.symbols.venues import normalized_exchange
from domain.values import (
    OR_LEAVE_OUT,
    EntryPrice,
    ExitPrice,
    Fee,
    Flag,
    Identifier,
    JsonFloat,
    Leg,
    Moment,
    Price,
    Protection,
    Quantity,
    QuantityOrNone,
    Source,
    Status,
    Text,
    writable,
)


class RequestEntry(OnKey):
    """Claim the slot for one intent, before any order is sent."""

    verb = "request_entry"
    side: SideOfPosition
    quantity: Quantity | None = None
    signal_price: EntryPrice | None = None
    stop_loss_percent: Percent | None = None
    stop_price: EntryPrice | None = None
    intent_id: Identifier
    cost: Quantity | None = None
    protection: Protection = "exchange"

    @model_validator(mode="after")
    def _one_stop_plan(self) -> Self:
        needs_one_amount(self.quantity, self.cost)
        if self.stop_loss_percent is not None and self.stop_price is not None:
            raise ValueError("stop_loss_percent and stop_price are two plans; send one of them")
        return self


class RecordEntryPlaced(Spelled):
    """The exchange acknowledged the entry order; by key it opens a cycle after the fact."""

    verb = "record_entry_placed"
    position_id: PositionIdText | None = None
    symbol: Annotated[str, BeforeValidator(written_symbol)] | None = None
    exchange: Annotated[str, BeforeValidator(normalized_exchange)] | None = None
    account: Annotated[str | None, BeforeValidator(normalized_account)] = None
    leg: Annotated[Leg, BeforeValidator(normalized_leg)] | None = None
    side: SideOfPosition | None = None
    quantity: Quantity | None = None
    signal_price: EntryPrice | None = None
    intent_id: Identifier | None = None
    exchange_order_id: Identifier
    filled_qty: QuantityOrNone | None = None
    avg_px: EntryPrice | None = None
    client_order_id: Identifier | None = None

    @model_validator(mode="after")
    def _position_or_key(self) -> Self:
        opening = {
            name
            for name in ("symbol", "exchange", "account", "leg", "side", "quantity", "signal_price", "intent_id")
            if getattr(self, name) is not None
        }
        if self.position_id is not None:
            opening.discard("intent_id")
            if opening:
                raise ValueError(f"position_id names the cycle already; leave out {', '.join(sorted(opening))}")
        elif missing := {"symbol", "exchange", "side"} - opening:
            raise ValueError(
                f"{', '.join(sorted(missing))} missing: send position_id, or symbol, exchange, side and quantity (or "
                "filled_qty) to open a cycle after the fact"
            )
        elif self.quantity is None and not self.filled_qty:
            raise ValueError("quantity (or filled_qty) missing: say how much the entry was for")
        needs_agreeing_leg(self.side, self.leg)
        if self.avg_px is not None and not self.filled_qty:
            raise ValueError("avg_px needs filled_qty: an average price of how much?")
        return self

    @property
    def key(self) -> PositionKey:
        """The slot, by position id or by its parts."""
        if self.position_id is not None:
            return PositionId.parse(self.position_id).key
        assert self.symbol is not None and self.exchange is not None, "checked when the command was made"
        return PositionKey.of(self.symbol, self.exchange, self.account, self.leg or Leg.BOTH)

    @property
    def cycle(self) -> int | None:
        """The cycle, if it is named by position id."""
        return None if self.position_id is None else PositionId.parse(self.position_id).cycle


class RecordEntryFill(OnPosition):
    """One fill of an entry order; the same `trade_id` of the same order again is no news."""

    verb = "record_entry_fill"
    trade_id: Identifier
    last_qty: Quantity
    last_px: EntryPrice
    fee: Fee | None = None
    fee_currency: Identifier | None = None
    exchange_order_id: Identifier | None = None
    client_order_id: Identifier | None = None


class RecordEntryUnknown(OnPosition):
    """The call to the exchange timed out, so that it is not known whether there is an order."""

    verb = "record_entry_unknown"
    reason: Reason


class FailEntry(OnPosition):
    """The exchange rejected, expired or cancelled the entry, with nothing filled."""

    verb = "fail_entry"
    reason: Reason
    outcome: Literal["rejected", "expired", "canceled"]
    code: Identifier | None = None


class SetStopLoss(OnPosition):
    """A stop is confirmed at the exchange; again with another price: it moved.

    `locks_profit` allows a stop beyond the entry of an active position, as a trailing stop sets it.
    """

    verb = "set_stop_loss"
    stop_price: EntryPrice
    exchange_order_id: Identifier | None = None
    quantity: Quantity | None = None
    activate: Flag = False
    locks_profit: Flag = False
    attached: Flag = False
    replaces: Identifier | None = None


class LoseStopLoss(OnPosition):
    """A stop was cancelled, or is gone from the exchange; with several, `exchange_order_id` says which."""

    verb = "lose_stop_loss"
    reason: Reason
    exchange_order_id: Identifier | None = None


class Activate(OnPosition):
    """The entry is complete: filled, and covered by stops."""

    verb = "activate"


class Reduce(OnPosition):
    """One fill of a closing order; with `flip`, what exceeds the position opens the other side."""

    verb = "reduce"
    trade_id: Identifier
    last_qty: Quantity
    last_px: ExitPrice
    fee: Fee | None = None
    fee_currency: Identifier | None = None
    exchange_order_id: Identifier | None = None
    client_order_id: Identifier | None = None
    reason: Reason | None = None
    flip: Flag = False


class Adjust(OnPosition):
    """A correction by what the exchange shows: the quantity that is open, and its average price."""

    verb = "adjust"
    source: Source = Source.SYNC
    quantity: Quantity | None = None
    avg_px_open: EntryPrice | None = None
    reason: Reason

    @model_validator(mode="after")
    def _something_to_correct(self) -> Self:
        if self.quantity is None and self.avg_px_open is None:
            raise ValueError("send quantity or avg_px_open, or both")
        return self


class Adopt(OnKey):
    """Take over a position of the exchange that no cycle explains."""

    verb = "adopt"
    source: Source = Source.SYNC
    side: SideOfPosition
    quantity: Quantity
    avg_px_open: EntryPrice
    reason: Reason
    protection: Protection = "exchange"


class StartRollback(OnPosition):
    """The entry is to be undone: a reduce-only closing order for what is held is about to be sent."""

    verb = "start_rollback"
    reason: Reason


class ClosingFill(BaseModel):
    """A closing fill, as part of the evidence."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    trade_id: Identifier
    last_qty: Quantity
    last_px: ExitPrice
    fee: Fee | None = None
    fee_currency: Identifier | None = None


class Evidence(BaseModel):
    """The evidence that a position is flat; other keys are stored as they came, and prove nothing."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True, defer_build=True)
    __pydantic_extra__: dict[str, Json]

    closing_order_id: Identifier | None = None
    fills: tuple[ClosingFill, ...] = ()
    position_quantity: QuantityOrNone | None = None
    note: Text | None = None

    @property
    def is_word_alone(self) -> bool:
        """Whether it names nothing that could be checked at the exchange: no order, no fills, no quantity."""
        return self.closing_order_id is None and not self.fills and self.position_quantity is None

    @property
    def contradiction(self) -> str | None:
        """A key among the unknown ones whose name and value say that something is still held; None if there is none."""
        said = self.__pydantic_extra__ or {}
        for name in ("is_flat", "flat"):
            if str(said.get(name)).strip().lower() in ("false", "no", "0"):
                return f"{name} {said[name]}"
        return None


def _evidence(value: object) -> object:
    if isinstance(value, str):
        return {"note": value} if value.strip() else None
    if isinstance(value, dict):
        return storable(value) or None
    return {"fills": value} if isinstance(value, list | tuple) and value else value or None


class RollBack(OnPosition):
    """The rollback is complete, with evidence that nothing is held."""

    verb = "roll_back"
    reason: Reason | None = None
    evidence: Annotated[Evidence | None, BeforeValidator(_evidence)] = None


class FailRollback(OnPosition):
    """The closing order of the rollback did not close everything."""

    verb = "fail_rollback"
    reason: Reason
    residual_qty: Quantity


class Close(OnPosition):
    """The position is closed; what was still open was closed at `avg_px_close`, if that is known."""

    verb = "close"
    exit_reason: Reason
    avg_px_close: ExitPrice | None = None
    fee: Fee | None = None
    fee_currency: Identifier | None = None
    dust: Flag | None = None
    """Whether what is left was not sold, and stays at its cost; a small rest on the SPOT leg does unless it is said."""


def _storable_texts(value: Any) -> Any:
    """The same as `storable` for a flat object of texts, which are checked at once: rows come by the thousand."""
    texts = [*value, *value.values()] if isinstance(value, dict) else value
    if isinstance(texts, list | tuple):
        writable("\n".join(text for text in texts if isinstance(text, str)))
    return dict(sorted(value.items(), key=lambda pair: str(pair[0]))) if isinstance(value, dict) else value


class ImportPosition(OnKey):
    """A row of the legacy table becomes a cycle, unchanged; for `import-legacy` alone.

    `claims_intent`: no earlier cycle of the key has the same intent.
    """

    verb = "import_position"
    source: Source = Source.IMPORT
    at: Moment | None = None
    """As the old table has it, whatever it is."""
    status: Status
    side: SideOfPosition
    quantity: QuantityOrNone
    """As the old table has it, open or not."""
    avg_px_open: Price | None = None
    stop_price: Price | None = None
    stop_confirmed: bool = False
    realized_pnl: Fee | None = None
    exit_reason: Text | None = None
    exchange_order_id: Identifier | None = None
    intent_id: Identifier | None = None
    claims_intent: bool = False
    legacy_id: Identifier | None = None
    opened_at: Moment
    closed_at: Moment | None = None
    findings: Annotated[tuple[str, ...], BeforeValidator(_storable_texts)] = ()
    row: Annotated[dict[str, str | None], BeforeValidator(_storable_texts)]

    @once
    def digest(self) -> str:
        """The digest of the row alone: a better reading of it is no reason to import it again."""
        return digest_of(self.verb, json.dumps(self.row, sort_keys=True).encode())


COMMANDS: Final[dict[str, type[Command]]] = {
    command.verb: command
    for command in (
        RequestEntry,
        RecordEntryPlaced,
        RecordEntryFill,
        RecordEntryUnknown,
        FailEntry,
        SetStopLoss,
        LoseStopLoss,
        Activate,
        Reduce,
        Adjust,
        Adopt,
        StartRollback,
        RollBack,
        FailRollback,
        Close,
        RequestIncrease,
        ReplaceOrder,
        EndOrder,
        SetTakeProfit,
        LoseTakeProfit,
        RequestExit,
        RecordCash,
        CorrectFill,
        DefineInstrument,
    )
}
"""Every verb that a bot may send."""


def command_from_json(text: str) -> Command:
    """Read one JSON object `{"command": verb, …}`.

    Refuses: InvalidCommand for anything that is not exactly one known command with exact numbers.
    """
    sent = object_from_json(text)
    verb = sent.pop("command", None)
    if not isinstance(verb, str) or verb not in COMMANDS:
        asked = 'there is no "command" in it' if verb is None else f"there is no command {verb!r:.80}"
        raise InvalidCommand(f"{asked}; there are {', '.join(COMMANDS)}")
    return COMMANDS[verb].of(**sent)


def object_from_json(text: str) -> dict[str, Any]:
    """Read a line that is one JSON object, each of its keys once. Refuses: InvalidCommand for anything else."""
    try:
        sent = json.loads(text, parse_float=JsonFloat, parse_constant=_no_constant, object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as wrong:
        raise InvalidCommand(f"this line is not a JSON object: {wrong}") from None
    if not isinstance(sent, dict):
        raise InvalidCommand(f'a command is a JSON object like {{"command": "activate", …}}, not {type(sent).__name__}')
    return sent


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a finite number; {OR_LEAVE_OUT}")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(n for n in names if names.count(n) > 1)!r} is there twice")
    return fields
