"""Facts of an exchange arrive late, twice and in any order; in the end the ledger agrees with the exchange."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from hypothesis import given as tried_on
from hypothesis import strategies as st

from domain.aggregate.position import Position
from domain.commands.base import Command
from domain.commands.requests import RecordEntryFill, RecordEntryPlaced, Reduce
from domain.decisions.decision import CommandContext
from domain.errors import NothingToClose, ReduceExceedsPosition
from domain.holding import Holding
from domain.values import rounded
from tests.spec import on, request, second
from tests.strategies import KEY

ZERO = Decimal(0)


@dataclass(frozen=True)
class Order:
    """What really happened: the entry fills, and how much of them was sold again at 5."""

    fills: list[tuple[Decimal, Decimal]]
    sold: list[Decimal]

    def filled(self, until: int | None = None) -> Decimal:
        return sum((qty for qty, _ in self.fills[:until]), ZERO)

    def cost(self, until: int | None = None) -> Decimal:
        return sum((qty * px for qty, px in self.fills[:until]), ZERO)


@st.composite
def news(draw: st.DrawFn, *, is_timed: bool = True, is_sold: bool = False) -> tuple[Order, list[Command]]:
    """An order, and every fill and exit of it with statements of some moments between, shuffled, some of it again."""
    some = st.integers(1, 9).map(Decimal)
    order = Order(draw(st.lists(st.tuples(some, some), min_size=1, max_size=4)), [])
    left = int(order.filled())
    while is_sold and left and draw(st.booleans()):
        order.sold.append(Decimal(draw(st.integers(1, left))))
        left -= int(order.sold[-1])
    told: list[Command] = [
        on(RecordEntryFill, trade_id=f"t{n}", last_qty=qty, last_px=px, at=second(10 * n) if is_timed else None)
        for n, (qty, px) in enumerate(order.fills, start=1)
    ]
    for n in draw(st.lists(st.integers(0, len(order.fills)), max_size=3)):
        is_priced = n > 0 and draw(st.booleans())
        told.append(
            on(
                RecordEntryPlaced,
                exchange_order_id="1",
                filled_qty=order.filled(n) if n else ZERO,
                avg_px=rounded(order.cost(n) / order.filled(n)) if is_priced else None,
                at=second(10 * n + 5) if is_timed else None,
            )
        )
    exits = [
        on(Reduce, trade_id=f"x{n}", last_qty=qty, last_px="5", at=second(100 + n)) for n, qty in enumerate(order.sold)
    ]
    shuffled = draw(st.permutations([*told, *exits]))
    again = draw(st.lists(st.sampled_from(shuffled), max_size=3)) if is_timed else shuffled[:2]
    return order, [*shuffled, *again, *exits]  # an exit that came too early was refused, and is sent again


def held_after(order: Order, told: list[Command], *, unfilled: Decimal = ZERO) -> Holding:
    position = Position.track(KEY)
    position.decide(request(quantity=order.filled() + unfilled), CommandContext("entry", second(0), second(0)))
    for number, command in enumerate(told, start=1):
        with suppress(ReduceExceedsPosition, NothingToClose):
            position.decide(command, CommandContext(f"c{number}", command.at or second(number), second(number)))
    return position.state.holding


def needs_truth(held: Holding, order: Order) -> None:
    assert (held.quantity, held.filled_qty) == (order.filled(), order.filled())
    assert (held.cost, held.avg_px_open) == (order.cost(), rounded(order.cost() / order.filled()))


@tried_on(news(), st.sampled_from([ZERO, Decimal(5)]))
def test_fills_and_statements_in_any_order_and_again(told_of: tuple[Order, list[Command]], unfilled: Decimal) -> None:
    order, told = told_of
    needs_truth(held_after(order, told, unfilled=unfilled), order)


@tried_on(news(is_timed=False))
def test_an_order_that_was_filled_needs_no_times(told_of: tuple[Order, list[Command]]) -> None:
    order, told = told_of
    needs_truth(held_after(order, told), order)


@tried_on(news(is_sold=True))
def test_exits_among_the_news_of_the_entry(told_of: tuple[Order, list[Command]]) -> None:
    order, told = told_of
    held, sold = held_after(order, told), sum(order.sold, ZERO)
    assert (held.quantity, held.filled_qty, held.closed_qty) == (order.filled() - sold, order.filled(), sold)
