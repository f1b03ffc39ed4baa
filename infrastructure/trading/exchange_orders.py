"""Markets, orders and fills: what is sent to an exchange, and what it reports."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final

from domain.values import EXACT, Leg, OrderSide
from projections.reconciliation.grace_periods import SHOWN

Amount = str | int | Decimal
"""A number as a bot passes it; a float is refused."""
_NO_NUMBER: Final = re.compile(r"[^\x00-\x7f]|_")
"""What `Decimal` takes, and no command does: digits of other scripts, and an underscore between digits."""


class TicketKind(StrEnum):
    """What kind of order is placed."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    """A market order once the price has reached the trigger, against the position."""
    TARGET = "target"
    """A market order once the price has reached the trigger, in favour of the position."""

    @property
    def is_conditional(self) -> bool:
        """Whether such an order waits for a price before it is on the market."""
        return self in (TicketKind.STOP, TicketKind.TARGET)


@dataclass(frozen=True, slots=True, kw_only=True)
class TradedMarket:
    """What has to be known about an instrument before an order can be sent.

    Units: steps and minima as orders are counted at this market: in contracts of `contract_size`, or in the base asset.
    """

    symbol: str
    """As the ledger spells it."""
    price_tick: Decimal | None
    quantity_step: Decimal | None
    min_quantity: Decimal | None = None
    min_cost: Decimal | None = None
    contract_size: Decimal = Decimal(1)
    inverse: bool = False
    base: str | None = None
    quote: str | None = None
    settle: str | None = None
    leg: Leg | None = None
    """SPOT for a spot market; None where the account's position mode decides the leg."""
    last_price: Decimal | None = None
    has_unique_ids: bool = False
    """Whether a client order id that was used once is refused for ever; otherwise only while its order is open."""
    shown_seconds: float = SHOWN.total_seconds()
    """How long after it was sent an order may still appear, although every lookup so far found nothing."""
    attaches_stops: bool = False
    """Whether `place` accepts an `attached_stop` with an entry."""
    closes_position: bool = False
    """Whether a stop can close the whole position, whatever its quantity is when it triggers."""


def amount(name: str, value: Amount | None) -> Decimal | None:
    """Read a number that may be left out. Refuses: as `above_zero`."""
    return None if value is None else above_zero(name, value)


def above_zero(name: str, value: Amount) -> Decimal:
    """Read a number exactly. Refuses: ValueError for a float, and for anything that is not a number above zero."""
    if isinstance(value, float):
        raise ValueError(f"{name} is the float {value!r}; send text, as '{value}', or a Decimal")
    if isinstance(value, bool) or (isinstance(value, str) and _NO_NUMBER.search(value)):
        raise ValueError(f"{name} is {value!r:.40}, which is no number")
    try:
        number = Decimal(value)
    except (InvalidOperation, TypeError):
        raise ValueError(f"{name} is {str(value)[:40]!r}, which is no number") from None
    if not number.is_finite() or number <= 0:
        raise ValueError(f"{name} is {value}; it is a number above zero")
    return number


def on_step(number: Decimal, step: Decimal | None, rounding: str) -> Decimal:
    """Round a price or a quantity to a multiple of its step, by a rounding mode of `decimal`; None changes nothing."""
    return EXACT.multiply(EXACT.divide(number, step).to_integral_value(rounding), step) if step else number


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTicket:
    """An order to be placed.

    Units: quantities as orders are counted at that market, which is also the ledger's unit: in contracts where the
           market has a contract size, else in the base asset; `cost` in quote, instead of the quantity of a market buy.
    """

    symbol: str
    side: OrderSide
    kind: TicketKind
    client_order_id: str
    quantity: Decimal | None = None
    """None where `cost` is given, or with `close_position`, which means all that is held."""
    cost: Decimal | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    reduce_only: bool = False
    close_position: bool = False
    leg: Leg = Leg.BOTH
    attached_stop: Decimal | None = None
    """The trigger of a stop that the exchange sets with the entry, where the market attaches stops."""


class OrderState(StrEnum):
    """The state of an order."""

    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeOrder:
    """An order as the exchange reports it. None means that the exchange does not say; units as in a ticket."""

    symbol: str
    order_id: str
    client_order_id: str | None
    state: OrderState
    filled_qty: Decimal
    """The total so far, which includes all fills: never add the two."""
    avg_px: Decimal | None = None
    side: OrderSide | None = None
    quantity: Decimal | None = None
    trigger_price: Decimal | None = None
    reduce_only: bool = False
    stated_at: datetime | None = None
    is_conditional: bool = False
    """Whether it is in the list of conditional orders, where the exchange has a separate one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeFill:
    """One fill of one order; `fee` is what was paid, negative for a rebate."""

    order_id: str
    trade_id: str
    quantity: Decimal
    price: Decimal
    at: datetime
    fee: Decimal | None = None
    fee_currency: str | None = None
