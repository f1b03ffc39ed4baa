"""The kinds of discrepancies between the ledger and an exchange."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from domain.identifiers import PositionKey
from domain.json_object import JsonObject
from domain.orders.order import Order
from projections.account_snapshot import OrderReport, PositionReport
from projections.positions import PositionRow
from projections.reconciliation.stream_state import StreamState

_OF_THE_ROW: Final = (
    "side",
    "status",
    "quantity",
    "avg_px_open",
    "stop_price",
    "stop_order_id",
    "protected",
    "version",
)


class DiscrepancyKind(StrEnum):
    """What was found about a key; each kind is a list in the report."""

    MATCHED = "matched"
    PHANTOM = "phantoms"
    ORPHAN = "orphans"
    SIDE = "side_mismatches"
    QUANTITY = "quantity_mismatches"
    PRICE = "price_mismatches"
    UNPROTECTED = "unprotected"
    LOST_STOP = "lost_stops"
    MOVED_STOP = "moved_stops"
    WRONG_SIDE_STOP = "wrong_side_stops"
    DUPLICATE_STOPS = "duplicate_stops"
    OVERSIZED_STOP = "oversized_stops"
    STRAY = "strays"
    SHORTFALL = "spot_shortfalls"
    ZOMBIE = "zombie_orders"
    UNIT = "undefined_units"
    UNPRICED_STOP = "unpriced_stops"
    BY_CHOICE = "unprotected_by_choice"
    OPENING = "being_opened"
    UNJUDGED = "unjudged"

    @property
    def is_quiet(self) -> bool:
        """Whether it is no problem, or cannot be judged now."""
        return self in _QUIET

    @property
    def needs_confirmation(self) -> bool:
        """Whether it rests on something that is not shown, for which one snapshot is no proof."""
        return self in (DiscrepancyKind.PHANTOM, DiscrepancyKind.SIDE, DiscrepancyKind.LOST_STOP, DiscrepancyKind.STRAY)

    @property
    def is_of_orders(self) -> bool:
        """Whether only placing or cancelling orders can mend it, which the ledger does not do."""
        return self in _OF_ORDERS


_OF_ORDERS: Final = frozenset(
    {
        DiscrepancyKind.ZOMBIE,
        DiscrepancyKind.DUPLICATE_STOPS,
        DiscrepancyKind.WRONG_SIDE_STOP,
        DiscrepancyKind.OVERSIZED_STOP,
    }
)
_QUIET: Final = frozenset(
    {
        DiscrepancyKind.MATCHED,
        DiscrepancyKind.OPENING,
        DiscrepancyKind.UNJUDGED,
        DiscrepancyKind.UNIT,
        DiscrepancyKind.UNPRICED_STOP,
        DiscrepancyKind.BY_CHOICE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy(JsonObject):
    """One finding about one key; the message says why it is of this kind."""

    kind: DiscrepancyKind
    state: StreamState
    message: str
    position: PositionReport | None = None
    orders: tuple[OrderReport, ...] = ()
    stop: Order | None = None
    """The recorded stop that is gone or has moved."""
    confirmations: int = 0
    """How many reliable snapshots, apart in time, show no such position, or no such stop."""

    json_keys: ClassVar = (
        ("key", "key.stream"),
        ("symbol", "key.symbol"),
        ("exchange", "key.exchange"),
        ("account", "key.account"),
        ("leg", "key.leg"),
        ("position_id", "row.position_id"),
        "message",
        ("ledger", lambda found: found.row and {name: getattr(found.row, name) for name in _OF_THE_ROW}),
        ("at_exchange", "position"),
        ("orders?", lambda found: found.orders or None),
        ("confirmations?", lambda found: found.confirmations if found.kind.needs_confirmation else None),
    )

    @property
    def key(self) -> PositionKey:
        """The slot that it is about."""
        return self.state.key

    @property
    def row(self) -> PositionRow | None:
        """The cycle that it is about: the open one, or a stray."""
        return self.state.row

    @property
    def order(self) -> OrderReport | None:
        """The first of the orders that it is about; None where it is about none."""
        return self.orders[0] if self.orders else None

    @property
    def name(self) -> str:
        """The cycle, or the slot where there is none."""
        return self.state.key.stream if self.row is None else self.row.position_id
