"""Position: commands decide, `evolve` remembers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Any, Final

from domain import commands as c
from domain import events as e
from domain.errors import (
    AlreadyActive,
    CommandRefused,
    EntryAlreadyPlaced,
    EntryHasFills,
    EvidenceMissing,
    IdempotencyMismatch,
    NotFilled,
    NotFlat,
    NothingToClose,
    NothingToRollBack,
    NotProtected,
    PositionAlreadyOpen,
    PositionNotOpen,
    ReduceExceedsPosition,
    StaleCycle,
    UnknownPosition,
    VersionConflict,
    WrongSideStop,
    WrongStatus,
)
from domain.holding import ZERO, Holding
from domain.key import PositionKey, client_order_id
from domain.memory import Answer, Memory
from domain.stop import Stop, is_losing_side
from domain.values import EXACT, Side, Status, plain


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the edge knows of a command: its id, when it happened, and when it is written."""

    command_id: str
    ts_event: datetime
    ts_recorded: datetime

    @classmethod
    def of(cls, command: c.Command) -> Stamp:
        """The stamp of a command that carries its own."""
        assert command.command_id is not None, "a command without a stamp has an id"
        assert command.at is not None, "a command without a stamp has a time"
        return cls(command.command_id, command.at, command.at)


class Position(Memory):
    """One key: what the bots may do there next. What they did is its memory."""

    def decide(self, command: c.Command, stamp: Stamp | None = None) -> Answer:
        """Check every rule for one command and record what follows from it, or refuse and record nothing.

        Shape:   the answer; `pending_events` are what is new, none of them when it was answered before.
        Refuses: CommandRefused. Without a stamp the command must carry its own: here is no clock and no randomness.
        """
        stamp = stamp or Stamp.of(command)
        if answer := self.answers.get(stamp.command_id):
            return self._same(answer, command, f"command_id {stamp.command_id}")
        self._recording = _Recording(command, stamp, self.version)
        try:
            with localcontext(EXACT):  # whatever the caller's context would round to
                no_news = _METHODS[type(command)](self, command)
        finally:
            del self._recording
        return no_news or self.answers[stamp.command_id]

    def _same(self, answer: Answer, command: c.Command, what: str) -> Answer:
        if answer.request != command.digest:
            raise IdempotencyMismatch(
                f"{what} was accepted before with other content, as {' + '.join(answer.events) or 'a fill'} of "
                f"{answer.position_id}; send the same content again, or another id for another command",
                position_id=answer.position_id,
            )
        return answer

    def _no_news(self, command: c.Command) -> Answer:
        assert self.status is not None, "a cycle"
        return Answer(command.digest, self.position_id, self.version, self.status, (), self.client_order_id)

    def _record(self, event_class: type[e.PositionEvent], **fields: Any) -> None:
        """Trigger the next event, stamped with the command that it answers."""
        recording = self._recording
        command = recording.command
        if command.expected_version not in (None, recording.version):
            raise VersionConflict(
                f"{self.id} is at version {recording.version}, not {command.expected_version} as expected; look again "
                "before you decide",
                version=recording.version,
                expected_version=command.expected_version,
            )
        event = event_class(
            originator_id=self.id,
            originator_version=self.version + 1,
            command_id=recording.stamp.command_id,
            request=command.digest,
            cycle=fields.pop("cycle", self.cycle),
            ts_event=recording.stamp.ts_event,
            ts_recorded=max(recording.stamp.ts_recorded, self.modified_on),
            source=command.source,
            metadata=command.metadata,
            **fields,
        )
        event.mutate(self)
        self.pending_events.append(event)

    def _needs_open(self, command: c.Command) -> Side:
        """Refuse unless the cycle that the command names holds the slot; answer its side."""
        if command.cycle is not None and (command.cycle > self.last_cycle or self.status is None):
            raise UnknownPosition(
                f"{self.id}#{command.cycle} is not known; "
                + (f"the last cycle is {self.id}#{self.last_cycle}" if self.last_cycle else f"{self.id} has no cycles"),
            )
        assert self.status is not None, "a known cycle"
        if command.cycle != self.cycle or (not self.is_open and self.cycle != self.last_cycle):
            raise StaleCycle(
                f"{self.id}#{command.cycle} is over; the current cycle is "
                f"#{self.cycle if self.is_open else self.last_cycle}, and cycles share nothing",
                position_id=f"{self.id}#{command.cycle}",
            )
        if not self.is_open:
            raise PositionNotOpen(
                f"{self.position_id} is {self.status.value}: it is over, and nothing can be done to it",
                position_id=self.position_id,
                status=self.status.value,
            )
        assert self.side is not None, "an open cycle has a side"
        return self.side

    def _refused(self, rule: type[CommandRefused], why: str) -> CommandRefused:
        assert self.status is not None, "a cycle"
        return rule(f"{self.position_id} {why}", position_id=self.position_id, status=self.status.value)

    def _needs_right_side(self, side: Side, stop_price: Decimal, reference: Decimal | None, what: str) -> None:
        if reference is not None and not is_losing_side(side, stop_price, reference):
            wanted = "below" if side is Side.LONG else "above"
            raise WrongSideStop(
                f"a stop at {plain(stop_price)} would trigger at once: that of a {side.value} stands {wanted} its "
                f"{what} of {plain(reference)}"
                + (", unless it locks in profit (locks_profit) on an active position" if what == "entry" else ""),
                stop_price=plain(stop_price),
                reference=plain(reference),
                side=side.value,
            )

    def _needs_free_slot(self, command: c.RequestEntry | c.RecordEntryPlaced | c.Adopt) -> Answer | None:
        """Refuse while another intent holds the slot; the same intent again gets its first answer."""
        if not self.is_open:
            return None
        assert self.status is not None, "open"
        intent = getattr(command, "intent_id", None)
        if intent is not None and intent == self.intent_id:
            return self._same(next(iter(self.answers.values())), command, f"intent_id {intent}")
        raise PositionAlreadyOpen(
            self.position_id,
            self.status,
            since=self.opened_at,
            at=self._recording.stamp.ts_event,
            holder=self.intent_id,
            asked=intent,
        )

    def request_entry(self, command: c.RequestEntry) -> Answer | None:
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

    def record_entry_placed(self, command: c.RecordEntryPlaced) -> Answer | None:
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

    def _open_after_the_fact(self, command: c.RecordEntryPlaced) -> Answer | None:
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

    def record_entry_fill(self, command: c.RecordEntryFill) -> Answer | None:
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

    def _known_trade(self, command: c.RecordEntryFill | c.Reduce) -> Answer | None:
        known = self.trades.get(command.trade_id)
        if known is None:
            return None
        answer = self._no_news(command)
        if known != command.digest:
            raise IdempotencyMismatch(
                f"trade_id {command.trade_id} of {self.position_id} is on record with other content; a fill never "
                "changes, so look which of the two is wrong",
                position_id=self.position_id,
            )
        return answer

    def _other_currency(self, currency: str | None) -> str | None:
        if currency is None or PositionKey.parse(self.id).is_settled_in(currency):
            return None
        return currency.upper()

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

    def set_stop_loss(self, command: c.SetStopLoss) -> Answer | None:
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

    def lose_stop_loss(self, command: c.LoseStopLoss) -> Answer | None:
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

    def reduce(self, command: c.Reduce) -> Answer | None:
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

    def adjust(self, command: c.Adjust) -> Answer | None:
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

    def start_rollback(self, command: c.StartRollback) -> None:
        """Promise to undo the entry, before the closing order is sent: its side and quantity are ours to say.

        Shape:   -> rolling_back. Refuses: NothingToRollBack, WrongStatus while another rollback is on its way.
        """
        side = self._needs_open(command)
        if self.status is Status.ROLLING_BACK and not self.rollback_failed:
            raise self._refused(WrongStatus, "is rolling_back already; say roll_back or fail_rollback how it went")
        if not self.holding.quantity:
            raise self._refused(
                NothingToRollBack,
                "has nothing on record that could be closed; if the exchange holds something, adjust to it first, "
                "else fail_entry",
            )
        self._record(
            e.RollbackStarted,
            reason=command.reason,
            close_side=side.closing_order,
            close_quantity=self.holding.quantity,
            client_order_id=client_order_id(self.position_id, f"rollback{self.rollbacks or ''}", self.intent_id),
        )

    def roll_back(self, command: c.RollBack) -> None:
        """End a rollback, with the proof that nothing is left.

        Shape:   rolling_back -> rolled_back. Refuses: EvidenceMissing, NotFlat, WrongStatus.
        """
        side = self._needs_open(command)
        if self.status is not Status.ROLLING_BACK:
            raise self._refused(WrongStatus, f"is {self.status}; start_rollback comes before the closing order")
        proof = command.evidence
        if proof is None or proof.says_nothing:
            raise self._refused(
                EvidenceMissing,
                "is flat only with a proof: send evidence, as closing_order_id, fills, or position_quantity 0",
            )
        if proof.position_quantity:
            raise self._refused(NotFlat, f"has {plain(proof.position_quantity)} left at the exchange; fail_rollback")
        held = self.holding
        if proof.fills:
            fills = {fill.trade_id: fill for fill in proof.fills}
            if any(fills[fill.trade_id] != fill for fill in proof.fills):
                raise self._refused(IdempotencyMismatch, "has one trade_id twice in the evidence, with other content")
            new = [fill for fill in fills.values() if fill.trade_id not in self.trades]
            total = sum((fill.last_qty for fill in new), ZERO)
            if total != held.quantity:
                raise self._refused(
                    NotFlat, f"holds {plain(held.quantity)}, but the closing fills add up to {plain(total)}"
                )
            for fill in new:
                held = held.with_exit(side, fill.last_qty, fill.last_px)
                held = held.with_fee(fill.fee, self._other_currency(fill.fee_currency))
        elif held.quantity:
            held = held.with_exit(side, held.quantity, None)
        self._record(e.RolledBack, reason=command.reason, evidence=proof, holding=held)

    def fail_rollback(self, command: c.FailRollback) -> None:
        """Note what the compensating close left at the exchange; the slot stays taken.

        Shape: rolling_back stays, flagged; what is left is what we hold. Refuses: WrongStatus.
        """
        side = self._needs_open(command)
        if self.status is not Status.ROLLING_BACK:
            raise self._refused(WrongStatus, f"is {self.status}; no rollback is on its way")
        held, left = self.holding, command.residual_qty
        if left < held.quantity:
            held = held.with_exit(side, held.quantity - left, None)
        elif left > held.quantity:
            held = held.corrected(left, held.avg_px_open)
        self._record(
            e.RollbackFailed,
            reason=command.reason,
            residual_qty=command.residual_qty,
            holding=held,
        )

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

    def import_position(self, command: c.ImportPosition) -> None:
        """Take in one row of the legacy table as it stands.

        Shape: a cycle of any status. Refuses: PositionAlreadyOpen for a second open row of one key.
        """
        if command.status.is_open and self.is_open:
            assert self.status is not None, "open"
            raise PositionAlreadyOpen(
                self.position_id, self.status, since=self.opened_at, at=self._recording.stamp.ts_event,
                holder=self.intent_id, asked=command.intent_id,
            )  # fmt: skip
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


@dataclass(frozen=True, slots=True)
class _Recording:
    command: c.Command
    stamp: Stamp
    version: int


_METHODS: Final[dict[type[c.Command], Callable[..., Answer | None]]] = {
    c.RequestEntry: Position.request_entry,
    c.RecordEntryPlaced: Position.record_entry_placed,
    c.RecordEntryFill: Position.record_entry_fill,
    c.RecordEntryUnknown: Position.record_entry_unknown,
    c.FailEntry: Position.fail_entry,
    c.SetStopLoss: Position.set_stop_loss,
    c.LoseStopLoss: Position.lose_stop_loss,
    c.Activate: Position.activate,
    c.Reduce: Position.reduce,
    c.Adjust: Position.adjust,
    c.Adopt: Position.adopt,
    c.StartRollback: Position.start_rollback,
    c.RollBack: Position.roll_back,
    c.FailRollback: Position.fail_rollback,
    c.Close: Position.close,
    c.ImportPosition: Position.import_position,
}
