"""Deciding about exits and corrections: fills that close, what the exchange says is left, the end of a cycle."""

from __future__ import annotations

from domain import events as e
from domain.commands import requests as c
from domain.decisions.decision import Deciding
from domain.errors import NotFilled, NothingToClose, ReduceExceedsPosition, WrongStatus
from domain.state import CommandResult
from domain.values import Status, plain


class Exit(Deciding):
    """How a position shrinks, is corrected, and ends."""

    def reduce(self, command: c.Reduce) -> CommandResult | None:
        """Count one exit fill, and the profit that it realises.

        Shape:   status unchanged; at zero the cycle waits for `close` (or `roll_back`) to say why it ended.
        Refuses: NothingToClose, ReduceExceedsPosition; a known `trade_id` is no news.
        """
        if command.cycle == self.cycle and (known := self._known_trade(command)):
            return known
        side = self._needs_open(command)
        held = self.holding
        is_past = self._recording.stamp.ts_event <= self.adjusted_at
        if not held.quantity:
            raise self._refused(NothingToClose, "holds nothing that could be reduced")
        if command.last_qty > held.quantity and not is_past:
            raise self._refused(
                ReduceExceedsPosition,
                f"holds {plain(held.quantity)}, less than the {plain(command.last_qty)} to be closed; if the exchange "
                "says so, adjust first",
            )
        reduce = held.with_past_exit if is_past else held.with_exit
        reduced = reduce(side, command.last_qty, command.last_px)
        self._record(
            e.PositionReduced,
            trade_id=command.trade_id,
            last_qty=command.last_qty,
            last_px=command.last_px,
            fee=command.fee,
            fee_currency=command.fee_currency,
            pnl=reduced.gained_since(held),
            holding=reduced.with_fee(command.fee, self._other_currency(command.fee_currency)),
        )
        return None

    def adjust(self, command: c.Adjust) -> CommandResult | None:
        """Take the exchange's word for quantity or average price; without a difference it is no news."""
        self._needs_open(command)
        held = self.holding
        quantity = held.quantity if command.quantity is None else command.quantity
        avg_px = held.avg_px_open if command.avg_px_open is None else command.avg_px_open
        if not quantity:
            raise self._refused(NotFilled, "has no quantity on record; send it with the price")
        if quantity == held.quantity and avg_px == held.avg_px_open and not self.outcome_unknown:
            return self._no_news(command)
        self._record(
            e.PositionAdjusted,
            old_quantity=held.quantity,
            new_quantity=quantity,
            old_avg_px_open=held.avg_px_open,
            new_avg_px_open=avg_px,
            reason=command.reason,
            holding=held.corrected(quantity, avg_px),
        )
        return None

    def close(self, command: c.Close) -> None:
        """End a cycle whose position is gone.

        Shape:   -> closed, one PositionClosed. What was still open was closed at `avg_px_close`; without that price
                 the profit of the cycle is not known, and said to be so.
        Refuses: NothingToClose when nothing was ever held, WrongStatus during a rollback.
        """
        side = self._needs_open(command)
        held = self.holding
        if not held.filled_qty and self.status is not Status.ACTIVE:
            raise self._refused(NothingToClose, "holds nothing and never did; fail_entry ends an entry without fills")
        if self.status is Status.ROLLING_BACK:
            raise self._refused(WrongStatus, "is rolling_back; roll_back ends it, with the proof")
        if held.quantity:
            held = held.with_exit(side, held.quantity, command.avg_px_close)
        held = held.with_fee(command.fee, self._other_currency(command.fee_currency))
        self._record(
            e.PositionClosed,
            exit_reason=command.exit_reason,
            avg_px_close=held.avg_px_close,
            realized_pnl=held.realized_pnl,
            fees=held.fees,
            holding=held,
        )
