"""The import of facts key by key: new facts are decided, and facts that the ledger has are compared."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from domain.identifiers import PositionKey
from domain.values import EXACT, Leg, plain, rounded, timestamp_text
from infrastructure.event_store.codec import decode
from infrastructure.event_store.port import Store
from infrastructure.ledger.aggregate_cache import AggregateCache, CachedPosition
from infrastructure.transfer.statements.intake.cash_recording import PastCash
from infrastructure.transfer.statements.intake.command_ids import (
    CLOSES,
    FEE_OF,
    cash_id_of,
    command_id_of,
    is_sum,
    sum_id_of,
    turned_id_of,
)
from infrastructure.transfer.statements.intake.decided_events import DecidedEvents
from infrastructure.transfer.statements.intake.key_fold import KeyFold
from infrastructure.transfer.statements.intake.key_past import OF_MANY, PAID_APART, KeyPast, is_of_amount
from infrastructure.transfer.statements.intake.lookahead import Lookahead
from infrastructure.transfer.statements.intake.sorting.sorted_facts import FactsByKey, PlacedFact, SortedFacts
from infrastructure.transfer.statements.sources.statement_row import MADE_UP
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFill, StatementPosition
from infrastructure.transfer.statements.statement_report import StatementTally
from infrastructure.transfer.transfer_errors import StatementRefused
from projections.positions import PositionRow
from projections.progress import Progress

FACTS_AT_ONCE: Final = 500
"""After how many facts of a key their events are passed on."""
_NONE_OPEN: Final = "no cycle was open then"
_TWO_LEGS: Final = "the file names no leg, and both were held"


class KeyIntake:
    """The facts of all files, imported key by key and recorded at one time."""

    def __init__(
        self,
        store: Store,
        facts: SortedFacts,
        tally: StatementTally,
        recorded_at: datetime,
        of_two_legs: Collection[PositionKey],
    ) -> None:
        """Prepare the import; `of_two_legs` are the keys with payments that may be of either leg."""
        self.cache, self.tally, self.recorded_at = AggregateCache(store), tally, recorded_at
        self.of_two_legs = of_two_legs
        self._store, self.facts = store, facts

    def run(self, keys: FactsByKey, decided: DecidedEvents, progress: Progress) -> None:
        """Decide the new facts of some keys. Refuses: StatementRefused."""
        for key, placed in keys:
            self.tally.begin_key()
            held = self.cache.load(key.stream)  # before the history: a later write is in that, or leads to a conflict
            with closing(KeyPast(key, map(decode, self._store.history(key.stream)))) as past:
                ahead = Lookahead(placed)
                self._take_key(key, ahead, _OneKey(self, decided, held, past, ahead, progress=progress))
        decided.end()

    def _take_key(self, key: PositionKey, placed: Lookahead[PlacedFact], intake: _OneKey) -> None:
        try:
            for fact in placed:
                intake.take(fact)
            last = intake.end()
        except StatementRefused as refused:
            raise self.facts.refusal(intake.file, refused) from None
        self.tally.end_key(key, last, *self.facts.profit_in_all(key))


class _OneKey:
    """The facts of one key, beside what the ledger has of it."""

    def __init__(
        self,
        intake: KeyIntake,
        decided: DecidedEvents,
        held: CachedPosition,
        past: KeyPast,
        placed: Lookahead[PlacedFact],
        *,
        progress: Progress,
    ) -> None:
        self._held, self._past, key = held, past, past.key
        self._key, self._tally, self._decided = key, intake.tally, decided
        self._fold = KeyFold(key, self._held.position, intake.recorded_at, intake.tally)
        self._past_cash = PastCash(intake.cache, self._held, intake.recorded_at, intake.tally, decided)
        self._why_none = _TWO_LEGS if key in intake.of_two_legs else _NONE_OPEN
        self._facts, self._placed, self._progress = intake.facts, placed, progress
        self._taken = 0
        """How many facts were taken since events were collected."""
        self.file = 0
        """The number of the current file, for refusals."""
        self._listed: dict[tuple[str, bool], tuple[int, StatementFill, Decimal]] = {}
        """By order that the ledger has as a sum: the file, the last of its single fills, and their total quantity."""
        self._beside: list[tuple[int, StatementFill]] = []
        """New fills in the second of the last fill of the ledger."""
        self._waiting: list[StatementCash] = []
        """Payments at the current time, at which a cycle may still begin."""
        self._paid: list[tuple[int, StatementCash]] = []
        """The files and the payments of the last moments that were not left out for another one."""

    def take(self, placed: PlacedFact) -> None:
        self.file, fact = placed
        if self._waiting and fact.time > self._waiting[0].time:
            self._end_moment()
        match fact:
            case StatementFill():
                self._take_fill(fact)
            case StatementCash():
                self._take_cash(fact)
            case StatementPosition():
                self._take_held(fact)
        self._taken += 1
        if self._taken >= FACTS_AT_ONCE:
            self._collect()

    def _take_held(self, held: StatementPosition) -> None:
        if held.begins and self._fold.begin_with(held):
            return
        is_without_fees = held.begins and self._key.leg is Leg.SPOT
        if not is_without_fees and (self._past.until is None or held.time >= self._past.until):
            self._tally.held(self._key, held.time, held.quantity, self._fold.signed_quantity)

    def _collect(self) -> None:
        self._fold.collect(self._decided, self._held.head)
        self._decided.counted(self._taken)
        self._progress(self._taken)
        self._taken = 0

    def _ahead(self) -> Iterator[StatementFill]:
        return (each.fact for each in self._placed.ahead() if isinstance(each.fact, StatementFill))

    def end(self) -> PositionRow | None:
        self._check_listed()
        self._check_beside()
        self._end_moment()
        self._fold.end()
        self._collect()
        return self._held.position.row

    def _take_fill(self, fill: StatementFill) -> None:
        self._tally.fills += 1
        until = self._past.until
        if until is not None:
            if self._past.has(command_id_of(fill)):
                self._past.last_second.tell_again(fill)
                if (since := self._since(fill)) is None:
                    self._tally.fills_before += 1
                    self._look_at_first(fill, until)
                    self._add_fee(fill)
                    return
                fill = since
            elif self._is_in_other_form(fill):
                self._tally.fills_before += 1
                return
            if fill.time < until:
                raise StatementRefused.at(
                    fill.line,
                    f"this fill of {self._key} at {timestamp_text(fill.time)} is not in the ledger, which goes on "
                    f"until {timestamp_text(until)} already; what is older has to be imported first, into another "
                    "ledger",
                )
            if self._past.last_second.is_of_it(fill):
                self._beside.append((self.file, fill))
            if (closed := self._past.amount(turned_id_of(fill))) is not None:
                fill = fill.covering().split(closed)[1]
        try:
            self._fold.take_fill(fill, self._facts.ordered, self._ahead)
        except StatementRefused:
            if not self._facts.has_other_side(fill):
                raise
            raise StatementRefused.at(
                fill.line,
                f"order {fill.order_id} of {self._key} buys and sells, so that it is the id of something else than an "
                "order; read the file by a map, with --map, that does not name the column as order_id",
            ) from None

    def _is_in_other_form(self, fill: StatementFill) -> bool:
        """Whether the ledger has the single fills of a sum, or the sum of the order of a single fill."""
        if is_sum(fill):
            known = self._past.order(fill.order_id, buys=fill.buys)
            if known is not None and known.quantity != fill.quantity:
                raise self._of_other_quantity(fill, known.quantity, fill.quantity)
            return known is not None
        if self._past.amount(sum_id_of(fill)) is None:
            return False
        before = self._listed.get((fill.order_id, fill.buys))
        listed = EXACT.add(fill.quantity, Decimal(0) if before is None else before[-1])
        self._listed[fill.order_id, fill.buys] = self.file, fill, listed
        return True

    def _of_other_quantity(self, fill: StatementFill, known: Decimal, said: Decimal) -> StatementRefused:
        return StatementRefused.at(
            fill.line,
            f"order {fill.order_id} of {self._key} is in the ledger with {plain(known)} filled, and here with "
            f"{plain(said)}; import what lists all of its fills into another ledger",
        )

    def _check_listed(self) -> None:
        for file, fill, listed in self._listed.values():
            self.file = file
            known = self._past.order(fill.order_id, buys=fill.buys)
            assert known is not None, "the sum is on record"
            if known.quantity != listed:
                raise self._of_other_quantity(fill, known.quantity, listed)

    def _check_beside(self) -> None:
        """Refuses: StatementRefused for a fill that the ledger may have under another id. Called after all fills."""
        for file, fill in self._beside:
            self.file = file
            if (known := self._past.last_second.maybe(fill)) is not None:
                raise StatementRefused.at(
                    fill.line,
                    f"this fill of {self._key} at {timestamp_text(fill.time)} may be trade {known.trade_id} of "
                    f"{plain(known.last_qty)} that the ledger has of that second, or a part of it: they have no id in "
                    "common. Export from before then, in the way that it was exported before; what is made up of other "
                    "fills now goes into another ledger",
                )

    def _look_at_first(self, fill: StatementFill, until: datetime) -> None:
        """Note a fill without an id that is the last of the ledger and the first of its file: it may be another one."""
        is_alike = fill.time == until and fill.trade_id.startswith(MADE_UP) and not self._past.is_of_one_moment
        if is_alike and self._facts.begins_at(self.file, until):
            self._tally.found(
                f"{self._key}: line {fill.line:,}, with which its file begins, is equal to the last fill that the "
                "ledger has, and has no id: it is taken for that. If it is another one, export from before it"
            )

    def _add_fee(self, fill: StatementFill) -> None:
        """Record the fee of a fill that the ledger has without one, because its file was cut, or did not say it.

        Shape: not of an order that is summed up, because what was filled of it since has the fee of all of it. Of a
               fill that turned the position both parts have their share, but a fee in kind is that of what it opened,
               which is on record with all that was bought.
        """
        if not fill.fee or is_sum(fill) or self._past.cycle_without_fee(command_id_of(fill)) is None:
            return
        parts = {command_id_of(fill): fill}
        if (closed := self._past.amount(turned_id_of(fill))) is not None and not fill.is_fee_in_kind:
            parts = dict(zip((turned_id_of(fill), command_id_of(fill)), fill.split(closed), strict=True))
        for command_id, part in parts.items():
            cycle = self._past.cycle_without_fee(command_id)
            if cycle is None or not part.fee:
                continue
            cash = StatementCash(
                line=fill.line,
                time=fill.time,
                key=fill.key,
                amount=EXACT.minus(part.fee),
                currency=fill.fee_currency,
                kind="commission",
                cash_id=f"{FEE_OF}{command_id}",
                trade_id=fill.trade_id,
            )
            self._tally.payments += 1
            if self._past.has(cash_id_of(cash)):
                self._tally.payments_before += 1
                self._check_amount(cash)
            elif self._past.has_commissions:
                self._tally.leave_out(cash, "the ledger has commissions that name no fill, and may have this fee")
            else:
                self._record_before(cash, cycle)

    def _since(self, fill: StatementFill) -> StatementFill | None:
        """What was filled since the ledger recorded the sum of an order that was open then; None for nothing.

        Refuses: StatementRefused for another fill that `sums_up` and has changed, because a recorded fill cannot be
                 changed, and for one whose fee reduces what it bought and in the ledger does not: its other fees would
                 be counted beside that one.
        """
        command_id, turned_id = command_id_of(fill), turned_id_of(fill)
        known = self._past.amount(command_id)
        if known is None:
            return None
        known = EXACT.add(known, self._past.amount(turned_id) or Decimal(0))
        if known != fill.quantity and is_sum(fill):
            return self._filled_since(fill)
        if known != fill.covering().quantity:
            self._check(fill, "quantity", known, fill.quantity)
        if fill.is_fee_in_kind:
            self._check_in_kind(fill, *self._past.fee(command_id))
        says_fee = fill.sums_up and fill.fee is not None
        if says_fee and (is_sum(fill) or self._past.cycle_without_fee(command_id) is None):
            paid = EXACT.add(self._past.fee(command_id)[0], self._past.fee(turned_id)[0])
            self._check(fill, "fee", paid, fill.fee or Decimal(0))
        return None

    def _filled_since(self, fill: StatementFill) -> StatementFill | None:
        """What was filled of an order since its sum was recorded, at the price that gives the average of the order."""
        more = replace(fill, trade_id=f"{fill.trade_id}:{plain(fill.quantity)}")
        ids = command_id_of(more), turned_id_of(more)
        if self._past.has(ids[0]):
            return None
        before = self._past.order(fill.order_id, buys=fill.buys, but=ids)
        assert before is not None, "its sum is on record"
        quantity = EXACT.subtract(fill.quantity, before.quantity)
        worth = EXACT.subtract(self._past.worth(fill.quantity, fill.price), before.worth)
        if quantity <= 0 or worth <= 0 or (fill.fee is not None and before.fee_currencies - {fill.fee_currency}):
            raise self._of_other_quantity(fill, before.quantity, fill.quantity)
        price = EXACT.divide(quantity, worth) if self._key.is_inverse else EXACT.divide(worth, quantity)
        fee = None if fill.fee is None else EXACT.subtract(fill.fee, before.fee)
        return replace(more, quantity=quantity, price=rounded(price), fee=fee)

    def _check_in_kind(self, fill: StatementFill, paid: Decimal, currency: str | None) -> None:
        if paid and not self._key.pays_from_position(paid, currency):
            raise StatementRefused.at(
                fill.line,
                f"trade {fill.trade_id} of {self._key} is in the ledger with a fee of {plain(paid)} "
                f"{currency or self._key.settle}, and here it pays {fill.fee_currency} of what it bought; import the "
                "file into another ledger",
            )

    def _check(self, fill: StatementFill, what: str, known: Decimal, said: Decimal) -> None:
        if known != said:
            raise StatementRefused.at(
                fill.line,
                f"trade {fill.trade_id} of {self._key} is in the ledger with a {what} of {plain(known)}, and here it "
                f"has {plain(said)}; import the file into another ledger, or the single fills from the start",
            )

    def _take_cash(self, cash: StatementCash) -> None:
        self._tally.payments += 1
        if self._past.has(cash_id_of(cash)):
            self._tally.payments_before += 1
            self._check_amount(cash)
        elif self._past.has_alike(cash):
            self._tally.leave_out(cash, "the ledger has the same from another kind of file, under another id")
        elif self._is_paid_alike(cash):
            self._tally.leave_out(cash, "another file has the same under another id")
        elif self._past.has_fees and cash.may_be_fee_of_fill and (cash.trade_id is None or self._past.has_made_up):
            self._tally.leave_out(cash, "the fills that the ledger has say their fees")
        elif self._past.until is None or cash.time > self._past.until:
            self._waiting.append(cash)
            if self._fold.cycle_at(cash.time) is not None:
                self._end_moment()
        elif (cycle := self._past.cycle_at(cash.time)) is None:
            self._tally.leave_out(cash, self._why_none)
        else:
            self._record_before(cash, cycle)

    def _is_paid_alike(self, cash: StatementCash) -> bool:
        """Whether another file has an equal payment but for its id; `KeyPast.has_alike` asks the same of the ledger."""
        self._paid = [(file, paid) for file, paid in self._paid if cash.time - paid.time <= PAID_APART]
        is_alike = cash.kind not in OF_MANY and any(
            file != self.file and paid.kind == cash.kind and is_of_amount(cash, paid.amount, paid.currency)
            for file, paid in self._paid
        )
        if not is_alike:
            self._paid.append((self.file, cash))
        return is_alike

    def _record_before(self, cash: StatementCash, cycle: int) -> None:
        """Record a payment in a cycle that the ledger has."""
        if cycle == self._held.position.cycle:
            self._fold.take_cash(cash)
            self._fold.close_flat(cash.line, self._past.until or cash.time, cash_id_of(cash) + CLOSES)
        else:
            self._collect()
            self._past_cash.take(cash, cycle)

    def _check_amount(self, cash: StatementCash) -> None:
        known = self._past.amount(cash_id_of(cash))
        if known is not None and known != cash.amount:
            raise StatementRefused.at(
                cash.line,
                f"payment {cash.cash_id} of {self._key} is in the ledger with {plain(known)}, and here with "
                f"{plain(cash.amount)}; import the file into another ledger",
            )

    def _end_moment(self) -> None:
        for cash in self._waiting:
            if self._fold.cycle_at(cash.time) is None:
                self._tally.leave_out(cash, self._why_none)
            else:
                self._fold.take_cash(cash)
        self._waiting = []
