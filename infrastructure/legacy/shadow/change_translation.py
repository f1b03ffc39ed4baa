"""The translation of changes of the old bot into commands: pure, and without any value that a row does not have.

The source of the commands is `import`, because the only evidence is the legacy table, not an exchange or a bot of ours.
A stop of the old table has no order id, so it gets one that says where it is from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from domain.commands import requests as c
from domain.commands.base import Command
from domain.values import Source, Status
from infrastructure.legacy.shadow.capture.change import TableChange
from infrastructure.legacy.source.legacy_row import LegacyRow
from projections.positions import PositionRow

CLAIM: Final = "claim"
TAKE_IN: Final = "take_in"
_FILLED: Final = (Status.ACTIVE, Status.PENDING_SL)


def command_id(change: int, step: str) -> str:
    """The id of the command for one step of a change: the same whenever it is replicated."""
    return f"shadow:{change}:{step}"


def is_sighting(row: LegacyRow) -> bool:
    """Whether the synchroniser wrote a row: it has no signal and no order, only what the exchange showed."""
    return row.intent_id is None and row.exchange_order_id is None and row.status is Status.ACTIVE


def claim(change: TableChange) -> Command:
    """The command with which the old bot would have had to claim the slot. Refuses: InvalidCommand."""
    row = change.row
    if row.intent_id is None:
        return taking_in(change, CLAIM)
    return c.RequestEntry.of(
        **_envelope(change, CLAIM),
        **_key(row),
        quantity=row.quantity,
        signal_price=row.avg_px_open,
        intent_id=row.intent_id,
    )


def taking_in(change: TableChange, step: str = TAKE_IN) -> Command:
    """The command that records the position of a row without a claim. Refuses: InvalidCommand."""
    row = change.row
    known = _envelope(change, step) | _key(row)
    if row.exchange_order_id is not None:
        return c.RecordEntryPlaced.of(**known, quantity=row.quantity, exchange_order_id=row.exchange_order_id)
    return c.Adopt.of(
        **known, quantity=row.quantity, avg_px_open=row.avg_px_open, reason=f"legacy row {row.name}, without an order"
    )


def sighting(change: TableChange, position: PositionRow) -> Command:
    """The command for what a second row of the synchroniser says about the open position. Refuses: InvalidCommand."""
    row = change.row
    return c.Adjust.of(
        **_on(change, position, "adjust"),
        quantity=row.quantity,
        avg_px_open=row.avg_px_open,
        reason=f"seen at the exchange by the old synchroniser, as legacy row {row.name}",
    )


def news(change: TableChange, position: PositionRow) -> Iterator[Command]:
    """The commands for what a change adds to an open position. Refuses: InvalidCommand."""
    row = change.row
    if row.is_open:
        yield from _entry(change, position)
        yield from _protection(change, position)
    elif row.status is Status.CLOSED:
        reason = row.exit_reason or f"legacy row {row.name} gives no reason"
        yield c.Close.of(**_on(change, position, "close"), exit_reason=reason)
    elif row.status in (Status.FAILED, Status.CANCELED):
        outcome = "canceled" if row.status is Status.CANCELED else "rejected"
        reason = row.exit_reason or f"legacy row {row.name} gives no reason"
        yield c.FailEntry.of(**_on(change, position, "fail_entry"), outcome=outcome, reason=reason)


def _entry(change: TableChange, position: PositionRow) -> Iterator[Command]:
    row, placed_as = change.row, position.exchange_order_id
    is_intention = change.before is None and row.exchange_order_id is None  # written as active before any order is sent
    is_fill = row.status in _FILLED and not is_intention and not position.quantity and bool(row.quantity)
    if (
        row.exchange_order_id is not None
        and _changed(change, "exchange_order_id")
        and row.exchange_order_id != placed_as
    ):
        yield c.RecordEntryPlaced.of(
            **_on(change, position, "record_entry_placed"), exchange_order_id=row.exchange_order_id
        )
        placed_as = placed_as or row.exchange_order_id
    if is_fill and placed_as is not None:
        yield c.RecordEntryPlaced.of(
            **_on(change, position, "record_entry_filled"),
            exchange_order_id=placed_as,
            filled_qty=row.quantity,
            avg_px=row.avg_px_open,
        )
    elif is_fill or (position.quantity and _moved(change, position)):
        yield c.Adjust.of(
            **_on(change, position, "adjust"),
            quantity=row.quantity,
            avg_px_open=row.avg_px_open,
            reason=f"legacy row {row.name} says so",
        )


def _moved(change: TableChange, position: PositionRow) -> bool:
    row = change.row
    return (_changed(change, "quantity") and row.quantity != position.quantity) or (
        _changed(change, "avg_px_open") and row.avg_px_open not in (None, position.avg_px_open)
    )


def _protection(change: TableChange, position: PositionRow) -> Iterator[Command]:
    row, was = change.row, change.before
    becomes_active = row.status is Status.ACTIVE and position.status is not Status.ACTIVE
    stands = position.stop_confirmed and position.stop_price == row.stop_price
    if row.stop_confirmed and (becomes_active or not stands):
        yield c.SetStopLoss.of(
            **_on(change, position, "set_stop_loss"),
            stop_price=row.stop_price,
            exchange_order_id=f"legacy-{row.name}-stop",
            activate=becomes_active,
            locks_profit=row.raw.as_dict().get("trailing_activated") == "true",
        )
    elif was is not None and was.stop_confirmed and not row.stop_confirmed and position.stop_confirmed:
        yield c.LoseStopLoss.of(
            **_on(change, position, "lose_stop_loss"), reason=f"legacy row {row.name} has no stop any more"
        )
    elif becomes_active and was is not None and was.status is not Status.ACTIVE:
        yield c.Activate.of(**_on(change, position, "activate"))


def _changed(change: TableChange, name: str) -> bool:
    return change.before is None or getattr(change.before, name) != getattr(change.row, name)


def _on(change: TableChange, position: PositionRow, step: str) -> dict[str, Any]:
    return _envelope(change, step) | {"position_id": position.position_id}


def _key(row: LegacyRow) -> dict[str, Any]:
    return {"symbol": row.key.symbol, "exchange": row.key.exchange, "side": row.side}


def _envelope(change: TableChange, step: str) -> dict[str, Any]:
    return {
        "command_id": command_id(change.id, step),
        "at": change.at,
        "source": Source.IMPORT,
        "metadata": {"legacy_id": change.row.name, "outbox_id": change.id},
    }
