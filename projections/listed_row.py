"""The row of a list of cycles: only the columns that a list shows, sorts and filters by."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter

from domain.alteration import TypedStruct
from domain.values import Instant, Number, Protection, Side, Status
from projections.positions import PositionRow, damaged


class ListedRow(TypedStruct, frozen=True, kw_only=True, gc=False):
    """One cycle as it stands, with half the columns of its PositionRow and without its orders, which are slow to read.

    Every field is also a field of PositionRow, which can be listed as well.
    """

    position_id: str
    symbol: str
    exchange: str
    account: str | None
    cycle: int
    side: Side
    status: Status
    quantity: Number
    avg_px_open: Number | None
    stop_price: Number | None
    protected: bool
    realized_pnl: Number | None
    exit_reason: str | None
    version: int
    opened_at: Instant
    updated_at: Instant
    stream: str
    stop_confirmed: bool
    outcome_unknown: bool
    rollback_failed: bool
    late_fill: bool
    settle_currency: str | None
    protection: Protection
    stray: bool
    residual_qty: Number
    net_pnl: Number | None


Listed = ListedRow | PositionRow
"""A row that can be listed."""

LISTED_COLUMNS: Final = ListedRow.__struct_fields__


def listed_from(values: Sequence[Any]) -> ListedRow:
    """Parse a row of a list from its values in the order of LISTED_COLUMNS.

    Refuses: HistoryDamaged when they are no valid row.
    """
    columns = dict(zip(LISTED_COLUMNS, values, strict=True))
    try:
        return _adapter().validate_python(columns)
    except ValueError as cause:
        raise damaged(columns["position_id"], cause) from cause


@cache
def _adapter() -> TypeAdapter[ListedRow]:
    return TypeAdapter(ListedRow)
