"""Deciding about entries: request, acknowledgement, fills, and what becomes of those that fail."""

from __future__ import annotations

from dataclasses import replace

from domain import events as e
from domain.aggregate.row import PositionRow
from domain.aggregate.state import CommandResult
from domain.commands import requests as c
from domain.decisions.decision import Decision
from domain.decisions.protection import needs_right_side
from domain.errors import EntryAlreadyPlaced, EntryHasFills, PositionNotOpen, WrongStatus
from domain.holding import ZERO, Holding
from domain.identifiers import client_order_id
from domain.values import Status, plain


def request_entry(decision: Decision, command: c.RequestEntry) -> CommandResult | None:
    """Claim the slot for one intent, before any order is sent.

    Shape:   flat -> pending_entry, one EntryRequested, cycle + 1.
    Units:   quantity in base asset, prices in quote asset per unit of base; exact, never rounded.
    Refuses: PositionAlreadyOpen unless flat; WrongSideStop for a planned stop; nothing is recorded.
    Source:  the bot's intent; `at` is its clock, not ours.
    """
    state = decision.state
    if answer := decision.needs_free_slot():
        return answer
    if command.stop_price is not None:
        needs_right_side(command.side, command.stop_price, command.signal_price, "signal price")
    cycle = state.last_cycle + 1
    decision.record(
        e.EntryRequested(
            **decision.envelope(cycle),
            side=command.side,
            quantity=command.quantity,
            signal_price=command.signal_price,
            stop_loss_percent=command.stop_loss_percent,
            stop_price=command.stop_price,
            intent_id=command.intent_id,
            client_order_id=client_order_id(f"{state.stream}#{cycle}", "entry", command.intent_id),
        )
    )
    return None


def record_entry_placed(decision: Decision, command: c.RecordEntryPlaced) -> CommandResult | None:
    """Note that the exchange acknowledged the entry; by key, open the cycle after the fact.

    Shape:   pending_entry -> entry_placed; flat -> entry_placed, cycle + 1. By key with the intent or the order of
             the entry that is open, that entry is meant.
    Refuses: EntryAlreadyPlaced when another order is on record; the same order again is no news.
    Source:  the exchange's acknowledgement. `filled_qty` is all that was filled until then.
    """
    state = decision.state
    if command.position_id is not None:
        row = decision.needs_open()
    elif state.row is not None and _is_asked_again(state.row, command):
        row = state.row
    else:
        return _open_after_the_fact(decision, command)
    stated = state.holding
    if not decision.is_part_of(state.adjusted_at):
        stated = stated.with_statement(command.filled_qty or ZERO, command.avg_px)
    if row.exchange_order_id is not None:
        if row.exchange_order_id != command.exchange_order_id:
            raise decision.refused(
                EntryAlreadyPlaced,
                f"was placed as order {row.exchange_order_id}; order {command.exchange_order_id} is a second "
                "entry: cancel or close it at the exchange",
            )
        if stated == state.holding and not row.outcome_unknown:
            return decision.no_news()
    decision.record(
        e.EntryPlaced(
            **decision.envelope(),
            exchange_order_id=command.exchange_order_id,
            filled_qty=command.filled_qty,
            avg_px=command.avg_px,
            holding=stated,
        )
    )
    return None


def _is_asked_again(row: PositionRow, command: c.RecordEntryPlaced) -> bool:
    """Whether a command by key means the entry that is open: the same intent, or the same order."""
    if not row.status.is_open or row.side is not command.side:
        return False
    return row.exchange_order_id == command.exchange_order_id or (
        command.intent_id is not None and row.intent_id == command.intent_id
    )


def _open_after_the_fact(decision: Decision, command: c.RecordEntryPlaced) -> CommandResult | None:
    state = decision.state
    if answer := decision.needs_free_slot() or _known_order(decision, command):
        return answer
    assert command.side is not None, "checked when the command was made"
    cycle = state.last_cycle + 1
    decision.record(
        e.EntryPlaced(
            **decision.envelope(cycle),
            exchange_order_id=command.exchange_order_id,
            filled_qty=command.filled_qty,
            avg_px=command.avg_px,
            holding=Holding().with_statement(command.filled_qty or ZERO, command.avg_px),
            side=command.side,
            quantity=command.quantity or command.filled_qty,
            signal_price=command.signal_price,
            intent_id=command.intent_id,
            client_order_id=client_order_id(f"{state.stream}#{cycle}", "entry", command.intent_id),
        )
    )
    return None


def _known_order(decision: Decision, command: c.RecordEntryPlaced) -> CommandResult | None:
    """An order of the cycle that is over opens no other: told again it is no news, and more of it is refused."""
    state, row = decision.state, decision.state.row
    if row is None or row.exchange_order_id != command.exchange_order_id:
        return None
    first = next(iter(state.answers.values()))
    if first.request == command.digest:
        return first
    if row.side is command.side and (command.filled_qty or ZERO) <= state.holding.filled_qty:
        return decision.no_news()
    raise decision.refused(
        PositionNotOpen,
        f"was entered by order {command.exchange_order_id} and is {row.status}, with "
        f"{plain(state.holding.filled_qty)} filled; what else that order filled is recorded by record_entry_fill",
    )


def record_entry_fill(decision: Decision, command: c.RecordEntryFill) -> CommandResult | None:
    """Count one fill of the entry.

    Shape:   status unchanged; on a cycle that is over it is recorded as late, never refused.
    Units:   `last_qty` in base asset, `last_px` in quote asset; the fee in its own currency.
    Refuses: IdempotencyMismatch for a known `trade_id` with other content; the same again is no news.
    Source:  the exchange's trade stream. A fill older than the last acknowledgement or adjustment is part of that.
    """
    state, row = decision.state, decision.state.row
    if row is None or command.cycle != row.cycle:
        row = decision.needs_open()
    if known := decision.known_trade(command):
        return known
    filled = state.holding
    if not decision.is_part_of(state.adjusted_at):
        is_part = decision.is_part_of(state.stated_at)
        filled = filled.with_fill(command.last_qty, command.last_px, requested=row.requested_qty, is_part=is_part)
    decision.record(
        e.EntryFilled(
            **decision.envelope(),
            trade_id=command.trade_id,
            last_qty=command.last_qty,
            last_px=command.last_px,
            fee=command.fee,
            fee_currency=command.fee_currency,
            holding=filled.with_fee(command.fee, decision.other_currency(command.fee_currency)),
            late=not state.is_open,
        )
    )
    return None


def record_entry_unknown(decision: Decision, command: c.RecordEntryUnknown) -> None:
    """Note that nobody knows whether the entry reached the exchange; the slot stays taken until it is known.

    Shape:   status unchanged, flagged. Refuses: WrongStatus once the entry is protected, active or rolling back.
    """
    state = decision.state
    decision.needs_open()
    if state.status not in (Status.PENDING_ENTRY, Status.ENTRY_PLACED):
        raise decision.refused(WrongStatus, f"is {state.status}: the outcome of its entry is known")
    decision.record(e.EntryOutcomeUnknown(**decision.envelope(), reason=command.reason))


def fail_entry(decision: Decision, command: c.FailEntry) -> None:
    """End a cycle whose entry came to nothing; this is the evidence that frees the slot.

    Shape:   -> failed, or canceled. Refuses: EntryHasFills, WrongStatus.
    """
    state = decision.state
    decision.needs_open()
    if state.holding.filled_qty:
        raise decision.refused(
            EntryHasFills,
            f"has {plain(state.holding.filled_qty)} filled, so the entry did not fail; protect it, or roll it back",
        )
    if state.status not in (Status.PENDING_ENTRY, Status.ENTRY_PLACED, Status.PENDING_SL):
        raise decision.refused(WrongStatus, f"is {state.status}: its entry did not fail")
    decision.record(
        e.EntryFailed(**decision.envelope(), outcome=command.outcome, reason=command.reason, code=command.code)
    )


def adopt(decision: Decision, command: c.Adopt) -> None:
    """Take in a position that the exchange holds and no cycle explains; active, and not yet protected.

    Shape: flat -> active, cycle + 1. Refuses: PositionAlreadyOpen; what is open is adjusted instead.
    """
    state = decision.state
    decision.needs_free_slot()
    decision.record(
        e.PositionAdopted(
            **decision.envelope(state.last_cycle + 1),
            side=command.side,
            reason=command.reason,
            holding=Holding().with_statement(command.quantity, command.avg_px_open),
        )
    )


def import_position(decision: Decision, command: c.ImportPosition) -> None:
    """Take in one row of the legacy table as it stands.

    Shape: a cycle of any status. Refuses: PositionAlreadyOpen for a second open row of one key.
    """
    state = decision.state
    if command.status.is_open and state.is_open:
        raise decision.slot_is_taken(command.intent_id)
    held = Holding()
    if command.status is Status.CLOSED or (command.status.is_open and command.status is not Status.PENDING_ENTRY):
        held = held.with_statement(command.quantity, command.avg_px_open)
    if command.status is Status.CLOSED:
        held = replace(held.with_exit(command.side, held.quantity, None), realized_pnl=command.realized_pnl)
    decision.record(
        e.PositionImported(
            **decision.envelope(state.last_cycle + 1),
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
            beside=state.is_open,
            holding=held,
        )
    )
