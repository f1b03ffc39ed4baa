"""A state machine that sends commands as bots and exchanges do, and tells the oracle the same facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.aggregate.row_fold import project
from domain.commands.base import Command
from domain.commands.order_requests import (
    CorrectFill,
    DefineInstrument,
    EndOrder,
    RecordCash,
    RequestExit,
    RequestIncrease,
)
from domain.commands.requests import (
    Activate,
    Close,
    LoseStopLoss,
    RecordEntryFill,
    RecordEntryPlaced,
    Reduce,
    RequestEntry,
    SetStopLoss,
)
from domain.errors import CommandRefused, NotProtected, PositionAlreadyOpen, WrongSideStop, WrongStatus
from domain.values import Status
from infrastructure.event_store.codec import decode
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt
from projections.positions import PositionRow
from tests.campaign.money import EntryOrder, Money, Terms, covers, fraction

START: Final = datetime(2026, 1, 5, 10, tzinfo=UTC)
LATE: Final = timedelta(days=400)
QUANTITIES: Final = st.integers(1, 40).map(lambda n: Decimal(n) / 8)
PRICES: Final = st.integers(400, 1600).map(lambda n: Decimal(n) / 16)
FEES: Final = st.none() | st.tuples(
    st.integers(-4, 40).map(lambda n: Decimal(n) / 100), st.sampled_from([None, None, "SETTLE", "BNB", "HYPE"])
)
Fee = tuple[Decimal, str | None] | None
"""An amount, and its currency if one is said; `SETTLE` stands for the one that the position is settled in."""
KINDS: Final = {
    "linear": ("ETH/USDT:USDT", None, Terms(), "USDT"),
    "contracts": ("DOGE/USDT:USDT", "1000", Terms(Fraction(1000)), "USDT"),
    "inverse": ("BTC/USD:BTC", None, Terms(inverse=True), "BTC"),
    "inverse contracts": ("ETH/USD:ETH", "10", Terms(Fraction(10), inverse=True), "ETH"),
    "spot": ("SHIB/USDT", None, Terms(), "USDT"),
}
"""Symbol, contract size, what the oracle knows of it, and the settlement currency."""
ROUNDED: Final = Fraction(1, 2 * 10**18)
"""What one partial exit may round: its share of the cost."""


class Conversation(RuleBasedStateMachine):
    """One key of one instrument; the facts of its cycles, told to both."""

    def __init__(self) -> None:
        """Open an empty ledger."""
        super().__init__()
        self.now = START
        self.ledger = self.opened()
        self.numbers = 0
        self.cycles: dict[str, Money] = {}
        self.current: str | None = None
        self.clients: dict[str, str] = {}
        self.stops: dict[str, tuple[Fraction, Fraction | None]] = {}
        self.entry_fills: dict[str, tuple[str, Decimal, Decimal]] = {}
        self.entry_fees: dict[str, Fee] = {}
        self.exits = 0
        self.told: dict[str, tuple[dict[str, str], dict[str, tuple[str, Decimal, Decimal]]]] = {}
        self.answers: list[tuple[Command, Receipt]] = []

    @property
    def url(self) -> str:
        """Where the next empty ledger is."""
        return "sqlite:///:memory:"

    def opened(self) -> PositionLedger:
        """A ledger that is empty, with the clock of the conversation."""
        ledger = PositionLedger.connect(self.url)
        return PositionLedger(ledger.store, clock=lambda: self.now)

    def teardown(self) -> None:
        """Prove the whole of it once more, from what is stored."""
        found = verify(self.ledger.store)
        assert found.ok, found.findings
        self.ledger.disconnect()

    # -- saying something -----------------------------------------------------------------------------------------

    def next(self, prefix: str) -> str:
        self.numbers += 1
        return f"{prefix}{self.numbers}"

    def send(self, verb: type[Command], **fields: Any) -> Receipt:
        """Send what must be accepted."""
        self.now += timedelta(seconds=10)
        command = verb.of(command_id=self.next("c"), at=self.now, **fields)
        receipt = self.ledger.handle(command)
        self.answers.append((command, receipt))
        return receipt

    def on(self, verb: type[Command], **fields: Any) -> Receipt:
        return self.send(verb, position_id=self.current, **fields)

    @property
    def money(self) -> Money:
        assert self.current is not None, "a cycle"
        return self.cycles[self.current]

    @property
    def row(self) -> PositionRow:
        assert self.current is not None, "a cycle"
        return self.ledger.position(self.current)

    @initialize(kind=st.sampled_from([*KINDS]), is_long=st.booleans())
    def begin(self, *, kind: str, is_long: bool) -> None:
        symbol, size, self.terms, self.currency = KINDS[kind]
        self.is_spot = kind == "spot"
        self.is_long = is_long or self.is_spot
        self.place: dict[str, Any] = {
            "symbol": symbol,
            "exchange": "bybit",
            **({"leg": "SPOT"} if self.is_spot else {}),
        }
        if size is not None:
            self.send(DefineInstrument, **self.place, contract_size=size)

    def fee(self, fee: Fee) -> dict[str, Any]:
        if fee is None:
            return {}
        currency = self.currency if fee[1] == "SETTLE" else fee[1]
        return {"fee": fee[0], **({} if currency is None else {"fee_currency": currency})}

    def paid(self, fee: Fee) -> None:
        if fee is not None:
            self.money.pay(Fraction(fee[0]), "" if fee[1] in (None, "SETTLE") else str(fee[1]))

    def paid_back(self, fee: Fee) -> None:
        if fee is not None:
            self.paid((-fee[0], fee[1]))

    # -- what bots and exchanges say ------------------------------------------------------------------------------

    @precondition(lambda self: self.current is None)
    @rule()
    def request_entry(self) -> None:
        side = "long" if self.is_long else "short"
        receipt = self.send(RequestEntry, **self.place, side=side, quantity="100000", intent_id=self.next("i"))
        assert receipt.may_order and receipt.client_order_id is not None
        self.current = receipt.position_id
        assert self.current not in self.cycles
        self.cycles[self.current] = Money(self.is_long, self.terms)
        self.clients = {self.next("e"): receipt.client_order_id}
        self.stops, self.entry_fills = {}, {}
        self.told[self.current] = (self.clients, self.entry_fills)
        for name, client in self.clients.items():
            self.on(RecordEntryPlaced, exchange_order_id=name, client_order_id=client)
            self.money.orders[name] = EntryOrder()

    @precondition(lambda self: self.current is not None)
    @rule()
    def a_second_entry_is_refused(self) -> None:
        side = "long" if self.is_long else "short"
        before = self.row
        try:
            self.send(RequestEntry, **self.place, side=side, quantity="1", intent_id=self.next("i"))
        except PositionAlreadyOpen:
            assert self.row == before
            return
        raise AssertionError("a second cycle was opened")

    @precondition(lambda self: self.current is not None and len(self.clients) < 4)
    @rule()
    def request_increase(self) -> None:
        if self.money.closed and not self.money.quantity:
            self.nothing_is_added_to_what_was_all_closed()
            return
        receipt = self.on(RequestIncrease, quantity="100000", intent_id=self.next("i"))
        assert receipt.may_order and receipt.client_order_id is not None
        name = self.next("e")
        self.on(RecordEntryPlaced, exchange_order_id=name, client_order_id=receipt.client_order_id)
        self.clients[name] = receipt.client_order_id
        self.money.orders[name] = EntryOrder()

    def nothing_is_added_to_what_was_all_closed(self) -> None:
        try:
            self.on(RequestIncrease, quantity="100000", intent_id=self.next("i"))
        except WrongStatus:
            return
        raise AssertionError("something was added to what is gone")

    @precondition(lambda self: self.current is not None)
    @rule(data=st.data(), qty=QUANTITIES, px=st.none() | PRICES)
    def state(self, data: st.DataObject, qty: Decimal, px: Decimal | None) -> None:
        name = data.draw(st.sampled_from([*self.clients]))
        priced = {} if px is None else {"avg_px": px}
        self.on(RecordEntryPlaced, exchange_order_id=name, filled_qty=qty, **priced)
        self.money.state(name, Fraction(qty), fraction(px))

    @precondition(lambda self: self.current is not None)
    @rule(data=st.data(), qty=QUANTITIES, px=PRICES, fee=FEES, by_client=st.booleans())
    def fill(self, *, data: st.DataObject, qty: Decimal, px: Decimal, fee: Fee, by_client: bool) -> None:
        name, trade_id = data.draw(st.sampled_from([*self.clients])), self.next("t")
        order = {"client_order_id": self.clients[name]} if by_client else {"exchange_order_id": name}
        told: dict[str, Any] = {"trade_id": trade_id, "last_qty": qty, "last_px": px, **order}
        can_pay = self.is_spot and fee is not None and 0 < fee[0] <= self.row.quantity
        in_base = can_pay and data.draw(st.booleans())
        if in_base and fee is not None:
            base = min(fee[0], qty / 4)
            told |= {"fee": base, "fee_currency": "SHIB"}
        else:
            told |= self.fee(fee)
        self.on(RecordEntryFill, **told)
        self.money.fill(name, trade_id, Fraction(qty), Fraction(px))
        self.entry_fills[trade_id] = (name, qty, px)
        if in_base:
            self.money.shrink(Fraction(told["fee"]))
        else:
            self.paid(fee)
            self.entry_fees[trade_id] = fee
        again = self.on(RecordEntryFill, **told)
        assert again.outcome == "replayed"

    @precondition(lambda self: self.current is not None and self.entry_fills and not self.is_spot)
    @rule(data=st.data(), qty=st.just(Decimal()) | QUANTITIES, px=PRICES)
    def correct_an_entry(self, data: st.DataObject, qty: Decimal, px: Decimal) -> None:
        trade_id = data.draw(st.sampled_from([*self.entry_fills]))
        name = self.entry_fills[trade_id][0]
        if self.money.closed and self.money.would_hold(name, trade_id, Fraction(qty)) <= 0:
            return
        said = {"void": True} if not qty else {"last_qty": qty, "last_px": px}
        self.on(CorrectFill, trade_id=trade_id, reason="corrected", **said)
        self.money.correct(name, trade_id, Fraction(qty), Fraction(px))
        self.entry_fills[trade_id] = (name, qty, px)
        if not qty:
            del self.entry_fills[trade_id]
            self.paid_back(self.entry_fees.pop(trade_id, None))

    @precondition(lambda self: self.current is not None and self.money.quantity > 0)
    @rule(data=st.data(), px=PRICES, fee=FEES, is_all=st.booleans(), qty=QUANTITIES)
    def exit(self, *, data: st.DataObject, px: Decimal, fee: Fee, is_all: bool, qty: Decimal) -> None:
        held = self.row.quantity
        part = held if is_all else min(held, qty)
        order: dict[str, Any] = {}
        if data.draw(st.booleans()):
            asked = self.on(RequestExit, quantity=part, reason="signal", intent_id=self.next("i"))
            assert asked.may_order and asked.close_quantity == part
            order = {"client_order_id": asked.client_order_id}
        told = {"trade_id": self.next("x"), "last_qty": part, "last_px": px, **self.fee(fee), **order}
        self.on(Reduce, **told)
        self.money.exit(Fraction(part), Fraction(px))
        self.exits += 1
        self.paid(fee)
        assert self.on(Reduce, **told).outcome == "replayed"

    @precondition(lambda self: self.current is not None)
    @rule(amount=st.integers(-40, 40).filter(bool).map(lambda n: Decimal(n) / 100))
    def receive(self, amount: Decimal) -> None:
        told = {"kind": "funding", "amount": amount, "cash_id": self.next("f")}
        self.on(RecordCash, **told)
        self.money.cash += Fraction(amount)
        assert self.on(RecordCash, **told).outcome == "replayed"

    @precondition(lambda self: self.current is not None and self.money.quantity > 0 and self.money.average is not None)
    @rule(px=PRICES, qty=st.none() | QUANTITIES)
    def set_stop(self, px: Decimal, qty: Decimal | None) -> None:
        name = self.next("s")
        fields = {} if qty is None else {"quantity": qty}
        average = self.money.average
        is_right = average is None or (px < average if self.is_long else px > average)
        try:
            self.on(SetStopLoss, stop_price=px, exchange_order_id=name, **fields)
        except WrongSideStop:
            assert not is_right
            return
        assert is_right
        if qty is None:
            self.stops = {stop: known for stop, known in self.stops.items() if known[1] is not None}
        self.stops[name] = (Fraction(px), fraction(qty))

    @precondition(lambda self: self.current is not None and self.stops)
    @rule(data=st.data(), ends=st.booleans())
    def lose_stop(self, *, data: st.DataObject, ends: bool) -> None:
        name = data.draw(st.sampled_from([*self.stops]))
        if ends:
            self.on(EndOrder, exchange_order_id=name, outcome="canceled")
        else:
            self.on(LoseStopLoss, exchange_order_id=name, reason="gone")
        del self.stops[name]

    @precondition(lambda self: self.current is not None and self.row.status is not Status.ACTIVE)
    @rule()
    def activate(self) -> None:
        try:
            self.on(Activate)
        except NotProtected:
            assert not self.is_covered
        except CommandRefused:
            assert not self.money.quantity or self.money.average is None or not self.is_covered
        else:
            assert self.is_covered

    @property
    def is_covered(self) -> bool:
        average = self.money.average
        if average is None:
            return False
        return covers(self.stops, self.money.quantity, average, is_long=self.is_long)

    @precondition(lambda self: self.current is not None and (self.row.filled_qty or self.row.status is Status.ACTIVE))
    @rule(px=st.none() | PRICES, data=st.data(), fee=FEES)
    def close(self, px: Decimal | None, data: st.DataObject, fee: Fee) -> None:
        held = self.row.quantity
        self.on(
            Close, exit_reason="signal", dust=False, **({} if px is None else {"avg_px_close": px}), **self.fee(fee)
        )
        self.paid(fee)
        if held:
            self.money.exit(Fraction(held), fraction(px))
        while held and px is None and self.money.owed is not None and data.draw(st.booleans()):
            left = self.money.owed[0]
            part = Fraction(data.draw(QUANTITIES))
            qty = min(part, left) if data.draw(st.booleans()) else left
            price = data.draw(PRICES)
            number = Decimal(qty.numerator) / Decimal(qty.denominator)
            receipt = self.on(Reduce, trade_id=self.next("x"), last_qty=number, last_px=price)
            assert receipt.status is Status.CLOSED
            self.money.explain(qty, Fraction(price))
        self.money.is_open = False
        self.compare(str(self.current), self.money)
        self.current, self.stops = None, {}

    @precondition(lambda self: self.current is not None and self.money.quantity > 0 and not self.is_spot)
    @rule(px=PRICES, more=QUANTITIES, fee=FEES)
    def flip(self, px: Decimal, more: Decimal, fee: Fee) -> None:
        held = self.row.quantity
        told = {"trade_id": self.next("x"), "last_qty": held + more, "last_px": px, **self.fee(fee)}
        self.on(Reduce, flip=True, **told)
        before, closed = self.current, self.money
        closed.exit(Fraction(held), Fraction(px))
        closed.is_open = False
        (opened,) = [row for row in self.ledger.positions(open=True) if row.position_id not in self.cycles]
        self.current, self.is_long = opened.position_id, not self.is_long
        money = Money(self.is_long, self.terms)
        money.orders["flip"] = EntryOrder(
            fills={"flip": (Fraction(more), self.terms.worth(Fraction(more), Fraction(px)))}
        )
        money.quantity, money.cost = Fraction(more), self.terms.worth(Fraction(more), Fraction(px))
        self.cycles[self.current] = money
        if fee is not None:
            currency = "" if fee[1] in (None, "SETTLE") else str(fee[1])
            share = fraction(self.ledger.position(str(before)).fees if not currency else None)
            paid = Fraction(round(Fraction(fee[0]) * Fraction(held) / Fraction(held + more) * 10**18), 10**18)
            closed.pay(paid, currency)
            money.pay(Fraction(fee[0]) - paid, currency)
            assert share is None or share == closed.fees.get("", Fraction(0))
        self.clients, self.stops, self.entry_fills = {}, {}, {}
        self.told[self.current] = (self.clients, self.entry_fills)
        self.request_increase()

    @precondition(lambda self: self.current is None and self.told)
    @rule(data=st.data(), qty=QUANTITIES, px=PRICES, fee=FEES)
    def a_late_fill_takes_the_slot_back(self, data: st.DataObject, qty: Decimal, px: Decimal, fee: Fee) -> None:
        last = [*self.told][-1]
        self.clients, self.entry_fills = self.told[last]
        self.current, self.is_long, self.stops = last, self.cycles[last].is_long, {}
        before = self.money.quantity, [order.filled for order in self.money.orders.values()]
        self.fill(data=data, qty=qty, px=px, fee=fee, by_client=data.draw(st.booleans()))
        is_news = [order.filled for order in self.money.orders.values()] != before[1]
        self.money.is_open = is_news
        assert self.row.status.is_open is is_news
        if not is_news:
            self.current = None

    @precondition(lambda self: self.current is not None and len(self.told) > 1)
    @rule(data=st.data(), qty=QUANTITIES, px=PRICES, sold=PRICES)
    def a_stray_is_closed_beside_the_cycle_that_has_the_slot(
        self, data: st.DataObject, qty: Decimal, px: Decimal, sold: Decimal
    ) -> None:
        now, clients, fills, stops, is_long = self.current, self.clients, self.entry_fills, self.stops, self.is_long
        last = data.draw(st.sampled_from([each for each in self.told if each != now]))
        self.clients, self.entry_fills = self.told[last]
        self.current, self.is_long, self.stops = last, self.cycles[last].is_long, {}
        self.fill(data=data, qty=qty, px=px, fee=None, by_client=False)
        row = self.row
        assert row.stray is bool(row.quantity)
        assert not row.status.is_open
        if row.stray:
            assert last in {each.position_id for each in self.ledger.positions(unprotected=True)}
            self.on(Reduce, trade_id=self.next("x"), last_qty=row.quantity, last_px=sold)
            self.money.exit(Fraction(row.quantity), Fraction(sold))
            self.exits += 1
        self.compare(last, self.money)
        self.current, self.clients, self.entry_fills, self.stops, self.is_long = now, clients, fills, stops, is_long

    # -- what must hold -------------------------------------------------------------------------------------------

    @invariant()
    def all_agree(self) -> None:
        """The row is what the oracle says, the fold of the stream is the row, and answers can be asked for again."""
        if self.current is not None:
            self.compare(self.current, self.money)
        open_rows = [row for row in self.ledger.positions(open=True) if row.status.is_open]
        assert len(open_rows) <= 1
        if self.answers:
            command, receipt = self.answers[-1]
            again = self.ledger.handle(command)
            assert again == replace(receipt, outcome="replayed", may_order=False) or receipt.outcome == "replayed"

    def compare(self, position_id: str, money: Money) -> None:
        row = self.ledger.position(position_id)
        history = self.ledger.history(position_id)
        folded: PositionRow | None = None
        for entry in history:
            folded = project(folded, entry.event)
        assert folded == row
        stored = [*self.ledger.store.history(row.stream)]
        assert [each.originator_version for each in stored] == [*range(1, len(stored) + 1)]
        assert all(decode(each).position_id for each in stored)
        rounding = ROUNDED * (self.exits + 2) * len(money.orders)
        assert Fraction(row.quantity) == money.quantity
        fees = {"": row.fees, **row.fees_other}
        assert {name: Fraction(paid) for name, paid in fees.items() if paid} == {
            name: paid for name, paid in money.fees.items() if paid
        }
        assert sum((Fraction(amount) for amount in row.cash.values()), Fraction(0)) == money.cash
        if money.is_open:
            near(row.realized_pnl, money.profit, rounding)
            average = money.average
            near(row.avg_px_open if row.quantity else None, average, Fraction(1, 10**12))
            assert not money.quantity or row.protected is self.is_covered
        else:
            near(row.realized_pnl, money.profit, rounding if row.inverse else Fraction(0))
            near(row.net_pnl, money.net, rounding if row.inverse else Fraction(0))


def near(found: Decimal | None, right: Fraction | None, apart: Fraction) -> None:
    assert (found is None) == (right is None), (found, right)
    if found is not None and right is not None:
        assert abs(Fraction(found) - right) <= apart, (found, float(right))
