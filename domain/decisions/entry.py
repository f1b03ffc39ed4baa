"""Deciding about entries: request, acknowledgement, fills, and what becomes of those that fail."""

from __future__ import annotations

from dataclasses import replace

from domain import events as e
from domain.commands import requests as c
from domain.decisions.decision import Deciding
from domain.errors import EntryAlreadyPlaced, EntryHasFills, WrongStatus
from domain.holding import ZERO, Holding
from domain.identifiers import client_order_id
from domain.state import CommandResult
from domain.values import Status, plain


class Entry(Deciding):
    """How a position comes to be."""

    def request_entry(self, command: c.RequestEntry) -> CommandResult | None:
        """Claim the slot for one intent, before any order is sent.

        Shape:   flat -> pending_entry, one EntryRequested, cycle + 1.
        Units:   quantity in base asset, prices in quote asset per unit of base; exact, never rounded.
        Refuses: PositionAlreadyOpen unless flat; WrongSideStop for a planned stop; nothing is recorded.
        Source:  the bot's intent; `at` is its clock, not ours.
        """
        if answer := self._needs_free_slot(command):
            return answer
        if command.stop_price is not None:
            self._needs_right_side(command.side, command.stop_price, command.signal_price, "signal price")
        cycle = self.last_cycle + 1
        self._record(
            e.EntryRequested,
            cycle=cycle,
            side=command.side,
            quantity=command.quantity,
            signal_price=command.signal_price,
            stop_loss_percent=command.stop_loss_percent,
            stop_price=command.stop_price,
            intent_id=command.intent_id,
            client_order_id=client_order_id(f"{self.id}#{cycle}", "entry", command.intent_id),
        )
        return None

    def record_entry_placed(self, command: c.RecordEntryPlaced) -> CommandResult | None:
        """Note that the exchange acknowledged the entry; by key, open the cycle after the fact.

        Shape:   pending_entry -> entry_placed; flat -> entry_placed, cycle + 1. By key with the intent or the order of
                 the entry that is open, that entry is meant.
        Refuses: EntryAlreadyPlaced when another order is on record; the same order again is no news.
        Source:  the exchange's acknowledgement. `filled_qty` is all that was filled until then.
        """
        if command.position_id is None and not self._is_asked_again(command):
            return self._open_after_the_fact(command)
        if command.position_id is not None:
            self._needs_open(command)
        stated = self.holding
        if self._recording.stamp.ts_event > self.adjusted_at:
            stated = stated.with_statement(command.filled_qty or ZERO, command.avg_px)
        if self.exchange_order_id is not None:
            if self.exchange_order_id != command.exchange_order_id:
                raise self._refused(
                    EntryAlreadyPlaced,
                    f"was placed as order {self.exchange_order_id}; order {command.exchange_order_id} is a second "
                    "entry: cancel or close it at the exchange",
                )
            if stated == self.holding and not self.outcome_unknown:
                return self._no_news(command)
        self._record(
            e.EntryPlaced,
            exchange_order_id=command.exchange_order_id,
            filled_qty=command.filled_qty,
            avg_px=command.avg_px,
            holding=stated,
        )
        return None

    def _is_asked_again(self, command: c.RecordEntryPlaced) -> bool:
        """Whether a command by key means the entry that is open: the same intent, or the same order."""
        if not self.is_open or self.side is not command.side:
            return False
        return self.exchange_order_id == command.exchange_order_id or (
            command.intent_id is not None and self.intent_id == command.intent_id
        )

    def _open_after_the_fact(self, command: c.RecordEntryPlaced) -> CommandResult | None:
        if answer := self._needs_free_slot(command):
            return answer
        assert command.side is not None, "checked when the command was made"
        cycle = self.last_cycle + 1
        self._record(
            e.EntryPlaced,
            cycle=cycle,
            exchange_order_id=command.exchange_order_id,
            filled_qty=command.filled_qty,
            avg_px=command.avg_px,
            holding=Holding().with_statement(command.filled_qty or ZERO, command.avg_px),
            side=command.side,
            quantity=command.quantity or command.filled_qty,
            signal_price=command.signal_price,
            intent_id=command.intent_id,
            client_order_id=client_order_id(f"{self.id}#{cycle}", "entry", command.intent_id),
        )
        return None

    def record_entry_fill(self, command: c.RecordEntryFill) -> CommandResult | None:
        """Count one fill of the entry.

        Shape:   status unchanged; on a cycle that is over it is recorded as late, never refused.
        Units:   `last_qty` in base asset, `last_px` in quote asset; the fee in its own currency.
        Refuses: IdempotencyMismatch for a known `trade_id` with other content; the same again is no news.
        Source:  the exchange's trade stream. A fill older than the last acknowledgement or adjustment is part of that.
        """
        if self.status is None or command.cycle != self.cycle:
            self._needs_open(command)
        if known := self._known_trade(command):
            return known
        filled, at = self.holding, self._recording.stamp.ts_event
        if at > self.adjusted_at:
            filled = filled.with_fill(
                command.last_qty, command.last_px, requested=self.requested_qty, is_part=at <= self.stated_at
            )
        self._record(
            e.EntryFilled,
            trade_id=command.trade_id,
            last_qty=command.last_qty,
            last_px=command.last_px,
            fee=command.fee,
            fee_currency=command.fee_currency,
            holding=filled.with_fee(command.fee, self._other_currency(command.fee_currency)),
            late=not self.is_open,
        )
        return None

    def record_entry_unknown(self, command: c.RecordEntryUnknown) -> None:
        """Note that nobody knows whether the entry reached the exchange; the slot stays taken until it is known.

        Shape:   status unchanged, flagged. Refuses: WrongStatus once the entry is protected, active or rolling back.
        """
        self._needs_open(command)
        if self.status not in (Status.PENDING_ENTRY, Status.ENTRY_PLACED):
            raise self._refused(WrongStatus, f"is {self.status}: the outcome of its entry is known")
        self._record(e.EntryOutcomeUnknown, reason=command.reason)

    def fail_entry(self, command: c.FailEntry) -> None:
        """End a cycle whose entry came to nothing; this is the evidence that frees the slot.

        Shape:   -> failed, or canceled. Refuses: EntryHasFills, WrongStatus.
        """
        self._needs_open(command)
        if self.holding.filled_qty:
            raise self._refused(
                EntryHasFills,
                f"has {plain(self.holding.filled_qty)} filled, so the entry did not fail; protect it, or roll it back",
            )
        if self.status not in (Status.PENDING_ENTRY, Status.ENTRY_PLACED, Status.PENDING_SL):
            raise self._refused(WrongStatus, f"is {self.status}: its entry did not fail")
        self._record(e.EntryFailed, outcome=command.outcome, reason=command.reason, code=command.code)

    def adopt(self, command: c.Adopt) -> None:
        """Take in a position that the exchange holds and no cycle explains; active, and not yet protected.

        Shape: flat -> active, cycle + 1. Refuses: PositionAlreadyOpen; what is open is adjusted instead.
        """
        self._needs_free_slot(command)
        self._record(
            e.PositionAdopted,
            cycle=self.last_cycle + 1,
            side=command.side,
            reason=command.reason,
            holding=Holding().with_statement(command.quantity, command.avg_px_open),
        )

    def import_position(self, command: c.ImportPosition) -> None:
        """Take in one row of the legacy table as it stands.

        Shape: a cycle of any status. Refuses: PositionAlreadyOpen for a second open row of one key.
        """
        if command.status.is_open and self.is_open:
            raise self._slot_is_taken(command.intent_id)
        held = Holding()
        if command.status is Status.CLOSED or (command.status.is_open and command.status is not Status.PENDING_ENTRY):
            held = held.with_statement(command.quantity, command.avg_px_open)
        if command.status is Status.CLOSED:
            held = replace(held.with_exit(command.side, held.quantity, None), realized_pnl=command.realized_pnl)
        self._record(
            e.PositionImported,
            cycle=self.last_cycle + 1,
            status=command.status,
            side=command.side,
            quantity=command.quantity,
            avg_px_open=command.avg_px_open,
            stop_price=command.stop_price,
            stop_confirmed=command.stop_confirmed,
            exit_reason=command.exit_reason,
            exchange_order_id=command.exchange_order_id,
            intent_id=command.intent_id,
            claims_intent=command.claims_intent,
            legacy_id=command.legacy_id,
            closed_at=command.closed_at,
            findings=command.findings,
            row=command.row,
            beside=self.is_open,
            holding=held,
        )
