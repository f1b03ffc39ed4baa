"""An order: its role, what the exchange stated of it, and the sum of its fills."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from domain.alteration import TypedStruct, altered, once
from domain.values import EXACT, ZERO, Instant, Number, plain, timestamp_text

CLOCKS_APART: Final = timedelta(seconds=5)
"""How far times of one exchange may disagree: a statement is taken to include fills until this long after it."""

Role = Literal["entry", "stop", "target", "exit", "rollback"]
AT_WORK_UNTIL_ENDED: Final = ("stop", "target")


def may_be_by(at: datetime | None, moment: datetime) -> bool:
    """Whether something may have happened by a moment, as far as clocks tell; where its time is not said it may."""
    return at is None or at - moment <= CLOCKS_APART


class Order(TypedStruct, frozen=True, kw_only=True, dict=True):
    """One order of a cycle.

    `stated_*` is the total that the exchange reported of it, `traded_*` the sum of its recorded fills.
    Units: quantities in those of the cycle, worth in its settle currency. `stated_worth` is None where the exchange
           reported a quantity without a price; `requested_qty` None means "all that is held", or not known.
    """

    name: str
    """`entry`, `entry.2`, `stop.1`, `rollback1` …"""
    client_order_id: str | None = None
    exchange_order_id: str | None = None
    requested_qty: Number | None = None
    price: Number | None = None
    opened_at: Instant | None = None
    stated_qty: Number = ZERO
    stated_worth: Number | None = ZERO
    stated_at: Instant | None = None
    traded_qty: Number = ZERO
    traded_worth: Number = ZERO
    ended: str | None = None
    """How it ended; None while it is live."""
    attached: bool = False
    """Whether it is a stop or take profit that is a property of the position, and not an order of its own."""
    locks_profit: bool = False

    @once
    def role(self) -> Role:
        """Its purpose, which its name begins with."""
        return role_of(self.name)

    @property
    def is_closing(self) -> bool:
        """Whether it closes what is held, and is no entry."""
        return self.role != "entry"

    @property
    def filled_qty(self) -> Decimal:
        """The filled quantity: the larger of total and sum of fills, for both count the same fills."""
        stated, traded = self.stated_qty, self.traded_qty
        return stated if stated >= traded else traded  # noqa: FURB136 - asked ten times a fill, and max takes twice as long

    @property
    def worth(self) -> Decimal | None:
        """The worth of what was filled: by its fills once they cover the total, by the total until then."""
        return self.traded_worth if self.traded_qty >= self.stated_qty else self.stated_worth

    @property
    def is_live(self) -> bool:
        """Whether it has not ended, so that more of it may be filled."""
        return self.ended is None

    @property
    def is_end_told(self) -> bool:
        """Whether the exchange told how it ended; that it is lost, or replaced, says only that we gave it up."""
        return self.ended not in (None, "lost", "replaced")

    @property
    def is_settled(self) -> bool:
        """Whether nothing more has to be matched to it, unless it is named by its exchange order id.

        It is settled when all of its total is covered by fills, and it has ended, is filled completely, or was never
        promised by us. A stop or take profit is not settled before it has ended.
        """
        if self.ended is None:
            if self.exchange_order_id is None or self.role in AT_WORK_UNTIL_ENDED:
                return False
            if self.client_order_id is not None and (
                self.requested_qty is None or self.filled_qty < self.requested_qty
            ):
                return False
        return self.traded_qty >= self.stated_qty

    @property
    def room(self) -> Decimal | None:
        """The quantity that may still be filled; None if not known."""
        return None if self.requested_qty is None else max(ZERO, EXACT.subtract(self.requested_qty, self.filled_qty))

    def has_room_for(self, qty: Decimal) -> bool:
        """Whether this quantity may be filled in addition: an exchange never fills more than was requested."""
        return self.room is None or qty <= self.room

    def may_have_filled(self, qty: Decimal) -> bool:
        """Whether a fill of this quantity may belong to it, as a part of its total or in addition."""
        if self.requested_qty is None:
            return True
        return EXACT.add(self.traded_qty, qty) <= max(self.requested_qty, self.stated_qty)

    def may_have_been_filled_at(self, at: datetime | None) -> bool:
        """Whether a fill at this time may belong to it: nothing is filled before it is requested, but clocks differ."""
        return at is None or may_be_by(self.opened_at, at)

    def is_news(self, at: datetime | None) -> bool:
        """Whether a fill that names no order is later than the exchange's total; one without a time is not."""
        return self.stated_at is not None and not may_be_by(at, self.stated_at)

    def with_fill(self, qty: Decimal, worth: Decimal, *, is_news: bool = False) -> Order:
        """Add a fill; with `is_news` it adds to the exchange's total, too."""
        order = altered(
            self,
            traded_qty=EXACT.add(self.traded_qty, qty),
            traded_worth=EXACT.add(self.traded_worth, worth),
        )
        if not is_news or self.stated_qty <= self.traded_qty:
            return order
        stated = None if self.stated_worth is None else EXACT.add(self.stated_worth, worth)
        return altered(order, stated_qty=EXACT.add(self.stated_qty, qty), stated_worth=stated)

    def with_statement(self, qty: Decimal, worth: Decimal | None, at: datetime) -> Order:
        """Take the exchange's total, if it is larger than what is known, or has a price where none is known."""
        latest = at if self.stated_at is None else max(at, self.stated_at)
        if qty < self.filled_qty or (qty == self.filled_qty and (worth is None or self.worth is not None)):
            return altered(self, stated_at=latest)
        return altered(self, stated_qty=qty, stated_worth=worth, stated_at=latest)

    def confirmed(
        self,
        *,
        price: Decimal,
        quantity: Decimal | None,
        exchange_order_id: str | None,
        attached: bool,
        locks_profit: bool = False,
        is_hit: bool = False,
    ) -> Order:
        """This stop, or take profit, as the exchange confirmed it; one that `is_hit` stays limited."""
        is_limited = is_hit and quantity is None and self.is_live and self.exchange_order_id == exchange_order_id
        return altered(
            self,
            price=price,
            requested_qty=self.requested_qty if is_limited else quantity,
            exchange_order_id=exchange_order_id,
            attached=attached,
            locks_profit=locks_profit,
            ended=None,
        )

    def joined(self, other: Order) -> Order:
        """Merge this order with what was recorded of it under another name."""
        stated = self if self.stated_qty >= other.stated_qty else other
        return altered(
            self,
            exchange_order_id=self.exchange_order_id or other.exchange_order_id,
            stated_qty=stated.stated_qty,
            stated_worth=stated.stated_worth,
            stated_at=stated.stated_at,
            traded_qty=EXACT.add(self.traded_qty, other.traded_qty),
            traded_worth=EXACT.add(self.traded_worth, other.traded_worth),
        )

    def may_be(self, other: Order) -> bool:
        """Whether this order of ours, without an exchange order id so far, may be one that is known by fills alone."""
        is_ours = self.client_order_id is not None and self.exchange_order_id is None
        return is_ours and self.takes_over(other)

    def takes_over(self, other: Order) -> bool:
        """Whether another order, known by its fills alone, may be this one, and merging them changes no total.

        If the merged order had filled less than both together, a fill was counted twice, which merging cannot undo.
        """
        filled = EXACT.add(self.filled_qty, other.filled_qty)
        is_stranger = self.role == other.role and other.client_order_id is None
        return is_stranger and self.joined(other).filled_qty == filled

    def corrected(
        self, old: tuple[Decimal, Decimal], new: tuple[Decimal, Decimal], *, is_of_total: bool = False
    ) -> Order:
        """Replace quantity and worth of one of its fills; with `is_of_total` in the exchange's total, too."""
        more, worth = EXACT.subtract(new[0], old[0]), EXACT.subtract(new[1], old[1])
        order = altered(
            self, traded_qty=EXACT.add(self.traded_qty, more), traded_worth=EXACT.add(self.traded_worth, worth)
        )
        if not is_of_total:
            return order
        stated = None if self.stated_worth is None else EXACT.add(self.stated_worth, worth)
        return altered(order, stated_qty=EXACT.add(self.stated_qty, more), stated_worth=stated)

    def as_json(self) -> dict[str, Any]:
        """The order as programs read it; most of what is not known is left out."""
        kept = ("client_order_id", "exchange_order_id", "requested_qty", "ended", "stated_worth")
        known = msgspec.structs.asdict(self._facts).items()
        return {name: value for name, value in known if value is not UNSET and (value is not None or name in kept)}

    @once
    def text(self) -> str:
        """The order as JSON for its column, without what is not known; cached."""
        text = _ENCODER.encode(self._facts).decode()
        return text if text.isascii() and "\\" not in text and "\x7f" not in text else _escaped(text)

    @property
    def _facts(self) -> _Facts:
        is_stated = self.stated_qty and self.stated_worth != ZERO
        return _Facts(
            self.name,
            self.role,
            self.client_order_id,
            self.exchange_order_id,
            _plain(self.requested_qty),
            plain(self.filled_qty),
            self.ended,
            _plain(self.price),
            _text(self.opened_at),
            plain(self.stated_qty) if self.stated_qty else None,
            _plain(self.stated_worth) if is_stated else UNSET,
            _text(self.stated_at),
            plain(self.traded_qty) if self.traded_qty else None,
            plain(self.traded_worth) if self.traded_worth else None,
            self.attached or None,
            self.locks_profit or None,
        )


class _Facts(msgspec.Struct, omit_defaults=True, gc=False):
    """The fields of an order in JSON; None is left out."""

    name: str
    role: Role
    client_order_id: str | None = None
    exchange_order_id: str | None = None
    requested_qty: str | None = None
    filled_qty: str | None = None
    ended: str | None = None
    price: str | None = None
    opened_at: str | None = None
    stated_qty: str | None = None
    stated_worth: str | UnsetType | None = UNSET
    """None (null) where the exchange stated a quantity without a price."""
    stated_at: str | None = None
    traded_qty: str | None = None
    traded_worth: str | None = None
    attached: bool | None = None
    locks_profit: bool | None = None


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _text(at: datetime | None) -> str | None:
    return None if at is None else timestamp_text(at)


def _escaped(text: str) -> str:
    """Escape non-ASCII text as the `json` module does, in which form orders have always been stored."""
    return json.dumps(json.loads(text), separators=(",", ":"))


_ENCODER: Final = msgspec.json.Encoder()
_ROLES: Final[dict[str, Role]] = {
    "entry": "entry",
    "stop": "stop",
    "target": "target",
    "exit": "exit",
    "rollback": "rollback",
}


@lru_cache(maxsize=1024)
def role_of(name: str) -> Role:
    """The role of an order, by its name: `stop` for `stop.2`."""
    return _ROLES[name.partition(".")[0].rstrip("0123456789")]
