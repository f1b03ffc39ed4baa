"""Deciding about rollbacks: undoing an entry that could not be protected, with evidence."""

from __future__ import annotations

from domain import events as e
from domain.aggregate.command_result import CommandResult
from domain.commands import requests as c
from domain.decisions.counting import settled
from domain.decisions.decision import Decision
from domain.errors import EvidenceMissing, IdempotencyMismatch, NotFlat, NothingToRollBack, WrongStatus
from domain.identifiers import client_order_id
from domain.values import EXACT, Source, Status, plain, total_of


def start_rollback(decision: Decision, command: c.StartRollback) -> CommandResult | None:
    """Claim the closing order of a rollback before it is sent; the ledger says its side and quantity.

    Shape:   -> rolling_back. During a rollback it gets the same answer again, whatever the reason.
    Refuses: NothingToRollBack; WrongStatus if the rollback was begun in the legacy system, before an import.
    """
    state = decision.state
    row = decision.needs_open()
    if state.status is Status.ROLLING_BACK and not row.rollback_failed:
        promise = decision.promised(f"rollback{state.rollbacks - 1 or ''}")
        if promise is None:
            raise decision.refused(WrongStatus, "is rolling_back already; say roll_back or fail_rollback how it went")
        return promise
    if not state.holding.quantity:
        raise decision.refused(
            NothingToRollBack,
            "has nothing on record that could be closed; if the exchange holds something, adjust to it first, "
            "else fail_entry",
        )
    decision.record(
        e.RollbackStarted(
            **decision.envelope(),
            reason=command.reason,
            close_side=row.side.closing_order,
            close_quantity=state.holding.quantity,
            client_order_id=client_order_id(state.position_id, f"rollback{state.rollbacks or ''}", row.intent_id),
        )
    )
    return None


def roll_back(decision: Decision, command: c.RollBack) -> None:
    """End a rollback, with evidence that nothing is held.

    Shape:   rolling_back -> rolled_back. Refuses: EvidenceMissing, NotFlat, WrongStatus.
    """
    state = decision.state
    row = decision.needs_open()
    if state.status is not Status.ROLLING_BACK:
        raise decision.refused(WrongStatus, f"is {state.status}; start_rollback comes before the closing order")
    proof = _needs_proof(decision, command)
    held = state.holding
    if proof.fills:
        fills = {fill.trade_id: fill for fill in proof.fills}
        if any(fills[fill.trade_id] != fill for fill in proof.fills):
            raise decision.refused(IdempotencyMismatch, "has one trade_id twice in the evidence, with other content")
        new = [fill for fill in fills.values() if (True, fill.trade_id) not in state.fills]
        total = total_of(fill.last_qty for fill in new)
        if total != held.quantity:
            known = (
                "; send position_quantity 0, for all of it is closed by what is on record" if not held.quantity else ""
            )
            raise decision.refused(
                NotFlat, f"holds {plain(held.quantity)}, but the closing fills add up to {plain(total)}{known}"
            )
        for fill in new:
            held = held.with_exit(row.side, fill.last_qty, row.terms.worth(fill.last_qty, fill.last_px), row.terms)
            held = held.with_fee(fill.fee, decision.state.other_currency(fill.fee_currency))
    elif held.quantity:
        held = held.with_exit(row.side, held.quantity, None, row.terms)
    held = settled(held, row.side, row.terms, row.orders, state.since)
    decision.record(e.RolledBack(**decision.envelope(), reason=command.reason, evidence=proof, holding=held))


def _needs_proof(decision: Decision, command: c.RollBack) -> c.Evidence:
    """Refuse evidence that proves nothing, contradicts itself, or covers less than what is held.

    A closing order, or an operator's word, covers the quantity that the rollback was begun for, and no more. For what
    was filled since, closing fills or a position of zero at the exchange are needed.
    """
    proof, state = command.evidence, decision.state
    held = state.holding.quantity
    if proof is None or (proof.is_word_alone and not _is_operators_word(command, proof)):
        raise decision.refused(
            EvidenceMissing,
            "is flat only with a proof: send evidence, as closing_order_id, fills, or position_quantity 0"
            + (f"; {', '.join(said)} of the evidence proves nothing" if (said := _said(proof)) else ""),
        )
    if proof.position_quantity:
        raise decision.refused(NotFlat, f"has {plain(proof.position_quantity)} left at the exchange; fail_rollback")
    if proof.contradiction:
        raise decision.refused(NotFlat, f"is not flat, says the evidence itself ({proof.contradiction})")
    if proof.closing_order_id is not None and state.row and proof.closing_order_id == state.row.exchange_order_id:
        raise decision.refused(NotFlat, f"was entered by order {proof.closing_order_id}; name the order that closed it")
    if held > state.promised_qty and not proof.fills and proof.position_quantity is None:
        raise decision.refused(
            NotFlat,
            f"holds {plain(held)}, and no more than {plain(state.promised_qty)} of it are in the closing order that "
            "is on its way; send all closing fills, or position_quantity 0 once the exchange says so, else "
            "fail_rollback with what is left",
        )
    return proof


def _is_operators_word(command: c.RollBack, proof: c.Evidence) -> bool:
    return command.source is Source.OPERATOR and bool(proof.note and proof.note.strip())


def _said(proof: c.Evidence | None) -> list[str]:
    if proof is None:
        return []
    said = proof.model_dump(exclude_defaults=True)
    return [f"{name} of a source other than operator" if name == "note" else name for name in said]


def fail_rollback(decision: Decision, command: c.FailRollback) -> None:
    """Record what the closing order left at the exchange; the slot stays taken.

    Shape: rolling_back stays, flagged; the quantity becomes what is left. Refuses: WrongStatus.
    """
    state = decision.state
    row = decision.needs_open()
    if state.status is not Status.ROLLING_BACK:
        raise decision.refused(WrongStatus, f"is {state.status}; no rollback is on its way")
    held, left = state.holding, command.residual_qty
    if left < held.quantity:
        held = held.with_exit(row.side, EXACT.subtract(held.quantity, left), None, row.terms)
    elif left > held.quantity:
        held = held.corrected(left, held.avg_px_open, row.terms)
    decision.record(
        e.RollbackFailed(
            **decision.envelope(),
            reason=command.reason,
            residual_qty=command.residual_qty,
            holding=held,
        )
    )
