"""The commands about the orders of a cycle, its money, and its instrument."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import model_validator

from domain.commands.places import OnKey, OnPosition, Reason
from domain.values import Amount, CashKind, EntryPrice, ExitPrice, Flag, Identifier, Quantity, QuantityOrNone, Source


def needs_one_amount(quantity: object, cost: object) -> None:
    """Refuse an order without an amount, or with both quantity and cost."""
    if (quantity is None) == (cost is None):
        raise ValueError("send quantity, or cost for an order by quote amount; exactly one of them")


class RequestIncrease(OnPosition):
    """Claim another entry order of an open cycle, before it is sent: DCA, safety orders, pyramids."""

    verb = "request_increase"
    intent_id: Identifier
    quantity: Quantity | None = None
    cost: Quantity | None = None
    signal_price: EntryPrice | None = None

    @model_validator(mode="after")
    def _one_amount(self) -> Self:
        needs_one_amount(self.quantity, self.cost)
        return self


class ReplaceOrder(OnPosition):
    """The exchange replaced an order, which continues under another exchange order id."""

    verb = "replace_order"
    exchange_order_id: Identifier
    new_exchange_order_id: Identifier
    quantity: Quantity | None = None
    price: EntryPrice | None = None


class EndOrder(OnPosition):
    """Nothing more will be filled of an order; `filled_qty` is all that was."""

    verb = "end_order"
    exchange_order_id: Identifier | None = None
    client_order_id: Identifier | None = None
    outcome: Literal["filled", "canceled", "expired", "rejected"]
    filled_qty: QuantityOrNone | None = None
    avg_px: ExitPrice | None = None
    reason: Reason | None = None
    code: Identifier | None = None

    @model_validator(mode="after")
    def _which_order(self) -> Self:
        if self.exchange_order_id is None and self.client_order_id is None:
            raise ValueError("send exchange_order_id or client_order_id, to say which order ended")
        if self.avg_px is not None and not self.filled_qty:
            raise ValueError("avg_px needs filled_qty: an average price of how much?")
        return self


class SetTakeProfit(OnPosition):
    """A target is confirmed at the exchange; again with another price: it moved."""

    verb = "set_take_profit"
    price: EntryPrice
    exchange_order_id: Identifier | None = None
    quantity: Quantity | None = None
    attached: Flag = False
    replaces: Identifier | None = None


class LoseTakeProfit(OnPosition):
    """A take profit was cancelled, or is gone; with several, `exchange_order_id` says which."""

    verb = "lose_take_profit"
    reason: Reason
    exchange_order_id: Identifier | None = None


class RequestExit(OnPosition):
    """Claim the closing order before it is sent; the receipt says side, quantity and client order id."""

    verb = "request_exit"
    reason: Reason
    quantity: Quantity | None = None
    intent_id: Identifier | None = None


class RecordCash(OnPosition):
    """Money that moved without a fill; positive is received. With `trade_id`, the fee of a fill that had none."""

    verb = "record_cash"
    source: Source = Source.SYNC
    kind: CashKind
    amount: Amount
    currency: Identifier | None = None
    cash_id: Identifier
    trade_id: Identifier | None = None

    @model_validator(mode="after")
    def _some_money(self) -> Self:
        if not self.amount:
            raise ValueError("amount is zero: nothing moved, so there is nothing to record")
        if self.trade_id is not None and self.kind not in ("commission", "rebate"):
            raise ValueError(f"trade_id is for the commission or rebate of a fill, not for {self.kind}")
        return self


class CorrectFill(OnPosition):
    """The exchange corrected or busted a fill."""

    verb = "correct_fill"
    source: Source = Source.SYNC
    trade_id: Identifier
    exchange_order_id: Identifier | None = None
    last_qty: Quantity | None = None
    last_px: ExitPrice | None = None
    void: Flag = False
    reason: Reason

    @model_validator(mode="after")
    def _something_to_correct(self) -> Self:
        said = self.last_qty is not None or self.last_px is not None
        if said == self.void:
            raise ValueError("send last_qty or last_px (or both) as they are, or void: true for a fill that never was")
        return self


class DefineInstrument(OnKey):
    """What a quantity of this instrument is worth, for the cycles that open from now on."""

    verb = "define_instrument"
    source: Source = Source.OPERATOR
    contract_size: Quantity | None = None
    inverse: Flag | None = None
    base: Identifier | None = None
    quote: Identifier | None = None
    settle: Identifier | None = None
    price_tick: Quantity | None = None
    quantity_step: Quantity | None = None
    price_may_be_negative: Flag | None = None
    force: Flag = False
    reason: Reason | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        terms = self.model_fields_set & set(TERMS)
        if not terms:
            raise ValueError(f"send at least one of {', '.join(TERMS)}")
        if self.force and self.reason is None:
            raise ValueError("force needs a reason: why is the instrument defined while a position is open?")
        return self


TERMS: Final = (
    "contract_size",
    "inverse",
    "base",
    "quote",
    "settle",
    "price_tick",
    "quantity_step",
    "price_may_be_negative",
)
"""What may be said of an instrument."""
