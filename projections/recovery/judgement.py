"""Judging an unfinished cycle by account snapshots: which proposal follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from domain.commands.base import Command
from domain.commands.order_requests import EndOrder
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
from domain.orders.cycle_orders import Orders, covers, stops_left
from domain.orders.order import Order
from domain.values import Leg, Source, Status, is_yet_to_come, plain
from projections.account_snapshot import OrderReport, PositionReport
from projections.exposure import BY_CHOICE
from projections.health.checks import ASKED, NAMELESS, advised, command_line
from projections.metrics.objectives import UNPROTECTED_MAX
from projections.positions import PositionRow
from projections.reconciliation.corrections import Correction
from projections.reconciliation.discrepancies import Discrepancy, DiscrepancyKind
from projections.reconciliation.entry_orders import ENTERING, entry_order
from projections.reconciliation.grace_periods import SHOWN, later
from projections.reconciliation.result import Reconciliation
from projections.reconciliation.stop_orders import cover_of, fields_of_stop, is_beyond_entry, price_of_stop
from projections.recovery.in_flight import InFlight
from projections.recovery.proposals import Action, Proposal
from projections.recovery.required_orders import PlannedOrders, RequiredOrder
from projections.recovery.unanswered_orders import unanswered

_HELD: Final = (DiscrepancyKind.MATCHED, DiscrepancyKind.QUANTITY, DiscrepancyKind.PRICE)
_STOPS: Final = frozenset({DiscrepancyKind.UNPROTECTED, DiscrepancyKind.LOST_STOP, DiscrepancyKind.MOVED_STOP})


def recover(
    cycle: InFlight,
    found: Reconciliation | None,
    planned: PlannedOrders | None,
    reason: str | None = None,
    *,
    ahead: int = 0,
) -> Proposal:
    """Propose what the evidence allows.

    Shape:   `found` is None without a snapshot of its account; `planned` is None when the events of the cycle cannot
             be read. `ahead` counts the events that earlier proposals for the same key will record first.
    Refuses: nothing, but from a snapshot that is unreliable, too old, or older than what the ledger knows, nothing is
             concluded: the proposal is to wait.
    """
    row = cycle.row
    if not cycle.is_overdue:
        until = f"{cycle.due_at:%H:%M:%S} UTC"
        return Proposal(cycle=cycle, action=Action.LEAVE, message=f"its bot may be at work on it until {until}")
    if planned is None:
        return _wait(cycle, "its events cannot be read", f"events that can be read: see `{command_line('verify')}`")
    account = " ".join(filter(None, (row.exchange, row.account)))
    if found is None:
        return _wait(cycle, f"only the exchange knows: give a snapshot of {account}", *cycle.missing())
    if doubts := [*found.doubts, *filter(None, [found.hindrance])]:
        return _wait(cycle, f"the snapshot of {account} is not to be relied on", *doubts)
    findings = [each for each in found.findings if each.row == row]
    if not findings:
        return _wait(cycle, "it changed meanwhile", "a look at how it stands now")
    return _Judgement(cycle, found, findings, planned, reason, ahead=ahead).recovery()


def _wait(cycle: InFlight, message: str, *missing: str, for_another_snapshot: bool = False) -> Proposal:
    return Proposal(
        cycle=cycle,
        action=Action.WAIT,
        message=message,
        missing=missing,
        waits_for_another_snapshot=for_another_snapshot,
    )


class _Judgement:
    """The judgement of one cycle by a reliable snapshot."""

    def __init__(
        self,
        cycle: InFlight,
        found: Reconciliation,
        findings: Sequence[Discrepancy],
        planned: PlannedOrders,
        reason: str | None,
        *,
        ahead: int,
    ) -> None:
        self._cycle, self._row, self._found, self._all = cycle, cycle.row, found, findings
        self._snapshot, self._planned, self._reason = found.snapshot, planned, reason
        self._findings = {each.kind: each for each in reversed(findings)}
        self._first, self._ahead = findings[0], ahead
        self._commands: list[Correction] = []
        self._caution = ""

    def recovery(self) -> Proposal:
        taken_at = self._snapshot.taken_at
        assert taken_at is not None, "reliable, so it says when"
        if self._first.state.changed_after(taken_at):
            return self._wait("the ledger has later news of it than the snapshot", "a snapshot that was taken after it")
        if unjudged := self._findings.get(DiscrepancyKind.UNJUDGED):
            return self._wait(unjudged.message, "a snapshot that shows whether it is held")
        if stray := self._findings.get(DiscrepancyKind.STRAY):
            return self._stray(stray)
        if self._row.leg is Leg.SPOT:
            return self._wait(self._first.message, "whether a stop rests: set_stop_loss with it, or close what is sold")
        if not InFlight(self._row, taken_at).is_overdue:
            return self._wait("the snapshot was taken while it had time", "a later snapshot")
        if side := self._findings.get(DiscrepancyKind.SIDE):
            return self._wait(side.message, f"what became of it: see {self._compared()}")
        if DiscrepancyKind.PHANTOM in self._findings:
            return self._absent()
        if DiscrepancyKind.OPENING in self._findings:
            return self._resting()
        seen = next(each.position for kind, each in self._findings.items() if kind in _HELD)
        assert seen is not None, "it is at the exchange"
        return self._order_due(seen) if self._row.status is Status.ROLLING_BACK else self._held(seen)

    def _compared(self) -> str:
        """The command that compares its account with the exchange."""
        whose = NAMELESS if self._row.account is None else ()
        evidence = () if self._row.exchange in ASKED else ("--snapshot", "FILE")
        return f"`{advised('reconcile', self._row, *whose, *evidence)}`"

    # -- it is over, and holds something ----------------------------------------------------------------------------

    def _stray(self, stray: Discrepancy) -> Proposal:
        """A stray is unprotected, so it is to be closed; its closing order is claimed first, like any other order."""
        row, seen, needed = self._row, stray.position, self._found.rules.confirmations
        if seen is not None:
            how = f"request_exit {row.position_id}, send the order that it names, and reduce by its fills"
            due = RequiredOrder.close(row, seen, self._planned) if seen.side is row.side else None
            return self._propose(Action.CLOSE, f"{stray.message}: {how}", due)
        if stray.confirmations >= needed:
            self._send(Close, exit_reason=self._why(f"{self._snapshot.exchange} holds nothing of it"))
            return self._propose(Action.CLOSE, f"{stray.message}; at what price it went is not known")
        if stray.confirmations:
            missing = f"{needed - stray.confirmations} more, apart in time"
            words = f"{stray.message}, by {stray.confirmations} of {needed} snapshots"
            return _wait(self._cycle, words, missing, for_another_snapshot=True)
        return self._wait(stray.message, f"what became of it: see {self._compared()}, or the exchange's trades")

    # -- it is not there --------------------------------------------------------------------------------------------

    def _absent(self) -> Proposal:
        row, where = self._row, self._snapshot.exchange
        if row.status in ENTERING and not self._found.shows_orders_of(row.symbol):
            missing = "whether its entry order rests at the exchange"
            return self._wait("the snapshot does not show all orders", missing, *self._order_doubts)
        if may_appear := self._may_appear():
            return may_appear
        needed = self._found.rules.confirmations
        count = self._found.confirming.absences(self._first.state, row)
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
            went = "at what price it went is not known" if row.quantity else "all of it was closed"
            return self._propose(Action.CLOSE, f"{where} does not hold it any more; {went}")
        self._send(FailEntry, outcome="expired", reason=why)
        order = f"order {row.exchange_order_id or row.client_order_id or 'of its entry'}"
        return self._propose(
            Action.FAIL,
            f"{where} has neither a position nor an order: its entry came to nothing, or what it filled is closed "
            f"again unheard; if {order} was filled, record its fills, which may come late",
        )

    def _may_appear(self) -> Proposal | None:
        """The proposal to wait for an entry with recent news, which the exchange may yet show; None if it is older."""
        row, taken_at = self._row, self._snapshot.taken_at
        until = later(row.updated_at, SHOWN)
        if row.status not in ENTERING or row.filled_qty or taken_at is None or taken_at >= until:
            return None
        if is_yet_to_come(row.updated_at, self._cycle.now):
            return None
        words = f"{self._snapshot.exchange} does not show it, and may until {until:%H:%M:%S} UTC"
        return _wait(self._cycle, words, "a snapshot that was taken after that", for_another_snapshot=True)

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
        due = RequiredOrder.close(self._row, seen, self._planned)
        claim = "start_rollback again, and send the order that it names"
        send = claim if self._row.rollback_failed else "unless its closing order is on its way, send it"
        message = (
            f"{self._snapshot.exchange} still holds {plain(seen.quantity)}: {send}; then roll_back with its fills, or "
            "look again"
        )
        return self._propose(Action.ROLL_BACK, message, due)

    def _held(self, seen: PositionReport) -> Proposal:
        row = self._row
        if differs := self._findings.get(DiscrepancyKind.QUANTITY):
            if unit := self._findings.get(DiscrepancyKind.UNIT):
                return self._wait(differs.message, unit.message)
            if self._first.state.strays:
                held = f"what of it is held in cycles that are over: see {self._compared()}"
                return self._wait(differs.message, held)
        if order := self._entry_order():
            self._caution = f"; its entry order {order.order_id} still rests, so more may be filled"
            if row.exchange_order_id is None:
                self._send(RecordEntryPlaced, exchange_order_id=order.order_id, client_order_id=order.client_order_id)
        if row.outcome_unknown or DiscrepancyKind.QUANTITY in self._findings or DiscrepancyKind.PRICE in self._findings:
            held = f"{self._snapshot.exchange} holds {seen.side.value} {plain(seen.quantity)}"
            self._send(Adjust, quantity=seen.quantity, avg_px_open=seen.avg_px_open, reason=self._why(held))
        elif DiscrepancyKind.MATCHED in self._findings and (proposal := self._promised_orders()):
            return proposal
        if seen.avg_px_open is None and row.avg_px_open is None:
            return self._unless_all_is_known("its average entry, without which no stop can be judged")
        if not self._found.shows_orders_of(row.symbol):
            missing = "whether a stop rests: the snapshot does not show all orders"
            return self._unless_all_is_known(missing, *self._order_doubts)
        return self._under_stop(seen)

    def _promised_orders(self) -> Proposal | None:
        """The proposal about promised orders without news; None when the stop has to be judged as well."""
        row, found, needed = self._row, self._found, self._found.rules.confirmations
        resting, waits = [], 0
        for order in unanswered(row) if found.shows_orders_of(row.symbol) else ():
            here = next((o for o in self._snapshot.orders or () if o.client_order_id == order.client_order_id), None)
            if here is not None:
                resting.append(f"{order.name} rests at the exchange as {here.order_id}")
                if order.role == "entry":
                    self._send(
                        RecordEntryPlaced, client_order_id=order.client_order_id, exchange_order_id=here.order_id
                    )
            elif (count := found.confirming.unanswered(self._first.state, row, order)) >= needed:
                why = self._why(
                    f"{self._snapshot.exchange} shows no such order, and holds what the ledger does; if it was filled, "
                    "and the ledger corrected since, its fills may come late"
                )
                self._send(EndOrder, client_order_id=order.client_order_id, outcome="expired", reason=why)
            else:
                waits = max(waits, needed - count)
        is_else = row.status is not Status.ACTIVE or row.unprotected_since is not None
        if is_else or not _STOPS.isdisjoint(self._findings):
            return None
        if not found.shows_orders_of(row.symbol):
            return self._unless_all_is_known("what became of the orders that it promised", *self._order_doubts)
        if waits:
            words = "an order that it promised is not at the exchange"
            return _wait(self._cycle, words, f"{waits} more snapshots, apart in time", for_another_snapshot=True)
        if self._commands:
            return self._propose(Action.FINISH, "; ".join(resting) or "the orders that it promised rest no more")
        return self._propose(Action.LEAVE, "; ".join(resting))

    def _under_stop(self, seen: PositionReport) -> Proposal:
        row, needed = self._row, self._found.rules.confirmations
        if until := self._replaces_stop_until():
            return self._unless_all_is_known(
                f"until {until:%H:%M:%S} UTC its bot may be replacing its stop: a snapshot that was taken after that"
            )
        stays = {stop.name: stop for stop in stops_left(row.orders)}
        for lost in self._of(DiscrepancyKind.LOST_STOP):
            if lost.confirmations < needed:
                words = f"{lost.message}, by {lost.confirmations} of {needed} snapshots"
                missing = f"{needed - lost.confirmations} more, apart in time, before another one is placed"
                return _wait(self._cycle, words, missing, for_another_snapshot=True)
            assert lost.stop is not None, "a stop that was on record"
            named = lost.stop.exchange_order_id or lost.stop.name if len(stays) > 1 else None
            self._send(LoseStopLoss, exchange_order_id=named, reason=self._why(lost.message))
            del stays[lost.stop.name]
        moved = self._of(DiscrepancyKind.MOVED_STOP)
        is_active = row.status is Status.ACTIVE
        if not is_active and any(is_beyond_entry(each.order, seen, row) for each in moved):
            return self._stop_due(
                seen, "its stop locks in profit, which ends no entry: place one on the losing side", seen.quantity
            )
        is_bare = DiscrepancyKind.UNPROTECTED in self._findings
        ends_entry = (
            not is_active and not is_bare and (row.protection == "bot" or self._would_cover(seen, stays, moved))
        )
        for number, each in enumerate(moved, 1):
            stop = fields_of_stop(each.order, seen, row, each.stop)
            self._send(SetStopLoss, **stop, activate=ends_entry and number == len(moved))
        if is_bare:
            return self._rest_due(seen)
        if moved and (is_active or ends_entry):
            return self._propose(Action.FINISH, f"it is at the exchange, under {_stops(moved)}")
        if row.protection == "bot":
            if not is_active:
                self._send(Activate)
            return self._propose(Action.FINISH, f"it is at the exchange, {BY_CHOICE}")
        if not stays or not (is_active or ends_entry):
            return self._unless_all_is_known(
                "the price of its stop, which the exchange does not say: send set_stop_loss with it"
            )
        if not is_active:
            self._send(Activate)
        return self._propose(Action.FINISH, f"it is at the exchange, under its stop {_named(row)}")

    def _replaces_stop_until(self) -> datetime | None:
        """The end of the time that the bot of an active cycle had for another stop when the snapshot was taken.

        Shape: None for what is bare since the snapshot itself, from which it was corrected.
        """
        since, taken_at = self._row.unprotected_since, self._snapshot.taken_at
        if self._row.status is not Status.ACTIVE or since is None or taken_at is None:
            return None
        until = later(since, UNPROTECTED_MAX)
        return until if since < taken_at < until else None

    def _would_cover(self, seen: PositionReport, stays: Mapping[str, Order], moved: Sequence[Discrepancy]) -> bool:
        """Whether the ledger would call it protected with these stops recorded; one of unknown price does not count."""
        stops = dict(stays)
        for number, each in enumerate(moved):
            stop = Order(
                name=f"stop.new{number}" if each.stop is None else each.stop.name,
                price=price_of_stop(each.order, seen),
                requested_qty=None if each.order is None else each.order.left,
            )
            stops[stop.name] = stop
        entry = self._row.avg_px_open if seen.avg_px_open is None else seen.avg_px_open
        return covers(Orders.of(stops.values()), self._row.side, seen.quantity, entry)

    def _of(self, kind: DiscrepancyKind) -> list[Discrepancy]:
        return [each for each in self._all if each.kind is kind]

    def _stop_due(self, seen: PositionReport, message: str, lacking: Decimal) -> Proposal:
        held = f"{self._snapshot.exchange} holds {seen.side.value} {plain(seen.quantity)}"
        due = RequiredOrder.stop(self._row, seen, self._planned, lacking)
        return self._propose(Action.PROTECT, f"{held}; {message}", due)

    def _rest_due(self, seen: PositionReport) -> Proposal:
        """The proposal to place a stop for the uncovered part; a stop for all of it would close more than is held."""
        lacking = cover_of(seen, self._row, self._snapshot.orders or ()).lacking
        whose = f"its stops leave {plain(lacking)} of it bare" if lacking < seen.quantity else "no stop covers it"
        how = "place one, then set_stop_loss with its id and quantity, or look again"
        return self._stop_due(seen, f"{whose}: {how}", lacking)

    @property
    def _order_doubts(self) -> Sequence[str]:
        """Why an order that it does not show may rest all the same; else, which of its rows cannot be read."""
        return [*self._snapshot.order_doubts, *self._found.order_doubts] or self._snapshot.row_doubts

    def _unless_all_is_known(self, *missing: str) -> Proposal:
        return Proposal(
            cycle=self._cycle,
            action=Action.FINISH if self._commands else Action.WAIT,
            message=f"{self._snapshot.exchange} holds it, and does not say enough to call it done",
            commands=tuple(self._commands),
            missing=missing,
        )

    # -- the proposal -----------------------------------------------------------------------------------------------

    def _wait(self, message: str, *missing: str) -> Proposal:
        return _wait(self._cycle, message, *missing)

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
        version = self._first.state.version + self._ahead + len(self._commands)
        command = kind.of(
            position_id=row.position_id,
            **fields,
            command_id=snapshot.command_id("recover", row.position_id, version, kind.verb, self._reason),
            expected_version=version,
            at=snapshot.taken_at,
            source=Source.RECOVERY,
            metadata={"reason": self._reason, "snapshots": [each.evidence for each in self._found.confirming.trusted]},
        )
        self._commands.append(Correction(command, self._first))


def _stops(moved: Sequence[Discrepancy]) -> str:
    """The stops as words: `a stop at 3.3, order s2`, or `stops …; …`."""
    each = []
    for found in moved:
        assert found.position is not None, "a stop of a position"
        price = price_of_stop(found.order, found.position)
        assert price is not None, "else it could not have been taken over"
        each.append(f"at {plain(price)}" + ("" if found.order is None else f", order {found.order.order_id}"))
    return f"a stop {each[0]}" if len(each) == 1 else f"stops {'; '.join(each)}"


def _named(row: PositionRow) -> str:
    return row.stop_order_id or "at " + ("" if row.stop_price is None else plain(row.stop_price))
