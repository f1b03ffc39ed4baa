"""The orders of a cycle: the indexes beside them agree with a search through all of them, however many there are."""

from __future__ import annotations

import time
from decimal import Decimal
from statistics import median
from typing import Final

import pytest
from hypothesis import given as tried_on
from hypothesis import strategies as st

from domain.aggregate.position import Position
from domain.commands.base import Command
from domain.commands.requests import Adopt, RecordEntryFill, Reduce
from domain.errors import CommandRefused
from domain.orders import cycle_orders
from domain.orders.cycle_orders import Orders, covers, of_role
from domain.orders.order import Order
from domain.values import Side
from tests.spec import CYCLE, on, second
from tests.strategies import KEY, conversations

_NAMES: Final = ["entry", "entry.2", "stop.1", "stop.2", "target.1", "exit.1", "exit.2", "rollback"]
_SOME: Final = st.sampled_from([Decimal(0), Decimal(1), Decimal(3)])
_ORDERS: Final = st.builds(
    Order,
    name=st.sampled_from(_NAMES),
    client_order_id=st.sampled_from([None, "c1", "c2", "c3"]),
    exchange_order_id=st.sampled_from([None, "x1"]),
    requested_qty=st.sampled_from([None, Decimal(3)]),
    stated_qty=_SOME,
    traded_qty=_SOME,
    ended=st.sampled_from([None, "canceled"]),
)


@tried_on(st.lists(_ORDERS, max_size=40), st.integers(0, 40), st.sampled_from([0, 3, 16]))
def test_what_is_kept_is_what_looking_through_all_would_find(told: list[Order], until: int, few: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cycle_orders, "_FEW", few)
        needs_what_all_say(told, until)


def needs_what_all_say(told: list[Order], until: int) -> None:
    orders, known = Orders.of(), dict[str, Order]()
    then = orders
    for number, order in enumerate(told):
        if number == until:
            then = orders
        orders, known[order.name] = orders.with_order(order), order
    assert [*orders.items()] == [*known.items()] and orders == Orders.of(known.values())
    for made in (orders, Orders.of(known.values())):
        assert made.unsettled() == [order for order in known.values() if not order.is_settled]
        for role in ("entry", "stop", "target", "exit", "rollback"):
            mine = [order for order in known.values() if order.role == role]
            assert [*of_role(made, role)] == mine and made.count(role) == len(mine)
            assert made.live(role) == [order for order in mine if order.is_live]
        for filled, is_entry in ((made.entered(), True), (made.closed(), False)):
            mine = [order for order in known.values() if (order.role == "entry") is is_entry]
            worths = [order.worth for order in mine if order.worth is not None]
            assert filled == (sum(each.filled_qty for each in mine), sum(worths), len(mine) - len(worths))
    places = {name: place for place, name in enumerate(known)}
    changed = [order for order in known.values() if then.get(order.name) is not order]
    assert sorted(orders.changed_since(then)) == [(places[order.name], order) for order in changed]


@pytest.mark.parametrize("few", [0, 16])
def test_an_order_is_found_by_our_id_under_the_name_that_had_it_first(
    few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cycle_orders, "_FEW", few)
    orders = Orders.of([Order(name="entry", client_order_id="c1")])
    orders = orders.with_order(Order(name="exit.1", client_order_id="c2"))
    orders = orders.with_order(Order(name="exit.1", client_order_id="c2", exchange_order_id="x1"))
    assert [order and order.name for order in map(orders.of_client, ("c1", "c2", "c3"))] == ["entry", "exit.1", None]
    found = orders.of_client("c2")
    assert found is not None and found.exchange_order_id == "x1", "as it is now"


@pytest.mark.parametrize(
    ("order", "settled"),
    [
        (Order(name="exit.1", client_order_id="c", exchange_order_id="x", requested_qty=Decimal(1)), False),
        (Order(name="exit.1", client_order_id="c", exchange_order_id="x"), False),
        (Order(name="exit.1", client_order_id="c", exchange_order_id="x", ended="canceled"), True),
        (Order(name="exit.1", exchange_order_id="x", traded_qty=Decimal(1)), True),
        (Order(name="exit.1", exchange_order_id="x", stated_qty=Decimal(1)), False),
        (Order(name="exit.1", exchange_order_id="x", stated_qty=Decimal(1), ended="filled"), False),
        (Order(name="entry", client_order_id="c", requested_qty=Decimal(1), traded_qty=Decimal(1)), False),
        (
            Order(
                name="entry",
                client_order_id="c",
                exchange_order_id="x",
                requested_qty=Decimal(1),
                traded_qty=Decimal(1),
            ),
            True,
        ),
        (Order(name="stop.1", exchange_order_id="x", requested_qty=Decimal(1), traded_qty=Decimal(1)), False),
        (Order(name="stop.1", exchange_order_id="x", ended="lost"), True),
    ],
)
def test_an_order_is_settled_when_nobody_waits_for_anything_of_it(order: Order, settled: bool) -> None:  # noqa: FBT001 - a case
    assert order.is_settled is settled


def _answers(sent: list[Command]) -> list[object]:
    position = Position.track(KEY)
    answers: list[object] = []
    for command in sent:
        try:
            answers.append(position.decide(command))
        except CommandRefused as refused:
            answers.append((type(refused), refused.message))
    return [*answers, *position.collect_events(), position.row]


@tried_on(conversations(40), st.sampled_from([0, 2, 16]))
def test_an_order_that_is_settled_makes_no_difference(sent: list[Command], few: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cycle_orders, "_FEW", few)
        answers = _answers(sent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Order, "is_settled", property(lambda _: False))
        assert _answers(sent) == answers


def test_a_fill_costs_the_same_among_thousands_of_orders_as_among_a_few() -> None:
    """A market maker is never flat: its cycle has every order that it ever sent."""
    position = Position.track(KEY)
    adopted = {"symbol": KEY.symbol, "exchange": KEY.exchange, "side": "long", "reason": "held before"}
    position.decide(Adopt.of(**adopted, quantity="1000", avg_px_open="100", command_id="adopt", at=second(0)))
    taken: list[float] = []
    for number in range(6_000):
        verb = RecordEntryFill if number % 2 else Reduce
        ids = {"trade_id": f"t{number}", "exchange_order_id": f"x{number}", "command_id": f"c{number}"}
        command = on(verb, CYCLE, **ids, last_qty="1", last_px="100", at=second(number))
        began = time.perf_counter()
        position.decide(command)
        taken.append(time.perf_counter() - began)
    assert len(position.state.orders) == 6_000
    assert median(taken[-500:]) < 4 * median(taken[500:1_000])


def _stop(price: str, quantity: str | None = None, *, locks_profit: bool = False) -> Order:
    asked = None if quantity is None else Decimal(quantity)
    return Order(name="stop.1", price=Decimal(price), requested_qty=asked, locks_profit=locks_profit)


@pytest.mark.parametrize(
    ("stop", "is_cover"),
    [
        (_stop("98"), True),
        (_stop("98", "10"), True),
        (_stop("98", "10.000000000000000001"), True),
        (_stop("98", "9.999999999999999999"), False),
        (_stop("102"), False),
        (_stop("100"), False),
        (_stop("102", locks_profit=True), True),
        (_stop("102", "9", locks_profit=True), False),
    ],
    ids=str,
)
def test_a_stop_covers_all_of_a_position_or_none_of_it(stop: Order, *, is_cover: bool) -> None:
    assert covers(Orders.of([stop]), Side.LONG, Decimal(10), Decimal(100)) is is_cover


def test_no_stop_covers_at_an_average_price_that_is_not_known() -> None:
    assert not covers(Orders.of([_stop("98", locks_profit=True)]), Side.LONG, Decimal(10), None)
