"""A row of the legacy table beside the position that it is mirrored by: where they differ."""

from __future__ import annotations

from typing import Final

from domain.values import Status
from infrastructure.legacy.source.legacy_row import LegacyRow
from projections.formatting import number_or_none
from projections.positions import PositionRow

Differences = dict[str, tuple[str | None, str | None]]
"""What the row says and what the ledger says, by the name of it."""

_AGREES: Final = {
    Status.ENTRY_PLACED: {Status.ENTRY_PLACED, Status.PENDING_SL, Status.ROLLING_BACK},
    Status.CANCELED: {Status.CANCELED, Status.FAILED},
}
"""Statuses of the ledger that a status of the old table covers; else only its own."""


def differences(row: LegacyRow, position: PositionRow, *, is_new: bool) -> Differences:
    """Compare what both know.

    Shape: empty when they agree. What the row does not know is no difference. A new row may call itself active before
           there is any order, so of its status only whether it is open counts.
    """
    found: Differences = {}
    if not _status_agrees(row.status, position.status, is_new=is_new):
        found["status"] = row.status.value, position.status.value
    if row.side is not position.side:
        found["side"] = row.side.value, position.side.value
    if not (row.is_open and position.status.is_open):
        return found
    if position.quantity or (row.status in (Status.ACTIVE, Status.PENDING_SL) and not is_new):
        if row.quantity != position.quantity:
            found["quantity"] = number_or_none(row.quantity), number_or_none(position.quantity)
        if row.avg_px_open is not None and row.avg_px_open != position.avg_px_open:
            found["avg_px_open"] = number_or_none(row.avg_px_open), number_or_none(position.avg_px_open)
    row_stop = row.stop_price if row.stop_confirmed else None
    position_stop = position.stop_price if position.stop_confirmed else None
    if row_stop != position_stop:
        found["stop_price"] = number_or_none(row_stop), number_or_none(position_stop)
    return found


def told(found: Differences) -> str:
    """The differences in words."""
    return "; ".join(
        f"{name} is {here or 'none'} in the row and {there or 'none'} in the ledger"
        for name, (here, there) in found.items()
    )


def _status_agrees(row: Status, position: Status, *, is_new: bool) -> bool:
    if is_new:
        return row.is_open is position.is_open
    return position in _AGREES.get(row, {row})
