"""What an exchange said that it holds, at one moment: positions, resting orders, and how far to believe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final

from domain.identifiers import PositionKey
from domain.json_object import JsonObject
from domain.values import Leg, Side, plain

_ONE: Final = Decimal(1)


class OrderKind(StrEnum):
    """What an order that rests at an exchange is for."""

    STOP = "stop"
    TRAILING_STOP = "trailing_stop"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReport(JsonObject):
    """A position that the exchange shows. Units as in a row of ours; None is "it does not say"."""

    key: PositionKey
    side: Side
    quantity: Decimal
    avg_px_open: Decimal | None = None
    contract_size: Decimal = _ONE
    """How much one contract is, where the exchange counts those; the quantity is in units all the same."""
    mark_price: Decimal | None = None
    stop_price: Decimal | None = None
    """Of a stop that is a property of the position, not an order of its own."""

    json_keys: ClassVar = (("symbol", "key.symbol"), ("leg", "key.leg"), "side", "quantity", "avg_px_open")

    @property
    def in_words(self) -> str:
        """What is held: `short 61 at 3.2295`."""
        price = "" if self.avg_px_open is None else f" at {plain(self.avg_px_open)}"
        return f"{self.side.value} {plain(self.quantity)}{price}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport(JsonObject):
    """An order that rests at the exchange. `side` is `buy` or `sell`; None is "it does not say"."""

    key: PositionKey
    order_id: str
    side: str | None
    kind: OrderKind = OrderKind.OTHER
    quantity: Decimal | None = None
    trigger_price: Decimal | None = None
    reduce_only: bool = False
    client_order_id: str | None = None
    created_at: datetime | None = None

    json_keys: ClassVar = (
        "order_id",
        ("symbol", "key.symbol"),
        "side",
        "kind",
        "quantity",
        "trigger_price",
        "reduce_only",
        "created_at",
    )

    @property
    def is_stop(self) -> bool:
        """Whether it waits for the price to go against a position."""
        return self.kind is not OrderKind.OTHER

    def closes(self, key: PositionKey, side: Side) -> bool:
        """Whether it works against a position of this side: the same symbol and leg, the other direction."""
        same_leg = Leg.BOTH in (self.key.leg, key.leg) or self.key.leg is key.leg
        return self.key.symbol == key.symbol and same_leg and self.side == side.closing_order


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshot:
    """What one account at one exchange looked like.

    Shape: `positions` and `orders` are None when the exchange was not asked, or did not answer: that is not "none".
           `taken_at` is the earliest moment that it can show; None when that is not known.
    """

    exchange: str | None
    account: str | None = None
    is_account_said: bool = False
    """Whether somebody said of which account it is, be it of the one without a name."""
    has_conditional: bool = False
    """Whether conditional orders were asked for, which some exchanges list apart: none in the list are none."""
    taken_at: datetime | None = None
    is_time_exact: bool = True
    positions: tuple[PositionReport, ...] | None = None
    orders: tuple[OrderReport, ...] | None = None
    balances: Mapping[str, Decimal] | None = None
    """By asset, what there is of it in all, free or not."""
    doubts: tuple[str, ...] = ()
    """Why it is not all that was there; with any of these, nothing is concluded from what it does not show."""
    order_doubts: tuple[str, ...] = ()
    """Why its orders are not all that were there."""
    notes: tuple[str, ...] = ()
    """What a reader should know, and what changes nothing."""
    digest: str = ""
    """What tells it from another one."""

    @property
    def shows_orders(self) -> bool:
        """Whether an order that it does not show was not there."""
        return self.orders is not None and not self.order_doubts
