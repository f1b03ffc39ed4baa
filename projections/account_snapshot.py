"""A snapshot of an account at an exchange: its positions, its resting orders, and the doubts about either."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final, Self

from domain.identifiers import PositionKey
from domain.json_object import JsonObject
from domain.values import EXACT, ZERO, Leg, Side, plain, rounded, timestamp_text

_ONE: Final = Decimal(1)
_OPENING: Final = {Leg.LONG: "buy", Leg.SHORT: "sell"}


class OrderKind(StrEnum):
    """The purpose of an order that rests at an exchange."""

    STOP = "stop"
    TRAILING_STOP = "trailing_stop"
    TARGET = "target"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class PositionPart:
    """One of several holdings of the same key: of one margin mode, or under an id of its own."""

    name: str
    quantity: Decimal
    in_words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReport(JsonObject):
    """A position that the exchange shows. Units as in a PositionRow; None means that the exchange does not say."""

    key: PositionKey
    side: Side
    quantity: Decimal
    avg_px_open: Decimal | None = None
    price_basis: str | None = None
    """From what the average entry was computed, where the exchange does not state it."""
    contract_size: Decimal = _ONE
    """The size of a contract, where the exchange counts contracts; `quantity` is in units nevertheless."""
    mark_price: Decimal | None = None
    stop_price: Decimal | None = None
    """The price of a stop that is a property of the position, not an order of its own."""
    target_price: Decimal | None = None
    """The price of a take-profit that is a property of the position."""
    margin_mode: str | None = None
    reported_id: str | None = None
    """The exchange's id of the position, where one symbol may have several."""
    parts: tuple[PositionPart, ...] = ()
    """The holdings of which it is the sum, where the exchange holds one symbol in several margin modes at once."""

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
        """The quantity in contracts."""
        return rounded(EXACT.divide(self.quantity, self.contract_size))

    @property
    def at_once(self) -> Decimal:
        """The quantity that an order to close all of it surely closes: the smallest part, if there are parts."""
        return min((part.quantity for part in self.parts), default=self.quantity)

    @property
    def in_words(self) -> str:
        """What is held, as words: `short 61 at 3.2295`, with contracts, source of the price and parts in brackets."""
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
    """An order that rests at the exchange. `side` is `buy` or `sell`; None means that the exchange does not say."""

    key: PositionKey
    order_id: str
    side: str | None
    kind: OrderKind = OrderKind.OTHER
    quantity: Decimal | None = None
    trigger_price: Decimal | None = None
    reduce_only: bool = False
    client_order_id: str | None = None
    created_at: datetime | None = None
    filled_qty: Decimal = ZERO

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
        """Whether it is triggered when the price goes against a position."""
        return self.kind in (OrderKind.STOP, OrderKind.TRAILING_STOP)

    @property
    def left(self) -> Decimal | None:
        """The quantity that is still to be filled; None if its quantity is not known."""
        return None if self.quantity is None else max(ZERO, EXACT.subtract(self.quantity, self.filled_qty))

    def in_units(self, of: Callable[[Decimal], Decimal]) -> Self:
        """The same order, with its quantities converted."""
        quantity = None if self.quantity is None else rounded(of(self.quantity))
        return replace(self, quantity=quantity, filled_qty=rounded(of(self.filled_qty)))

    @property
    def opens_leg(self) -> bool:
        """Whether it can only open a leg of a hedge-mode account, or add to it."""
        return self.key.leg in (Leg.LONG, Leg.SHORT) and self.side == _OPENING[self.key.leg]

    def closes(self, key: PositionKey, side: Side) -> bool:
        """Whether it reduces a position of this key and side: the same symbol and leg, the opposite direction.

        An order of one leg only opens or closes that leg, whatever its direction.
        """
        same_product = (self.key.leg is Leg.SPOT) == (key.leg is Leg.SPOT)
        same_leg = self.key.leg in (Leg.BOTH, Leg.SPOT, Leg[side.name])
        return self.key.symbol == key.symbol and same_product and same_leg and self.side == side.closing_order


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshot:
    """What one account at one exchange looked like at one moment.

    Shape: `positions` and `orders` are None when the exchange was not asked, or did not answer; an empty tuple means
           that there are none. `taken_at` is the earliest moment that the snapshot can show; None when it is not known.
           There is at most one position for each key.
    """

    exchange: str | None
    account: str | None = None
    is_account_said: bool = False
    """Whether the account was named, which may also be the one without a name."""
    has_conditional: bool = False
    """Whether it includes conditional orders, which some exchanges list separately: if none is shown, none exists."""
    taken_at: datetime | None = None
    is_time_exact: bool = True
    positions: tuple[PositionReport, ...] | None = None
    orders: tuple[OrderReport, ...] | None = None
    balances: Mapping[str, Decimal | None] | None = None
    """The total balance of each asset, free or not; None where it is not known."""
    doubts: tuple[str, ...] = ()
    """Why it may be incomplete; if there is a doubt, nothing is concluded from what it does not show."""
    order_doubts: tuple[str, ...] = ()
    """Why its orders may be incomplete."""
    row_doubts: tuple[str, ...] = ()
    """Which of its rows cannot be read, and why; the others are used nevertheless."""
    unread_positions: tuple[str | None, ...] = ()
    """The symbols of positions that cannot be read; None where not even the symbol can."""
    unread_orders: tuple[str | None, ...] = ()
    notes: tuple[str, ...] = ()
    """Remarks for a reader, without consequences."""
    digest: str = ""
    """A digest of its content, which identifies it."""

    @property
    def is_of_nameless(self) -> bool:
        """Whether it is said to be of the account without a name."""
        return self.account is None and self.is_account_said

    @property
    def evidence(self) -> dict[str, str | None]:
        """What identifies it in the metadata of a command that follows from it."""
        taken_at = None if self.taken_at is None else timestamp_text(self.taken_at)
        return {"exchange": self.exchange, "taken_at": taken_at, "digest": self.digest}

    def command_id(self, by: str, *what: object) -> str:
        """The id of a command that follows from it: the same each time, so that sending it twice records it once."""
        assert self.taken_at is not None, "reliable, so it says when"
        name = " ".join(map(str, (self.digest, timestamp_text(self.taken_at), *what)))
        return f"{by}-{hashlib.sha256(name.encode()).hexdigest()[:32]}"

    @property
    def lists_orders(self) -> bool:
        """Whether its list of orders is complete, except for rows that cannot be read."""
        return self.orders is not None and not self.order_doubts

    @property
    def shows_orders(self) -> bool:
        """Whether an order that it does not show did not exist."""
        return self.lists_orders and not self.unread_orders

    def hides(self, symbol: str) -> bool:
        """Whether a position of this symbol may be among the rows that cannot be read."""
        return symbol in self.unread_positions or None in self.unread_positions

    def hides_orders(self, symbol: str) -> bool:
        """Whether an order of this symbol may be among the rows that cannot be read."""
        return symbol in self.unread_orders or None in self.unread_orders
