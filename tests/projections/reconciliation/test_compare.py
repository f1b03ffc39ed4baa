"""What is compared of a position: what agrees, what differs, what is being opened, and what one side lacks."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from domain.commands.base import Command
from domain.commands.requests import (
    Close,
    RecordEntryFill,
    RecordEntryPlaced,
    RecordEntryUnknown,
    Reduce,
    SetStopLoss,
)
from domain.values import Status
from projections.account_snapshot import OrderReport
from projections.reconciliation.corrections import corrections
from projections.reconciliation.discrepancies import DiscrepancyKind
from projections.reconciliation.grace_periods import DEADLINES, is_overdue
from tests.projections.reconciliation.apt import (
    APT,
    AS_IN_LEDGER,
    BESIDE,
    HNT,
    ITS_STOP,
    OTHER,
    THERE,
    adopted,
    planned,
)
from tests.projections.seen import compared, held, limit, rows_of, seen, stop, told
from tests.spec import ENTERED, FILLED, PLACED, STOP, on, request, second

# -- the same on both sides -------------------------------------------------------------------------------------


def test_a_position_that_agrees_is_matched_and_nothing_is_done() -> None:
    found = compared(rows_of(*ENTERED), AS_IN_LEDGER)
    assert told(found) == [("matched", APT)]
    assert (found.is_reliable, found.problems, corrections(found)) == (True, [], [])


def test_what_agrees_is_matched_even_by_a_snapshot_that_the_ledger_has_overtaken() -> None:
    assert told(compared(rows_of(*ENTERED), seen(THERE, at=0.5))) == [("matched", APT)]


AHEAD = second(4 * 3600)
"""By a clock that was wrong, as where local times were imported as UTC."""


def test_a_time_that_is_yet_to_come_hides_nothing_that_the_exchange_shows() -> None:
    bare = seen(THERE, held("HNTUSDT", "long", "60", "1.75"), orders=[ITS_STOP])
    assert ("unprotected", HNT) in told(compared(rows_of(adopted(), *ENTERED), bare))
    rows = rows_of(adopted(at=AHEAD), *ENTERED)
    assert told(compared(rows, bare)) == told(compared(rows_of(adopted(), *ENTERED), bare))
    more = seen(THERE, held("HNTUSDT", "long", "59", "1.75"), orders=[ITS_STOP])
    assert ("quantity_mismatches", HNT) in told(compared(rows, more))


def test_what_began_at_a_time_that_is_yet_to_come_is_a_phantom_when_it_is_not_there() -> None:
    gone = [seen(THERE, orders=[ITS_STOP], at=at) for at in (500, 600)]
    (phantom,) = compared(rows_of(adopted(at=AHEAD), *ENTERED), *gone).of(DiscrepancyKind.PHANTOM)
    assert (phantom.name, phantom.confirmations) == (HNT, 2)
    rows = rows_of(request(at=AHEAD))
    assert told(compared(rows, seen(), trust_empty=True)) == [("phantoms", APT)]


def test_a_cycle_that_is_over_is_compared_with_nothing() -> None:
    over = (*ENTERED, on(Close, exit_reason="target"))
    assert told(compared(rows_of(*over), seen())) == []


# -- quantity, price, side --------------------------------------------------------------------------------------


def test_the_synchroniser_s_sighting_adjusts_the_position_that_is_there() -> None:
    """I-01: 61.8 at 3.2333 in the ledger, 61.0 at 3.2295 at the exchange 3.8 s later, within every deadline."""
    rows = rows_of(request(), on(RecordEntryPlaced, exchange_order_id="53190368", filled_qty="61.8", avg_px="3.2333"))
    found = compared(rows, seen(held("APTUSDT", "short", "61.0", "3.2295"), at=3.756398))
    assert told(found) == [("quantity_mismatches", APT), ("price_mismatches", APT)]
    assert planned(found) == ["adjust APTUSDT.binance#1 to 61 at 3.2295"]
    assert told(compared(rows_of(request(), PLACED), seen(THERE, at=3.7))) == [("being_opened", APT)]


def test_any_difference_of_quantity_counts() -> None:
    found = compared(rows_of(*ENTERED), seen(held("APTUSDT", "short", "61.80000001", "3.2333"), orders=[ITS_STOP]))
    assert told(found) == [("quantity_mismatches", APT)]


@pytest.mark.parametrize(
    ("price", "told_of"),
    [("3.2333", []), ("3.2333001", []), ("3.2334", ["price_mismatches"]), (None, [])],
)
def test_prices_agree_to_a_millionth(price: str | None, told_of: list[str]) -> None:
    found = compared(rows_of(*ENTERED), seen(held("APTUSDT", "short", "61.8", price), orders=[ITS_STOP]))
    assert [kind for kind, _ in told(found)] == ["matched", *told_of]


def test_the_cost_that_fills_tell_is_not_made_another_one_by_an_average_of_before_an_exit_was_told() -> None:
    def entered(trade_id: str, quantity: str, price: str) -> RecordEntryFill:
        return on(
            RecordEntryFill, trade_id=trade_id, last_qty=quantity, last_px=price, exchange_order_id=f"o{trade_id}"
        )

    first, later = entered("t1", "40", "3.3"), entered("t2", "21.8", "3.1")
    sold = on(Reduce, trade_id="x1", last_qty="40", last_px="3.2")
    there = seen(held("APTUSDT", "short", "21.8", "3.2294498382"), orders=[ITS_STOP])
    stop = on(SetStopLoss, stop_price="3.298", exchange_order_id="s1")
    told_late = rows_of(request(), PLACED, first, sold, later, stop)
    assert [row.avg_px_open for row in told_late] == [Decimal("3.1")]
    assert told(compared(told_late, there)) == [("matched", APT)]
    before_the_exit = rows_of(request(), PLACED, first, later, stop)
    all_of_it = seen(held("APTUSDT", "short", "61.8", "3.25"), orders=[ITS_STOP])
    assert told(compared(before_the_exit, all_of_it)) == [("matched", APT), ("price_mismatches", APT)]
    total = on(RecordEntryPlaced, exchange_order_id="53190368", filled_qty="61.8", avg_px="3.2333")
    stated = rows_of(request(), total, sold, stop)
    assert told(compared(stated, there)) == [("matched", APT), ("price_mismatches", APT)]


def test_a_price_that_only_the_exchange_knows_is_taken_over() -> None:
    rows = rows_of(request(), on(RecordEntryPlaced, exchange_order_id="1", filled_qty="61.8"))
    assert planned(compared(rows, AS_IN_LEDGER)) == [
        "adjust APTUSDT.binance#1 to 61.8 at 3.2333",
        "note the stop of APTUSDT.binance#1: 3.298, order s1",
    ]


def test_a_partial_exit_that_nobody_recorded_is_an_adjustment() -> None:
    """I-21: HNT 60 -> 59.88."""
    found = compared(rows_of(adopted()), seen(held("HNTUSDT", "long", "59.88", "1.75")))
    assert planned(found) == ["adjust HNTUSDT.binance#1 to 59.88 at 1.75"]


def test_the_other_side_is_never_an_adjustment() -> None:
    """I-25: closed twice, ended short. Ours is closed once it is confirmed that it is gone, and theirs adopted."""
    reverse = held("HNTUSDT", "short", "60", "1.7")
    once = compared(rows_of(adopted()), seen(reverse))
    assert ("side_mismatches", "HNTUSDT.binance#1") in told(once)
    assert planned(once) == []
    assert planned(compared(rows_of(adopted()), seen(reverse, at=500), seen(reverse))) == [
        "close HNTUSDT.binance#1 without a price",
        "adopt HNTUSDT.binance: short 60 at 1.7",
    ]


# -- what is being opened ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "age", "kind"),
    [
        ((request(),), 59, "being_opened"),
        ((request(),), 61, "phantoms"),
        ((request(), PLACED, FILLED), 20, "being_opened"),
        ((request(), PLACED, FILLED), 31, "phantoms"),
        ((request(), PLACED, FILLED, STOP), 29, "being_opened"),
        ((request(), PLACED, FILLED, STOP), 31, "phantoms"),
        (ENTERED, 6, "phantoms"),
    ],
)
def test_what_is_not_at_the_exchange_yet_has_a_deadline(sent: tuple[Command, ...], age: float, kind: str) -> None:
    """I-11: a position is not always visible 20 s after its fill."""
    assert (kind, APT) in told(compared(rows_of(*sent, BESIDE), seen(OTHER, at=age)))


@pytest.mark.parametrize(("age", "is_alarm"), [(6, False), (31, True)])
def test_no_alarm_six_seconds_into_an_entry(age: float, is_alarm: bool) -> None:  # noqa: FBT001 - a case of two
    """I-15."""
    found = compared(rows_of(request(), PLACED, FILLED), seen(THERE, at=age))
    assert (("unprotected", APT) in told(found)) == is_alarm


def test_every_open_status_has_a_deadline() -> None:
    assert set(DEADLINES) == {status for status in Status if status.is_open}
    (row,) = rows_of(request())
    assert not is_overdue(row, second(0) + DEADLINES[row.status] - timedelta(microseconds=1))
    assert is_overdue(row, second(0) + DEADLINES[row.status])


@pytest.mark.parametrize(
    "order",
    [
        limit("APTUSDT", "sell", "53190368"),
        limit("APTUSDT", "sell", "another"),
    ],
)
def test_an_entry_whose_order_rests_is_no_phantom_and_its_order_no_zombie(order: OrderReport) -> None:
    assert told(compared(rows_of(request(), PLACED), seen(orders=[order]))) == [("being_opened", APT)]


def test_an_entry_of_unknown_outcome_is_settled_by_what_the_exchange_holds() -> None:
    rows = rows_of(request(), on(RecordEntryUnknown, reason="no answer"))
    assert "adjust APTUSDT.binance#1 to 61.8 at 3.2333" in planned(compared(rows, AS_IN_LEDGER))


# -- orphans ----------------------------------------------------------------------------------------------------


def test_an_orphan_is_adopted_and_told_to_be_without_a_stop() -> None:
    found = compared([], seen(OTHER))
    assert told(found) == [("orphans", "BTCUSDT.binance"), ("unprotected", "BTCUSDT.binance")]
    assert planned(found) == ["adopt BTCUSDT.binance: long 1 at 100000"]


def test_an_orphan_with_a_stop_is_protected() -> None:
    found = compared([], seen(OTHER, orders=[stop("BTCUSDT", "sell", "s9", "98000")]))
    assert told(found) == [("orphans", "BTCUSDT.binance")]


def test_an_orphan_without_a_price_is_told_and_not_adopted() -> None:
    found = compared([], seen(held("BTCUSDT", "long", "1"), orders=[stop("BTCUSDT", "sell", "s9", "98000")]))
    assert told(found) == [("orphans", "BTCUSDT.binance")]
    assert "cannot be adopted" in found.of(DiscrepancyKind.ORPHAN)[0].message
    assert planned(found) == []


def test_a_stop_of_an_orphan_beyond_its_entry_is_none_unless_the_price_is_past_it() -> None:
    beyond = stop("BTCUSDT", "sell", "s9", "101000")
    assert ("wrong_side_stops", "BTCUSDT.binance") in told(compared([], seen(OTHER, orders=[beyond])))
    past = held("BTCUSDT", "long", "1", "100000", mark_price="102000")
    assert told(compared([], seen(past, orders=[beyond]))) == [("orphans", "BTCUSDT.binance")]


def test_a_stop_that_is_shown_twice_over_is_recorded_once_with_an_orphan() -> None:
    """As an order, and as a property of the position."""
    orphan = held("BTCUSDT", "long", "1", "100000", stop_price="98000")
    adopt, own = "adopt BTCUSDT.binance: long 1 at 100000", "note the stop of BTCUSDT.binance#1: 98000"
    same = seen(orphan, orders=[stop("BTCUSDT", "sell", "s9", "98000")])
    assert planned(compared([], same)) == [adopt, f"{own}, order s9"]
    beside = seen(orphan, orders=[stop("BTCUSDT", "sell", "s9", "97000", "0.5")])
    part = "note the stop of BTCUSDT.binance#1: 97000, order s9, for 0.5"
    assert planned(compared([], beside)) == [adopt, f"{own}, of the position itself", part]


def test_what_the_ledger_closed_after_the_snapshot_is_no_orphan() -> None:
    rows = rows_of(*ENTERED, on(Close, exit_reason="target", at=second(620)))
    assert told(compared(rows, AS_IN_LEDGER)) == [("unjudged", "APTUSDT.binance")]
    reopened = compared(rows, seen(THERE, at=800))
    assert ("orphans", "APTUSDT.binance") in told(reopened)
    (adopt,) = corrections(reopened)
    assert adopt.command.expected_version == 6


# -- orders without a position ----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [stop("SXPUSDT", "buy", "1", "9"), limit("SXPUSDT", "buy", "1")])
def test_an_order_without_a_position_is_a_zombie(order: OrderReport) -> None:
    found = compared([], seen(orders=[order]))
    assert told(found) == [("zombie_orders", "SXPUSDT.binance")]
    assert found.findings[0].orders == (order,)
    assert found.findings[0].message.endswith("there is no position for it")


@pytest.mark.parametrize("unread", ["SXPUSDT", None])
def test_an_order_of_what_may_be_a_position_that_cannot_be_read_is_no_zombie(unread: str | None) -> None:
    assert told(compared([], seen(orders=[stop("SXPUSDT", "buy", "1", "9")], unread_positions=(unread,)))) == []


def test_a_stop_that_works_against_nothing_that_is_held_is_a_zombie() -> None:
    found = compared(rows_of(*ENTERED), seen(THERE, orders=[ITS_STOP, stop("APTUSDT", "sell", "old", "3")]))
    assert told(found) == [("matched", APT), ("zombie_orders", "APTUSDT.binance")]


def test_an_order_that_adds_or_takes_profit_is_no_zombie() -> None:
    orders = [ITS_STOP, limit("APTUSDT", "sell", "more"), limit("APTUSDT", "buy", "target", reduce_only=True)]
    assert told(compared(rows_of(*ENTERED), seen(THERE, orders=orders))) == [("matched", APT)]


def test_the_stop_of_an_entry_that_is_not_visible_yet_is_no_zombie() -> None:
    young = compared(rows_of(request(), PLACED, FILLED, STOP, BESIDE), seen(OTHER, orders=[ITS_STOP], at=10))
    assert not young.of(DiscrepancyKind.ZOMBIE)
    assert compared(rows_of(request(), PLACED, FILLED, STOP, BESIDE), seen(OTHER, orders=[ITS_STOP])).of(
        DiscrepancyKind.ZOMBIE
    )
