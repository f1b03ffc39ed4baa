"""The row of a cycle, which is what readers see of it."""

from __future__ import annotations

from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, Final

from msgspec import field
from pydantic import TypeAdapter

from domain.alteration import TypedStruct
from domain.instrument import LINEAR, Instrument
from domain.orders.cycle_orders import Orders, no_orders
from domain.values import Instant, Leg, Number, Protection, Side, Source, Status
from domain.writing import as_dictionary


class PositionRow(TypedStruct, frozen=True, kw_only=True, gc=False):
    """One cycle as it stands.

    Units: quantities in base asset (or contracts), prices in quote asset, `realized_pnl` (before fees), `fees`, `cash`
    and `net_pnl` in `settle_currency`, `fees_other` by currency. None is "not known", or "not yet".
    """

    position_id: str
    symbol: str
    exchange: str
    account: str | None
    leg: Leg
    cycle: int
    side: Side
    status: Status
    quantity: Number
    """Open now."""
    requested_qty: Number | None
    filled_qty: Number | None
    avg_px_open: Number | None
    signal_price: Number | None
    stop_price: Number | None
    protected: bool
    """Whether confirmed stops cover all of it, on the right side."""
    realized_pnl: Number | None
    fees: Number
    exit_reason: str | None
    avg_px_close: Number | None
    intent_id: str | None
    client_order_id: str | None
    exchange_order_id: str | None
    version: int
    """Of the last event of this cycle."""
    opened_at: Instant
    activated_at: Instant | None
    closed_at: Instant | None
    updated_at: Instant
    stream: str
    stop_quantity: Number | None = None
    stop_order_id: str | None = None
    stop_confirmed: bool = False
    stop_locks_profit: bool = False
    unprotected_since: Instant | None = None
    """Since when something is held without a confirmed stop, though there should be one; of a stray since its fill."""
    outcome_unknown: bool = False
    rollback_failed: bool = False
    late_fill: bool = False
    fees_other: dict[str, Number] = field(default_factory=dict)
    source: Source
    legacy_id: str | None = None
    settle_currency: str | None = None
    contract_size: Number = Decimal(1)
    inverse: bool = False
    protection: Protection = "exchange"
    stray: bool = False
    """Whether something is held though the cycle is over, and another one may have the slot."""
    residual_qty: Number = Decimal(0)
    """What was left as dust when the cycle was closed; not sold, and not to be watched."""
    cash: dict[str, Number] = field(default_factory=dict)
    net_pnl: Number | None = None
    orders: Orders = field(default_factory=no_orders)

    def as_json(self) -> dict[str, Any]:
        """The row as programs read it: numbers as text, times in UTC."""
        row = as_dictionary(row_adapter().serializer, self, exclude={"orders"})
        return row | {"orders": [order.as_json() for order in self.orders.values()]}

    @property
    def terms(self) -> Instrument:
        """The contract size and payoff that its quantities are counted in."""
        if self.contract_size is LINEAR.contract_size and not self.inverse:
            return LINEAR  # the usual case; hashing a Decimal for the cache takes longer than everything else here
        return _terms(self.contract_size, self.inverse)


@lru_cache(maxsize=256)
def _terms(contract_size: Decimal, inverse: bool) -> Instrument:  # noqa: FBT001 - both are fields of the row, and the key of the cache
    return Instrument(contract_size=contract_size, inverse=inverse)


@cache
def row_adapter() -> TypeAdapter[PositionRow]:
    """The pydantic adapter of rows; built on first use, because that takes time."""
    return TypeAdapter(PositionRow)


COLUMNS: Final = PositionRow.__struct_fields__
