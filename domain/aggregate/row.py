"""The row of a cycle: what readers see of it, and the one place where an event is folded into it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter

from domain import events as e
from domain.holding import Holding
from domain.identifiers import PositionKey
from domain.stop import Stop
from domain.values import Instant, Leg, Number, Side, Source, Status


@dataclass(frozen=True, kw_only=True)
class PositionRow:
    """One cycle as it stands.

    Units: quantities in base asset, prices in quote asset, `realized_pnl` (before fees) and `fees` in quote asset,
    `fees_other` by currency. None is "not known", or "not yet".
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
    """Whether a confirmed stop covers all of it, on the right side."""
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
    """Since when something is held without a confirmed stop."""
    outcome_unknown: bool = False
    rollback_failed: bool = False
    late_fill: bool = False
    fees_other: dict[str, Number] = field(default_factory=dict)
    source: Source
    legacy_id: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The row as a program reads it: numbers as text, times in UTC."""
        row: dict[str, Any] = row_adapter().dump_python(self, mode="json")
        return row

    @property
    def stop(self) -> Stop | None:
        """The stop that the exchange confirmed."""
        if not self.stop_confirmed or self.stop_price is None:
            return None
        return Stop(self.stop_price, self.stop_quantity, self.stop_order_id, self.stop_locks_profit)


@cache
def row_adapter() -> TypeAdapter[PositionRow]:
    """Reads and writes rows; made when the first row comes along."""
    return TypeAdapter(PositionRow)


COLUMNS: Final = tuple(column.name for column in fields(PositionRow))


def _opened(event: e.PositionEvent, side: Side, status: Status, **known: Any) -> dict[str, Any]:
    key = PositionKey.parse(event.originator_id)
    return {
        **_UNKNOWN,
        "position_id": event.position_id,
        "symbol": key.symbol,
        "exchange": key.exchange,
        "account": key.account,
        "leg": key.leg,
        "cycle": event.cycle,
        "side": side,
        "status": status,
        "version": event.originator_version,
        "opened_at": event.ts_event,
        "updated_at": event.ts_event,
        "stream": event.originator_id,
        "source": event.source,
        **known,
    }


def _held(holding: Holding) -> dict[str, Any]:
    return {
        "quantity": holding.quantity,
        "filled_qty": holding.filled_qty,
        "avg_px_open": holding.avg_px_open,
        "realized_pnl": holding.realized_pnl,
        "fees": holding.fees,
        "fees_other": holding.fees_other,
    }


_UNKNOWN: Final[dict[str, Any]] = {
    **dict.fromkeys(COLUMNS),
    **dict.fromkeys(
        ("protected", "stop_confirmed", "stop_locks_profit", "outcome_unknown", "rollback_failed", "late_fill"), False
    ),
    **_held(Holding()),
}


def project(row: PositionRow | None, event: e.PositionEvent) -> PositionRow:
    """Assign one event to the row of its cycle; an event that opens a cycle needs none."""
    new = _opening(event)
    if new is None:
        assert row is not None, f"{type(event).__name__} of a cycle that was never opened"
        new = {**vars(row), **_changes(row, event)}
        new |= {"version": event.originator_version, "updated_at": event.ts_event}
    is_open, held = new["status"].is_open, new["quantity"]
    protected = False
    if is_open and new["stop_confirmed"] and new["stop_price"] is not None:
        stop = Stop(new["stop_price"], new["stop_quantity"], new["stop_order_id"], new["stop_locks_profit"])
        protected = stop.protects(new["side"], held, new["avg_px_open"])
    new["protected"] = protected
    new["unprotected_since"] = (
        (new["unprotected_since"] or event.ts_event) if is_open and held and not protected else None
    )
    made = object.__new__(PositionRow)
    made.__dict__.update(new)  # all columns, as they are: a tenth of the price of making a frozen one field by field
    return made


def _opening(event: e.PositionEvent) -> dict[str, Any] | None:
    match event:
        case e.EntryRequested():
            return _opened(
                event,
                event.side,
                Status.PENDING_ENTRY,
                requested_qty=event.quantity,
                signal_price=event.signal_price,
                intent_id=event.intent_id,
                client_order_id=event.client_order_id,
            )
        case e.EntryPlaced(side=Side()):
            assert event.side is not None, "matched"
            return _opened(
                event,
                event.side,
                Status.ENTRY_PLACED,
                requested_qty=event.quantity,
                signal_price=event.signal_price,
                intent_id=event.intent_id,
                client_order_id=event.client_order_id,
                exchange_order_id=event.exchange_order_id,
                **_held(event.holding),
            )
        case e.PositionAdopted():
            return _opened(event, event.side, Status.ACTIVE, activated_at=event.ts_event, **_held(event.holding))
        case e.PositionImported():
            return _imported(event)
    return None


def _changes(row: PositionRow, event: e.PositionEvent) -> dict[str, Any]:
    match event:
        case e.EntryPlaced():
            status = Status.ENTRY_PLACED if row.status is Status.PENDING_ENTRY else row.status
            return dict(
                status=status,
                exchange_order_id=event.exchange_order_id,
                outcome_unknown=False,
                **_held(event.holding),
            )
        case e.EntryFilled():
            return dict(outcome_unknown=False, late_fill=row.late_fill or event.late, **_held(event.holding))
        case e.EntryOutcomeUnknown():
            return dict(outcome_unknown=True)
        case e.EntryFailed():
            return dict(status=event.status, outcome_unknown=False, exit_reason=event.reason, closed_at=event.ts_event)
        case e.StopLossSet():
            early = row.status in (Status.PENDING_ENTRY, Status.ENTRY_PLACED)
            return dict(
                status=Status.PENDING_SL if early else row.status,
                stop_price=event.stop_price,
                stop_quantity=event.quantity,
                stop_order_id=event.exchange_order_id,
                stop_confirmed=True,
                stop_locks_profit=event.locks_profit,
            )
        case e.StopLossLost():
            return dict(
                stop_price=None,
                stop_quantity=None,
                stop_order_id=None,
                stop_confirmed=False,
                stop_locks_profit=False,
            )
        case e.Activated():
            return dict(status=Status.ACTIVE, activated_at=event.ts_event)
        case e.PositionReduced():
            return dict(avg_px_close=event.holding.avg_px_close, **_held(event.holding))
        case e.PositionAdjusted():
            return dict(outcome_unknown=False, **_held(event.holding))
        case e.RollbackStarted():
            return dict(status=Status.ROLLING_BACK, rollback_failed=False, exit_reason=event.reason)
        case e.RolledBack():
            return dict(
                status=Status.ROLLED_BACK,
                closed_at=event.ts_event,
                avg_px_close=event.holding.avg_px_close,
                exit_reason=event.reason or row.exit_reason,
                **_held(event.holding),
            )
        case e.RollbackFailed():
            return dict(rollback_failed=True, **_held(event.holding))
        case e.PositionClosed():
            return dict(
                status=Status.CLOSED,
                closed_at=event.ts_event,
                avg_px_close=event.avg_px_close,
                exit_reason=event.exit_reason,
                **_held(event.holding),
            )
    raise AssertionError(f"{type(event).__name__} is no event of a position")


def _imported(event: e.PositionImported) -> dict[str, Any]:
    held = _held(event.holding)
    if event.status in (Status.FAILED, Status.CANCELED, Status.ROLLED_BACK):
        held |= {"filled_qty": None, "realized_pnl": None, "avg_px_open": event.avg_px_open}
    return _opened(
        event,
        event.side,
        event.status,
        **held,
        requested_qty=event.quantity,
        intent_id=event.intent_id,
        exchange_order_id=event.exchange_order_id,
        stop_price=event.stop_price,
        stop_confirmed=event.stop_confirmed and event.stop_price is not None,
        exit_reason=event.exit_reason,
        activated_at=event.ts_event if event.status is Status.ACTIVE else None,
        closed_at=event.closed_at,
        legacy_id=event.legacy_id,
    )
