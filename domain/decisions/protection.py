"""Deciding about stops, and about when a position is done with its entry."""

from __future__ import annotations

from domain import events as e
from domain.commands import requests as c
from domain.decisions.decision import Deciding
from domain.errors import AlreadyActive, NotFilled, NotProtected, WrongStatus
from domain.state import CommandResult
from domain.stop import Stop
from domain.values import Side, Status, plain


class Protection(Deciding):
    """How a position is protected."""

    def set_stop_loss(self, command: c.SetStopLoss) -> CommandResult | None:
        """Note a stop that the exchange confirmed, and with `activate` that the entry is done.

        Shape:   -> pending_sl; active stays active, rolling_back stays too. With `activate` two events in one append.
        Refuses: WrongSideStop against the average entry (or else the signal price); what `activate` refuses.
        """
        side = self._needs_open(command)
        if self.status is Status.PENDING_ENTRY and not self.holding.filled_qty:
            raise self._refused(WrongStatus, "has no entry at the exchange yet; record the entry first")
        locks = command.locks_profit and self.status is Status.ACTIVE
        if not locks:
            reference = self.holding.avg_px_open or self.signal_price
            self._needs_right_side(side, command.stop_price, reference, "entry")
        stop = Stop(command.stop_price, command.quantity, command.exchange_order_id, locks)
        if command.activate and self.status is not Status.ACTIVE:
            self._needs_cover(side, stop)
        elif stop == self.stop:
            return self._no_news(command)
        self._record(
            e.StopLossSet,
            stop_price=stop.price,
            quantity=stop.quantity,
            exchange_order_id=command.exchange_order_id,
            locks_profit=locks,
        )
        if command.activate and self.status is not Status.ACTIVE:
            self._record(e.Activated)
        return None

    def _needs_cover(self, side: Side, stop: Stop | None) -> None:
        held = self.holding
        if self.status is Status.ROLLING_BACK:
            raise self._refused(WrongStatus, "is rolling_back: its entry is being undone")
        if not held.quantity or held.avg_px_open is None:
            known = (
                f"{plain(held.quantity)} filled at a price that is not known" if held.quantity else "no fill on record"
            )
            raise self._refused(NotFilled, f"has {known}; record the fill (or adjust) before it is activated")
        if stop is None:
            raise self._refused(NotProtected, "has no confirmed stop; set one before it is activated")
        self._needs_right_side(side, stop.price, held.avg_px_open, "average entry")
        if not stop.protects(side, held.quantity, held.avg_px_open):
            assert stop.quantity is not None, "on the right side, so too small"
            raise self._refused(
                NotProtected, f"holds {plain(held.quantity)}, of which its stop covers only {plain(stop.quantity)}"
            )

    def lose_stop_loss(self, command: c.LoseStopLoss) -> CommandResult | None:
        """Note that the stop is gone: unprotected from now on. Without a stop on record that is no news."""
        self._needs_open(command)
        if self.stop is None:
            return self._no_news(command)
        self._record(e.StopLossLost, reason=command.reason)
        return None

    def activate(self, command: c.Activate) -> None:
        """Call the entry done.

        Shape:   -> active. Refuses: AlreadyActive, NotFilled, NotProtected, WrongSideStop, WrongStatus.
        """
        side = self._needs_open(command)
        if self.status is Status.ACTIVE:
            raise self._refused(AlreadyActive, "is active already; there is nothing left to activate")
        self._needs_cover(side, self.stop)
        self._record(e.Activated)
