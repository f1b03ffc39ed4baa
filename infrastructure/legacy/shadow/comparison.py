"""The comparison of a row of the legacy table with its replicated position."""

from __future__ import annotations

from typing import Final

from domain.values import Status
from infrastructure.legacy.source.legacy_row import LegacyRow
from projections.formatting import number_or_none
from projections.positions import PositionRow

Differences = dict[str, tuple[str | None, str | None]]
"""By name of the value: that of the row, and that of the ledger."""

_AGREES: Final = {
    Status.ENTRY_PLACED: {Status.ENTRY_PLACED, Status.PENDING_SL, Status.ROLLING_BACK},
    Status.CANCELED: {Status.CANCELED, Status.FAILED},
}
"""The statuses of the ledger that agree with a status of the old table; for other statuses only the same one."""


def differences(row: LegacyRow, position: PositionRow, *, is_new: bool) -> Differences:
    """Compare the values that both have.

    Shape: empty when they agree. A value that the row lacks is not a difference. A new row may be active before there
           is any order, so only whether its status is open is compared.
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
