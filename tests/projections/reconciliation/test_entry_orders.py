"""Which of the orders at an exchange is, or may be, the entry of a cycle."""

from __future__ import annotations

from dataclasses import replace

import pytest

from projections.account_snapshot import OrderReport
from projections.reconciliation.entry_orders import entry_order, may_rest
from tests.projections.seen import limit, rows_of
from tests.spec import ENTERED, PLACED, request

(ROW,) = rows_of(request(), PLACED)
OURS = limit("APTUSDT", "sell", "53190368")
THEIRS = limit("APTUSDT", "sell", "9")


def test_an_entry_order_is_known_by_either_id_and_by_its_symbol() -> None:
    named = limit("APTUSDT", "sell", "9", client_order_id=ROW.client_order_id)
    for order in (OURS, named):
        assert entry_order(ROW, [THEIRS, order]) == order
    assert entry_order(ROW, [THEIRS, limit("XMRUSDT", "sell", "53190368")]) is None, "ids are those of a symbol"
    assert entry_order(ROW, None) is None


@pytest.mark.parametrize(
    ("order", "may_be"),
    [
        (THEIRS, True),
        (replace(OURS, side=None), True),
        (limit("APTUSDT", "buy", "9"), False),
        (limit("APTUSDT", "sell", "9", reduce_only=True), False),
        (limit("XMRUSDT", "sell", "9"), False),
    ],
    ids=["another id", "ours, on a side that is not said", "the other side", "it only reduces", "another symbol"],
)
def test_an_order_that_opens_may_be_the_entry_while_it_is_under_way(order: OrderReport, *, may_be: bool) -> None:
    assert may_rest(ROW, [order]) is may_be
    (active,) = rows_of(*ENTERED)
    assert not may_rest(active, [order])
