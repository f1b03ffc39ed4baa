"""Conversations about orders, counted by the ledger and by the oracle: both give the same numbers to the last digit."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from hypothesis import given as tried_on
from hypothesis import strategies as st

from domain.commands import order_requests as o
from domain.commands.base import Command
from domain.commands.requests import Close, RecordEntryFill, RecordEntryPlaced, Reduce, SetStopLoss
from tests.oracle import Oracle, OracleOrder, stops_cover
from tests.spec import CYCLE, Story, given, on, request

QUANTITIES = st.integers(1, 40).map(lambda n: Decimal(n) / 8)
PRICES = st.integers(400, 1600).map(lambda n: Decimal(n) / 16)
FEES = st.integers(-4, 40).map(lambda n: Decimal(n) / 100)


@dataclass
class Told:
    """What was told to both of them."""

    story: Story
    oracle: Oracle = field(default_factory=Oracle)
    stops: dict[str, tuple[Fraction, Fraction | None]] = field(default_factory=dict)

    def send(self, command: Command) -> None:
        self.story.when(command).needs_acceptance()

    def order(self, number: int) -> OracleOrder:
        return self.oracle.entries.setdefault(f"e{number}", OracleOrder())


@st.composite
def orders(draw: st.DrawFn) -> Told:
    """Up to four entry orders, their statements and fills in any order, redeliveries, fees, funding and stops."""
    told = Told(given(request(side="long", quantity="1000", signal_price=None)))
    count = draw(st.integers(1, 4))
    for number in range(1, count):
        told.send(on(o.RequestIncrease, quantity="1000", intent_id=f"dca{number}"))
    pieces: list[tuple[str, int, Decimal, Decimal, Decimal]] = []
    for number in range(count):
        intent = f"dca{number}" if number else "5483266"
        told.send(on(RecordEntryPlaced, exchange_order_id=f"e{number}", intent_id=intent))
        fills = range(draw(st.integers(1, 3)))
        pieces += [("fill", number, draw(QUANTITIES), draw(PRICES), draw(FEES)) for _ in fills]
        if draw(st.booleans()):
            pieces.append(("state", number, draw(QUANTITIES), draw(PRICES), Decimal(0)))
    for index, (kind, number, qty, px, fee) in enumerate(draw(st.permutations(pieces))):
        order, exchange_id = told.order(number), f"e{number}"
        if kind == "state":
            told.send(on(RecordEntryPlaced, exchange_order_id=exchange_id, filled_qty=qty, avg_px=px))
            if Fraction(qty) > order.filled:
                order.stated, order.stated_worth = Fraction(qty), Fraction(qty) * Fraction(px)
            continue
        fill = on(
            RecordEntryFill,
            trade_id=f"t{index // 2}",  # one trade id on two orders is two fills
            last_qty=qty,
            last_px=px,
            fee=fee,
            exchange_order_id=exchange_id,
        )
        if f"t{index // 2}" in order.fills:
            continue
        told.send(fill)
        order.fills[f"t{index // 2}"] = (Fraction(qty), Fraction(px))
        told.oracle.fees += Fraction(fee)
        if draw(st.booleans()):
            told.story.when(fill).no_news()
    return told


def exact(text: str | None) -> Fraction:
    assert text is not None, "known"
    return Fraction(text)


STOPS = st.lists(st.tuples(PRICES, st.none() | QUANTITIES), max_size=4)


@tried_on(orders(), STOPS, st.data())
def test_the_ledger_counts_what_the_oracle_counts(
    told: Told, stops: list[tuple[Decimal, Decimal | None]], data: st.DataObject
) -> None:
    what_is_held_and_what_it_cost_is_what_its_orders_say(told)
    it_is_protected_when_its_stops_cover_it(told, stops)
    profit_and_net_over_the_whole_cycle_are_exact(told, data)


def what_is_held_and_what_it_cost_is_what_its_orders_say(told: Told) -> None:
    row = told.story.rows[CYCLE]
    position = told.story.position
    assert position is not None
    assert Fraction(row.quantity) == told.oracle.entered
    assert Fraction(position.state.holding.cost or 0) == told.oracle.cost
    assert Fraction(row.fees) == told.oracle.fees
    average = told.oracle.cost / told.oracle.entered
    assert abs(Fraction(row.avg_px_open or 0) - average) <= Fraction(1, 2 * 10**18)
    for name, order in told.oracle.entries.items():
        of_row = next(each for each in row.orders.values() if each.exchange_order_id == name)
        assert Fraction(of_row.filled_qty) == order.filled


def profit_and_net_over_the_whole_cycle_are_exact(told: Told, data: st.DataObject) -> None:
    left, number = told.oracle.entered, 0
    while left:
        some = Fraction(data.draw(QUANTITIES))
        part = left if number == 3 or some > left else some
        px, fee = data.draw(PRICES), data.draw(FEES)
        qty = Decimal(part.numerator) / Decimal(part.denominator)
        told.send(on(Reduce, trade_id=f"x{number}", last_qty=qty, last_px=px, fee=fee))
        told.oracle.exits.append((part, Fraction(px)))
        told.oracle.fees += Fraction(fee)
        left, number = left - part, number + 1
        if data.draw(st.booleans()):
            amount = data.draw(FEES.filter(bool))
            told.send(on(o.RecordCash, kind="funding", amount=amount, cash_id=f"f{number}"))
            told.oracle.cash += Fraction(amount)
    told.send(on(Close, exit_reason="done"))
    row = told.story.rows[CYCLE].as_json()
    assert exact(row["realized_pnl"]) == told.oracle.profit
    assert exact(row["fees"]) == told.oracle.fees
    assert exact(row["net_pnl"]) == told.oracle.net


def it_is_protected_when_its_stops_cover_it(told: Told, stops: list[tuple[Decimal, Decimal | None]]) -> None:
    entry = told.oracle.cost / told.oracle.entered
    live: dict[str, tuple[Fraction, Fraction | None]] = {}
    for number, (price, quantity) in enumerate(stops):
        if Fraction(price) >= entry:
            continue
        told.send(on(SetStopLoss, stop_price=price, quantity=quantity, exchange_order_id=f"s{number}"))
        if quantity is None:
            live = {name: stop for name, stop in live.items() if stop[1] is not None}
        live[f"s{number}"] = (Fraction(price), None if quantity is None else Fraction(quantity))
    assert told.story.rows[CYCLE].protected is stops_cover(live, told.oracle.entered, entry)
