"""Several stops in the ledger and several at the exchange: which moved, which are new, which are gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from domain.commands.requests import Adopt, SetStopLoss
from projections.account_snapshot import OrderReport
from projections.reconciliation.aspects.stop_changes import stop_changes, to_note
from projections.reconciliation.aspects.stop_text import moved_text
from projections.reconciliation.stop_orders import cover_of
from tests.projections.seen import held, rows_of, stop
from tests.spec import on

HELD = Adopt.of(symbol="APTUSDT", exchange="binance", side="long", quantity="10", avg_px_open="100", reason="x")


def on_record(price: str, order_id: str | None = None, quantity: str | None = None) -> SetStopLoss:
    return on(SetStopLoss, stop_price=price, exchange_order_id=order_id, quantity=quantity)


def there(order_id: str, price: str | None = None, quantity: str | None = None, **fields: Any) -> OrderReport:
    return stop("APTUSDT", "sell", order_id, price, quantity, **fields)


def changed(
    recorded: Sequence[SetStopLoss], orders: Sequence[OrderReport], own: str | None = None
) -> tuple[list[tuple[str | None, str | None]], list[str]]:
    """What moved, as order and the name of what it was; and the names of what is gone."""
    (row,) = rows_of(HELD, *recorded)
    position = held("APTUSDT", "long", "10", "100", **({} if own is None else {"stop_price": own}))
    found = stop_changes(row, cover_of(position, row, orders))
    moved = [
        (None if each.order is None else each.order.order_id, None if each.was is None else each.was.name)
        for each in found.moved
    ]
    return moved, [each.name for each in found.lost]


LADDER = (on_record("95", "s1", "4"), on_record("90", "s2", "6"))


@pytest.mark.parametrize(
    ("orders", "moved", "lost"),
    [
        ([there("s1", "95", "4"), there("s2", "90", "6")], [], []),
        ([there("s2", "90", "6")], [], ["stop.1"]),
        ([there("s1", "95", "4"), there("s3", "89", "6")], [("s3", "stop.2")], []),
        ([there("s1", "96", "4"), there("s2", "90", "6")], [("s1", "stop.1")], []),
        (
            [there("s1", "95", "4"), there("s2", "90", "3"), there("s4", "80", "3")],
            [("s2", "stop.2"), ("s4", None)],
            [],
        ),
        ([there("s1", "95", "4"), there("s9", None, "6")], [], []),
        ([], [], ["stop.1", "stop.2"]),
    ],
    ids=["as on record", "one gone", "replaced", "moved", "a third", "of unknown price", "all gone"],
)
def test_each_stop_of_a_ladder_is_looked_for_on_its_own(
    orders: list[OrderReport], moved: list[tuple[str, str]], lost: list[str]
) -> None:
    assert changed(LADDER, orders) == (moved, lost)


@pytest.mark.parametrize(
    ("recorded", "orders", "own", "moved", "lost"),
    [
        ([on_record("90")], [], "90", [], []),
        ([on_record("90")], [], "91", [(None, "stop.1")], []),
        ([on_record("90")], [there("s1", "90")], "90", [], []),
        ([on_record("90")], [], None, [], ["stop.1"]),
        ([on_record("90", "s1")], [], "90", [], []),
        ([on_record("90", "s1")], [there("s1", "90")], "90", [], []),
        ([], [], "90", [(None, None)], []),
        ([], [there("s1", "90")], "90", [("s1", None)], []),
        ([on_record("90")], [there("s1", "90", "10")], None, [("s1", "stop.1")], []),
    ],
)
def test_a_stop_of_the_position_is_one_of_them(
    recorded: list[SetStopLoss],
    orders: list[OrderReport],
    own: str | None,
    moved: list[tuple[str | None, str | None]],
    lost: list[str],
) -> None:
    assert changed(recorded, orders, own) == (moved, lost)


def test_of_two_for_all_only_one_is_noted() -> None:
    assert changed([], [there("s1", "90"), there("s2", "91")])[0] == [("s1", None)]
    assert changed([on_record("90", "s1")], [there("s1", "90"), there("s2", "91")])[0] == []


def test_parts_that_are_on_record_and_only_reduce_are_no_duplicates_after_an_exit() -> None:
    (row,) = rows_of(HELD, *LADDER)
    reduced = held("APTUSDT", "long", "8", "100")
    parts = [there("s1", "95", "4"), there("s2", "90", "6")]
    assert not cover_of(reduced, row, parts).is_doubled
    assert cover_of(reduced, None, parts).is_doubled
    assert cover_of(reduced, row, [parts[0], there("s2", "90", "6", reduce_only=False)]).is_doubled


def test_all_parts_are_noted_with_what_is_adopted() -> None:
    cover = cover_of(held("APTUSDT", "long", "10", "100"), None, [there("s1", "95", "4"), there("s2", "90", "6")])
    assert [order.order_id for order in to_note(cover)] == ["s1", "s2"]


def test_a_second_stop_where_one_belongs_is_not_noted() -> None:
    both = [there("s1", "90", "10"), there("s2", "91", "10")]
    assert changed([on_record("90", "s1", "10")], both) == ([], [])
    assert changed([], both) == ([("s1", None)], [])


def test_what_differs_is_said_of_both() -> None:
    (row,) = rows_of(HELD, on_record("95", "s1"))
    cover = cover_of(held("APTUSDT", "long", "10", "100"), row, [there("s1", "95", "4")])
    (moved,) = stop_changes(row, cover).moved
    assert moved_text(moved, cover) == ("the stop is order s1 at 95 for 4; the ledger has order s1 at 95 for all of it")
    own = cover_of(held("APTUSDT", "long", "10", "100", stop_price="94"), row, [])
    (moved,) = stop_changes(row, own).moved
    assert moved_text(moved, own).endswith("at 94; the ledger has order s1 at 95 for all of it")
