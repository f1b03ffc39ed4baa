"""What becomes of an unfinished cycle, by what the exchange shows: commands, a due order, or what is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, ClassVar, Final

from domain.commands.base import Command
from domain.commands.requests import (
    Activate,
    Adjust,
    Close,
    FailEntry,
    LoseStopLoss,
    RecordEntryPlaced,
    RollBack,
    SetStopLoss,
)
from domain.json_object import JsonObject
from domain.values import Source, Status, plain, timestamp_text
from projections.account_snapshot import OrderReport, PositionReport
from projections.exposure import is_left_over
from projections.positions import PositionRow
from projections.reconciliation.corrections import Correction, corrections
from projections.reconciliation.discrepancies import Discrepancy, DiscrepancyKind
from projections.reconciliation.entry_orders import ENTERING, entry_order
from projections.reconciliation.matching import counts_contracts
from projections.reconciliation.result import Reconciliation
from projections.reconciliation.stop_orders import is_beyond_entry
from projections.recovery.in_flight import InFlight
from projections.recovery.required_orders import PlannedOrders, RequiredOrder

_HELD: Final = (DiscrepancyKind.MATCHED, DiscrepancyKind.QUANTITY, DiscrepancyKind.PRICE)


class Action(StrEnum):
    """What is proposed."""

    LEAVE = "leave"
    """Nothing: it has time, or its order rests at the exchange."""
    WAIT = "wait"
    """Nothing: evidence is missing."""
    FINISH = "finish"
    """Record what the exchange shows."""
    PROTECT = "protect"
    """Somebody has to place a stop."""
    FAIL = "fail"
    """The entry came to nothing."""
    CLOSE = "close"
    """It was held, and is gone."""
    ROLL_BACK = "roll_back"
    """End the rollback with its proof, or send the closing order that it lacks."""


@dataclass(frozen=True, kw_only=True)
class Proposal(JsonObject):
    """One unfinished cycle, and what is proposed.

    Shape: `commands` belong together, in this order, each at the version that the one before it leads to; `due` is an
           order that only a bot or an operator can send; `missing` is the evidence without which nothing is done.
    """

    cycle: InFlight
    action: Action
    message: str
    commands: tuple[Correction, ...] = ()
    due: RequiredOrder | None = None
    missing: tuple[str, ...] = ()
    waits_for_another_snapshot: bool = False

    json_keys: ClassVar = (
        "**cycle",
        "missing",
        (
            "proposal",
            lambda found: {
                "action": found.action,
                "message": found.message,
                "commands": found.commands,
                "needs_order": found.due,
            },
        ),
    )

    @property
    def needs_attention(self) -> bool:
        """Whether it will not end by itself."""
        return self.action is not Action.LEAVE


def recover(
    cycle: InFlight, found: Reconciliation | None, promised: PlannedOrders | None, reason: str | None = None
) -> Proposal:
    """Propose what the evidence allows.

    Shape:   `found` is None without a snapshot of its account, `promised` when the events of the cycle cannot be read.
    Refuses: nothing is concluded from a snapshot that is unreliable, too old, or older than what the ledger knows.
    """
    row = cycle.row
    if not cycle.is_overdue:
        until = f"{cycle.due_at:%H:%M:%S} UTC"
        return Proposal(cycle=cycle, action=Action.LEAVE, message=f"its bot may be at work on it until {until}")
    if promised is None:
        return _wait(cycle, "its events cannot be read", "events that can be read: see `position-ledger verify`")
    account = " ".join(filter(None, (row.exchange, row.account)))
    if found is None:
        return _wait(cycle, f"only the exchange knows: give a snapshot of {account}", *cycle.missing())
    if doubts := [*found.doubts, *filter(None, [found.hindrance])]:
        return _wait(cycle, f"the snapshot of {account} is not to be relied on", *doubts)
    if is_left_over(row):
        return _left_over(cycle, found, reason)
    findings = {each.kind: each for each in found.findings if each.row == row}
    if not findings:
        return _wait(cycle, "it changed meanwhile", "a look at how it stands now")
    return _Judgement(cycle, found, findings, promised, reason).recovery()


def _left_over(cycle: InFlight, found: Reconciliation, reason: str | None) -> Proposal:
    """What is held in a cycle that is over: nothing can be done in there, so a cycle of its own has to take it over."""
    row, where = cycle.row, found.snapshot.exchange
    here = [each for each in found.findings if each.key.stream == row.stream]
    orphan = next((each for each in here if each.kind is DiscrepancyKind.ORPHAN), None)
    if orphan is not None:
        steps = [each for each in corrections(found, reason) if each.finding is orphan]
        adopts = [replace(each, command=each.command.model_copy(update={"source": Source.RECOVERY})) for each in steps]
        message = f"{orphan.message}: adopt it, then see to its stop"
        action = Action.FINISH if adopts else Action.WAIT
        return Proposal(cycle=cycle, action=action, message=message, commands=tuple(adopts))
    if any(each.kind is DiscrepancyKind.UNJUDGED for each in here):
        return _wait(cycle, "the ledger has later news of it than the snapshot", "a snapshot that was taken after it")
    held = next((each for each in here if each.row is not None and each.position is not None), None)
    if held is not None and held.row is not None and held.position is not None:
        shown = f"{held.position.side.value} {plain(held.position.quantity)}"
        return _wait(
            cycle,
            f"{where} holds {shown} there, with this or without: adjust {held.row.position_id} to that, and it is told",
            "whether that is all that is held there",
        )
    return _wait(
        cycle,
        f"{where} does not show it: if it was sold, adopt it as it was filled, and close it at the price of that sale",
        "what became of it: the exchange's trades say it",
    )


def _wait(cycle: InFlight, message: str, *missing: str, for_another_snapshot: bool = False) -> Proposal:
    return Proposal(
        cycle=cycle,
        action=Action.WAIT,
        message=message,
        missing=missing,
        waits_for_another_snapshot=for_another_snapshot,
    )


class _Judgement:
    """One cycle in the light of a snapshot that can be relied on."""

    def __init__(
        self,
        cycle: InFlight,
        found: Reconciliation,
        findings: Mapping[DiscrepancyKind, Discrepancy],
        promised: PlannedOrders,
        reason: str | None,
    ) -> None:
        self._cycle, self._row, self._found, self._findings = cycle, cycle.row, found, findings
        self._snapshot, self._promised, self._reason = found.snapshot, promised, reason
        self._first = next(iter(findings.values()))
        self._commands: list[Correction] = []
        self._caution = ""

    def recovery(self) -> Proposal:
        taken_at = self._snapshot.taken_at
        assert taken_at is not None, "reliable, so it says when"
        if DiscrepancyKind.UNJUDGED in self._findings or self._first.standing.changed_after(taken_at):
            return self._wait("the ledger has later news of it than the snapshot", "a snapshot that was taken after it")
        if not InFlight(self._row, taken_at).is_overdue:
            return self._wait("the snapshot was taken while it had time", "a later snapshot")
        if DiscrepancyKind.SIDE in self._findings:
            return self._wait(self._first.message, "what became of it: see `position-ledger reconcile`")
        if DiscrepancyKind.PHANTOM in self._findings:
            return self._absent()
        if DiscrepancyKind.OPENING in self._findings:
            return self._resting()
        seen = next(each.position for kind, each in self._findings.items() if kind in _HELD)
        assert seen is not None, "it is at the exchange"
        return self._order_due(seen) if self._row.status is Status.ROLLING_BACK else self._held(seen)

    # -- it is not there --------------------------------------------------------------------------------------------

    def _absent(self) -> Proposal:
        row, where = self._row, self._snapshot.exchange
        if row.status in ENTERING and not self._found.shows_orders_of(row.symbol):
            return self._wait("the snapshot does not show all orders", "whether its entry order rests at the exchange")
        needed = self._found.rules.confirmations
        count = self._found.confirming.absences(self._first.standing, row)
        if count < needed:
            words = f"{where} does not show it, by {count} of {needed} snapshots"
            return _wait(self._cycle, words, f"{needed - count} more, apart in time", for_another_snapshot=True)
        why = self._why(f"{where} shows neither a position nor an order of it")
        if row.status is Status.ROLLING_BACK:
            proof = {"position_quantity": 0, "exchange": where, "snapshot": self._snapshot.digest}
            self._send(RollBack, evidence=proof, reason=why)
            return self._propose(Action.ROLL_BACK, f"{where} holds nothing of it any more: the rollback is done")
        if row.filled_qty or row.status is Status.ACTIVE:
            self._send(Close, exit_reason=why)
            return self._propose(Action.CLOSE, f"{where} does not hold it any more; at what price it went is not known")
        self._send(FailEntry, outcome="expired", reason=why)
        return self._propose(Action.FAIL, f"{where} has neither a position nor an order: its entry came to nothing")

    def _resting(self) -> Proposal:
        if order := self._entry_order():
            if self._row.exchange_order_id is not None:
                return self._propose(Action.LEAVE, f"its entry order {order.order_id} rests at the exchange")
            self._send(RecordEntryPlaced, exchange_order_id=order.order_id)
            return self._propose(Action.FINISH, f"its entry order rests at the exchange as {order.order_id}")
        return self._wait(
            "an order rests that may be its entry, and does not say so",
            "what became of its entry order: ask the exchange by its client order id",
        )

    def _entry_order(self) -> OrderReport | None:
        return entry_order(self._row, self._snapshot.orders)

    # -- it is there ------------------------------------------------------------------------------------------------

    def _order_due(self, seen: PositionReport) -> Proposal:
        due = RequiredOrder.close(self._row, seen, self._promised)
        message = (
            f"{self._snapshot.exchange} still holds {plain(seen.quantity)}: unless its closing order is on its way, "
            "send it; then roll_back with its fills, or look again"
        )
        return self._propose(Action.ROLL_BACK, message, due)

    def _held(self, seen: PositionReport) -> Proposal:
        row = self._row
        if counts_contracts(row, seen):
            return self._wait(self._findings[DiscrepancyKind.QUANTITY].message, "in which unit the ledger counts")
        if order := self._entry_order():
            self._caution = f"; its entry order {order.order_id} still rests, so more may be filled"
            if row.exchange_order_id is None:
                self._send(RecordEntryPlaced, exchange_order_id=order.order_id)
        if row.outcome_unknown or DiscrepancyKind.QUANTITY in self._findings or DiscrepancyKind.PRICE in self._findings:
            held = f"{self._snapshot.exchange} holds {seen.side.value} {plain(seen.quantity)}"
            self._send(Adjust, quantity=seen.quantity, avg_px_open=seen.avg_px_open, reason=self._why(held))
        if seen.avg_px_open is None and row.avg_px_open is None:
            return self._unless_all_is_known("its average entry, without which no stop can be judged")
        if not self._found.shows_orders_of(row.symbol):
            return self._unless_all_is_known("whether a stop rests: the snapshot does not show all orders")
        return self._under_stop(seen)

    def _under_stop(self, seen: PositionReport) -> Proposal:
        row, moved = self._row, self._findings.get(DiscrepancyKind.MOVED_STOP)
        if lost := self._findings.get(DiscrepancyKind.LOST_STOP):
            if lost.confirmations < (needed := self._found.rules.confirmations):
                words = f"{lost.message}, by {lost.confirmations} of {needed} snapshots"
                missing = f"{needed - lost.confirmations} more, apart in time, before another one is placed"
                return _wait(self._cycle, words, missing, for_another_snapshot=True)
            self._send(LoseStopLoss, reason=self._why(lost.message))
        if DiscrepancyKind.UNPROTECTED in self._findings:
            return self._stop_due(seen, "no stop covers it: place one, then set_stop_loss with its id, or look again")
        if moved is not None:
            return self._moved(seen, moved.orders[0])
        if not row.stop_confirmed and seen.stop_price is not None:
            at = plain(seen.stop_price)
            return self._unless_all_is_known(f"an order of its stop at {at}, which belongs to the position itself")
        if not row.stop_confirmed:
            return self._unless_all_is_known("the price of its stop, which the exchange does not say")
        if row.status is not Status.ACTIVE:
            self._send(Activate)
        return self._propose(Action.FINISH, f"it is at the exchange, under its stop {_named(row)}")

    def _moved(self, seen: PositionReport, stop: OrderReport) -> Proposal:
        row, is_active = self._row, self._row.status is Status.ACTIVE
        locks = is_beyond_entry(stop, seen, row)
        if (locks and not is_active) or (stop.quantity is not None and stop.quantity < seen.quantity):
            return self._stop_due(seen, f"its stop {stop.order_id} is none that ends an entry: place one for all of it")
        assert stop.trigger_price is not None, "else it could not have been taken over"
        self._send(
            SetStopLoss,
            stop_price=stop.trigger_price,
            exchange_order_id=stop.order_id,
            quantity=stop.quantity,
            activate=not is_active,
            locks_profit=locks,
        )
        at = plain(stop.trigger_price)
        return self._propose(Action.FINISH, f"it is at the exchange, under a stop at {at}, order {stop.order_id}")

    def _stop_due(self, seen: PositionReport, message: str) -> Proposal:
        held = f"{self._snapshot.exchange} holds {seen.side.value} {plain(seen.quantity)}"
        return self._propose(Action.PROTECT, f"{held}; {message}", RequiredOrder.stop(self._row, seen, self._promised))

    def _unless_all_is_known(self, missing: str) -> Proposal:
        return Proposal(
            cycle=self._cycle,
            action=Action.FINISH if self._commands else Action.WAIT,
            message=f"{self._snapshot.exchange} holds it, and does not say enough to call it done",
            commands=tuple(self._commands),
            missing=(missing,),
        )

    # -- how it is said ---------------------------------------------------------------------------------------------

    def _wait(self, message: str, missing: str) -> Proposal:
        return _wait(self._cycle, message, missing)

    def _propose(self, action: Action, message: str, due: RequiredOrder | None = None) -> Proposal:
        return Proposal(
            cycle=self._cycle,
            action=action,
            message=message + self._caution,
            commands=tuple(self._commands),
            due=due,
        )

    def _why(self, fact: str) -> str:
        return f"recovered: {fact}" if self._reason is None else f"{self._reason} ({fact})"

    def _send(self, kind: type[Command], **fields: Any) -> None:
        snapshot, row = self._snapshot, self._row
        assert snapshot.taken_at is not None, "reliable, so it says when"
        version = self._first.standing.version + len(self._commands)
        taken = f"{snapshot.digest} {timestamp_text(snapshot.taken_at)}"
        name = f"{taken} {row.position_id} {version} {kind.verb} {self._reason}"
        command = kind.of(
            position_id=row.position_id,
            **fields,
            command_id=f"recover-{hashlib.sha256(name.encode()).hexdigest()[:32]}",
            expected_version=version,
            at=snapshot.taken_at,
            source=Source.RECOVERY,
            metadata={"reason": self._reason, "snapshots": _evidence(self._found)},
        )
        self._commands.append(Correction(command, self._first))


def _evidence(found: Reconciliation) -> Sequence[Mapping[str, Any]]:
    """Every snapshot that was relied on, so that an auditor can find it."""
    return [
        {"exchange": each.exchange, "taken_at": each.taken_at and timestamp_text(each.taken_at), "digest": each.digest}
        for each in found.confirming.trusted
    ]


def _named(row: PositionRow) -> str:
    return row.stop_order_id or "at " + ("" if row.stop_price is None else plain(row.stop_price))
