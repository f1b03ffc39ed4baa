"""What an exchange said that it holds, at one moment: positions, resting orders, and how far to believe it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final

from domain.identifiers import PositionKey
from domain.json_object import JsonObject
from domain.values import EXACT, Leg, Side, plain, rounded

_ONE: Final = Decimal(1)
_OPENING: Final = {Leg.LONG: "buy", Leg.SHORT: "sell"}


class OrderKind(StrEnum):
    """What an order that rests at an exchange is for."""

    STOP = "stop"
    TRAILING_STOP = "trailing_stop"
    TARGET = "target"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class PositionPart:
    """What is held beside others of its key: of one margin mode, or under a name of its own."""

    name: str
    quantity: Decimal
    in_words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReport(JsonObject):
    """A position that the exchange shows. Units as in a row of ours; None is "it does not say"."""

    key: PositionKey
    side: Side
    quantity: Decimal
    avg_px_open: Decimal | None = None
    price_basis: str | None = None
    """What the average entry follows from, where the exchange does not say it itself."""
    contract_size: Decimal = _ONE
    """How much one contract is, where the exchange counts those; the quantity is in units all the same."""
    mark_price: Decimal | None = None
    stop_price: Decimal | None = None
    """Of a stop that is a property of the position, not an order of its own."""
    target_price: Decimal | None = None
    """Of a take-profit that is a property of the position."""
    margin_mode: str | None = None
    reported_id: str | None = None
    """The exchange's own name of it, where one symbol may be held several times over."""
    parts: tuple[PositionPart, ...] = ()
    """What it was added up from, where the exchange holds one symbol in several margin modes at once."""

    json_keys: ClassVar = (
        ("symbol", "key.symbol"),
        ("leg", "key.leg"),
        "side",
        "quantity",
        "avg_px_open",
        ("price_basis?", "price_basis"),
        ("contract_size?", lambda seen: None if seen.contract_size == 1 else seen.contract_size),
        ("parts?", lambda seen: [f"{part.name} {part.in_words}" for part in seen.parts] or None),
    )

    @property
    def contracts(self) -> Decimal:
        """How many contracts it is."""
        return rounded(EXACT.divide(self.quantity, self.contract_size))

    @property
    def at_once(self) -> Decimal:
        """What an order that closes "all of it" is sure to close: one of the parts, where there are several."""
        return min((part.quantity for part in self.parts), default=self.quantity)

    @property
    def in_words(self) -> str:
        """What is held: `short 61 at 3.2295`, and what it is made of, as far as that is not plain."""
        asides = []
        if self.contract_size != 1:
            asides.append(f"{plain(self.contracts)} contracts of {plain(self.contract_size)}")
        if self.price_basis is not None:
            asides.append(f"entry from its {self.price_basis}")
        asides += [f"{part.name} {part.in_words}" for part in self.parts]
        price = "" if self.avg_px_open is None else f" at {plain(self.avg_px_open)}"
        said = f"{self.side.value} {plain(self.quantity)}{price}"
        return f"{said} ({'; '.join(asides)})" if asides else said


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
        return self.kind in (OrderKind.STOP, OrderKind.TRAILING_STOP)

    @property
    def opens_leg(self) -> bool:
        """Whether it can only open a leg of a hedge-mode account, or add to it."""
        return self.key.leg in (Leg.LONG, Leg.SHORT) and self.side == _OPENING[self.key.leg]

    def closes(self, key: PositionKey, side: Side) -> bool:
        """Whether it works against a position of this side: the same symbol and leg, the other direction.

        An order of one leg opens or closes that leg alone, whichever way it goes.
        """
        same_product = (self.key.leg is Leg.SPOT) == (key.leg is Leg.SPOT)
        same_leg = self.key.leg in (Leg.BOTH, Leg.SPOT, Leg[side.name])
        return self.key.symbol == key.symbol and same_product and same_leg and self.side == side.closing_order


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshot:
    """What one account at one exchange looked like.

    Shape: `positions` and `orders` are None when the exchange was not asked, or did not answer: that is not "none".
           `taken_at` is the earliest moment that it can show; None when that is not known. A key is there once.
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
    balances: dict[str, Decimal] | None = None
    """By asset, what there is of it in all, free or not."""
    doubts: tuple[str, ...] = ()
    """Why it is not all that was there; with any of these, nothing is concluded from what it does not show."""
    order_doubts: tuple[str, ...] = ()
    """Why its orders are not all that were there."""
    row_doubts: tuple[str, ...] = ()
    """Which of its rows cannot be read, and why; the others are judged all the same."""
    unread_positions: tuple[str | None, ...] = ()
    """Symbols of positions that cannot be read; None where not even the symbol can."""
    unread_orders: tuple[str | None, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader should know, and what changes nothing."""
    digest: str = ""
    """What tells it from another one."""

    @property
    def lists_orders(self) -> bool:
        """Whether an order that it does not show was not there, but for those among the rows that cannot be read."""
        return self.orders is not None and not self.order_doubts

    @property
    def shows_orders(self) -> bool:
        """Whether an order that it does not show was not there."""
        return self.lists_orders and not self.unread_orders

    def hides(self, symbol: str) -> bool:
        """Whether a position of this symbol may be among the rows that cannot be read."""
        return symbol in self.unread_positions or None in self.unread_positions

    def hides_orders(self, symbol: str) -> bool:
        """Whether an order of this symbol may be among the rows that cannot be read."""
        return symbol in self.unread_orders or None in self.unread_orders
