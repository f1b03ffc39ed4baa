"""Stops at the exchange beside those of the ledger: lost, moved, doubled, and what covers a position."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import pytest

from domain.commands.base import Command
from domain.commands.order_requests import SetTakeProfit
from domain.commands.requests import RecordEntryFill, RecordEntryPlaced, Reduce, SetStopLoss
from domain.values import Leg
from projections.account_snapshot import OrderKind, OrderReport, PositionReport
from projections.reconciliation.corrections import corrections
from projections.reconciliation.discrepancies import DiscrepancyKind
from tests.projections.reconciliation.apt import APT, HNT, ITS_STOP, OTHERS, STOPLESS, THERE, adopted, planned
from tests.projections.seen import compared, held, limit, rows_of, seen, stop, told
from tests.spec import ENTERED, FILLED, PLACED, on, request


def stops(*orders: OrderReport, position: PositionReport = THERE, sent: tuple[Command, ...] = ENTERED) -> list[str]:
    found = compared(rows_of(*sent), seen(position, orders=orders))
    return [kind for kind, name in told(found) if name == APT and kind != "matched"]


def test_a_stop_that_is_gone_is_lost() -> None:
    """I-19: a cleaner cancelled ten live stops."""
    found = compared(rows_of(*ENTERED), *STOPLESS)
    assert told(found)[:3] == [("matched", APT), ("unprotected", APT), ("lost_stops", APT)]
    assert planned(found) == ["note that the stop of APTUSDT.binance#1 is lost"]
    (lost,) = [each.command for each in corrections(found)]
    assert lost.metadata["snapshot"]["confirmations"] == 2  # type: ignore[index,call-overload] # JSON


def test_a_stop_is_lost_when_two_snapshots_agree_and_nobody_saw_it_in_between() -> None:
    rows, (earlier, latest) = rows_of(*ENTERED), STOPLESS
    with_it = seen(THERE, orders=[ITS_STOP], at=550)
    assert planned(compared(rows, latest)) == []
    assert compared(rows, latest).of(DiscrepancyKind.LOST_STOP)[0].as_json()["confirmations"] == 1
    assert planned(compared(rows, latest), "why") == planned(compared(rows, earlier, with_it, latest)) == []
    assert planned(compared(rows, latest, confirmations=1)) != []
    for blind in (seen(THERE, orders=None, at=500), seen(THERE, at=500), seen(THERE, orders=[OTHERS], at=595)):
        assert planned(compared(rows, blind, latest)) == []


def test_a_list_without_any_conditional_order_is_no_proof_that_a_stop_is_gone() -> None:
    """Binance lists conditional orders only when they are asked for in a call of their own."""
    rows = rows_of(*ENTERED)
    for orders in ([], [limit("APTUSDT", "buy", "tp", reduce_only=True)]):
        found = compared(rows, seen(THERE, orders=orders, at=500), seen(THERE, orders=orders))
        assert told(found) == [("matched", APT)]
        assert (found.is_reliable, found.as_json()["protection_judged"]) == (True, False)
        assert "conditional" in found.as_json()["doubts"][0]
        trusted = compared(rows, seen(THERE, orders=orders, at=500), seen(THERE, orders=orders), trust_empty=True)
        assert planned(trusted) == ["note that the stop of APTUSDT.binance#1 is lost"]
    assert compared(rows, seen(THERE, orders=[ITS_STOP])).order_doubts == ()
    on_position = held("APTUSDT", "short", "61.8", "3.2333", stop_price="3.298")
    assert compared(rows, seen(on_position, orders=[OTHERS])).order_doubts == ()


def test_whether_a_bare_position_is_protected_cannot_be_judged_by_a_list_without_conditional_orders() -> None:
    bare = rows_of(request(), PLACED, FILLED)
    for rows, kinds in ((bare, ["matched"]), ([], ["orphans"])):
        found = compared(rows, seen(THERE, has_conditional=False))
        assert [kind for kind, _ in told(found)] == kinds
        assert "whether anything is protected cannot be judged" in found.as_json()["doubts"][0]
        for judged in (
            compared(rows, seen(THERE)),
            compared(rows, seen(THERE, has_conditional=False), trust_empty=True),
            compared(rows, seen(THERE, orders=[OTHERS], has_conditional=False)),
        ):
            assert [kind for kind, _ in told(judged) if kind != "zombie_orders"] == [*kinds, "unprotected"]
    assert compared([], seen(has_conditional=False)).as_json()["protection_judged"], "nothing is held"
    on_position = held("APTUSDT", "short", "61.8", "3.2333", stop_price="3.298")
    assert compared(bare, seen(on_position, has_conditional=False)).order_doubts == ()


def test_all_stops_are_missing_when_two_lists_of_orders_hold_none() -> None:
    rows = rows_of(*ENTERED)
    before, latest = seen(THERE, at=500), seen(THERE)
    assert compared(rows, before, latest).stops_missing == 1
    for fewer in ([latest], [before, seen(THERE, orders=[ITS_STOP], at=550), latest], [seen(THERE, at=595), latest]):
        assert compared(rows, *fewer).stops_missing == 0
    assert compared(rows, seen(THERE, orders=None, at=500), latest).stops_missing == 0
    assert compared(rows_of(request(), PLACED, FILLED), before, latest).stops_missing == 0
    beside = rows_of(*ENTERED, adopted(), on(SetStopLoss, position_id=HNT, stop_price="1.7", exchange_order_id="t1"))
    assert compared(beside, before, latest).stops_missing == 1, "no stop is expected of what is not shown"


def test_a_list_that_shows_less_than_half_of_the_stops_is_no_proof_about_the_others() -> None:
    def rows(symbol: str) -> list[Command]:
        adopt = adopted(symbol)
        there = {"position_id": f"{symbol}.binance#1", "stop_price": "1.7", "exchange_order_id": f"s{symbol}"}
        return [adopt, SetStopLoss.of(**there)]

    names = ["AUSDT", "BUSDT", "CUSDT"]
    there = [held(name, "long", "60", "1.75") for name in names]
    known = rows_of(*(command for name in names for command in rows(name)))
    for count, is_judged in ((1, False), (2, True), (3, True)):
        orders = [stop(name, "sell", f"s{name}", "1.7") for name in names[:count]]
        found = compared(known, seen(*there, orders=orders, at=700))
        assert found.as_json()["protection_judged"] == is_judged
        assert len(found.of(DiscrepancyKind.LOST_STOP)) == (3 - count if is_judged else 0)


def test_a_stop_that_was_replaced_is_not_lost() -> None:
    found = compared(rows_of(*ENTERED), seen(THERE, orders=[stop("APTUSDT", "buy", "s2", "3.28", "61.8")]))
    assert told(found) == [("matched", APT), ("moved_stops", APT)]
    assert planned(found) == ["note the stop of APTUSDT.binance#1: 3.28, order s2, for 61.8"]
    assert stops(stop("APTUSDT", "buy", "s1", "3.28")) == ["moved_stops"]


def test_a_stop_of_unknown_price_in_place_of_ours_is_neither_lost_nor_taken_over() -> None:
    found = compared(rows_of(*ENTERED), seen(THERE, orders=[stop("APTUSDT", "buy", "s2")]))
    assert (told(found), corrections(found)) == ([("matched", APT)], [])


@pytest.mark.parametrize("kind", [OrderKind.STOP, OrderKind.TRAILING_STOP])
def test_a_stop_of_unknown_price_is_told_where_the_ledger_knows_of_none(kind: OrderKind) -> None:
    unpriced = stop("HNTUSDT", "sell", "t1", quantity="60", kind=kind)
    shown = seen(held("HNTUSDT", "long", "60", "1.75"), orders=[unpriced])
    found = compared(rows_of(adopted()), shown)
    assert told(found) == [("matched", HNT), ("unpriced_stops", HNT)]
    assert (found.problems, corrections(found)) == ([], [])
    assert "set_stop_loss" in found.of(DiscrepancyKind.UNPRICED_STOP)[0].message
    noted = on(SetStopLoss, position_id=HNT, stop_price="1.7", exchange_order_id="t1")
    assert told(compared(rows_of(adopted(), noted), shown)) == [("matched", HNT)]
    assert told(compared(rows_of(adopted(protection="bot")), shown)) == [("matched", HNT)]


@pytest.mark.parametrize("entry", ["3.2333", "3.05"])
def test_a_stop_that_waits_to_trail_protects_nothing(entry: str) -> None:
    waiting = stop("APTUSDT", "buy", "s1", "3.1", kind=OrderKind.TRAILING_STOP)
    above = held("APTUSDT", "short", "61.8", entry, mark_price="3.2")
    assert {"unprotected", "wrong_side_stops"} <= set(stops(waiting, position=above))
    assert "unprotected" not in stops(waiting, position=held("APTUSDT", "short", "61.8", entry, mark_price="3.0"))


@pytest.mark.parametrize("orders", [None, ()], ids=["not asked", "asked"])
def test_without_a_list_of_orders_no_stop_is_lost(orders: tuple[OrderReport, ...] | None) -> None:
    found = compared(rows_of(*ENTERED), seen(THERE, orders=orders), trust_empty=True)
    assert bool(found.of(DiscrepancyKind.LOST_STOP)) == (orders is not None)
    assert bool(found.of(DiscrepancyKind.UNPROTECTED)) == (orders is not None)
    assert found.as_json()["protection_judged"] == (orders is not None)
    assert not compared(rows_of(*ENTERED), seen(THERE, order_doubts=("cut off",))).of(
        DiscrepancyKind.LOST_STOP, DiscrepancyKind.UNPROTECTED
    )


def test_two_stops_for_one_position_are_told() -> None:
    """I-20."""
    assert stops(ITS_STOP, stop("APTUSDT", "buy", "s2", "3.29", "61.8")) == ["duplicate_stops"]
    assert stops(ITS_STOP, stop("APTUSDT", "buy", "s2", quantity="61")) == ["duplicate_stops"]


def test_stops_that_add_up_to_the_position_are_one() -> None:
    parts = [stop("APTUSDT", "buy", "s1", "3.298", "30"), stop("APTUSDT", "buy", "s2", "3.3", "31.8")]
    assert "duplicate_stops" not in stops(*parts)
    assert "unprotected" not in stops(*parts)
    assert "unprotected" in stops(parts[0])


@pytest.mark.parametrize(
    ("one", "other", "is_bare"), [("30.0001", "31.8", False), ("30.1", "31.6", True), ("30.0001", "31.79999", True)]
)
def test_stops_add_up_exactly_whatever_the_bot_rounds_to(one: str, other: str, *, is_bare: bool) -> None:
    parts = [stop("APTUSDT", "buy", "s1", "3.298", one), stop("APTUSDT", "buy", "s2", "3.3", other)]
    rows, there = rows_of(*ENTERED), held("APTUSDT", "short", "61.8001", "3.2333")
    with localcontext() as context:
        context.prec = 3
        kinds = [kind for kind, _ in told(compared(rows, seen(there, orders=parts)))]
    assert ("unprotected" in kinds) is is_bare


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (stop("APTUSDT", "buy", "s1", "3.1"), ["unprotected", "wrong_side_stops"]),
        (stop("APTUSDT", "buy", "s1", "3.1", kind=OrderKind.TRAILING_STOP), ["moved_stops"]),
        (stop("APTUSDT", "sell", "s1", "3.298"), ["unprotected", "lost_stops"]),
        (limit("APTUSDT", "buy", "tp", reduce_only=True), []),
    ],
    ids=["beyond the entry", "trailing", "not closing", "no stop"],
)
def test_what_is_no_protection(order: OrderReport, expected: list[str]) -> None:
    """I-18: longs with the stop above their entry."""
    assert stops(order) == expected


def test_while_no_entry_is_known_a_stop_is_measured_at_the_signal() -> None:
    unpriced = (request(), on(RecordEntryPlaced, exchange_order_id="1", filled_qty="61.8"))
    shown = held("APTUSDT", "short", "61.8")
    assert stops(stop("APTUSDT", "buy", "s1", "3.2"), sent=unpriced, position=shown) == [
        "unprotected",
        "wrong_side_stops",
    ]
    assert stops(stop("APTUSDT", "buy", "s1", "3.298"), sent=unpriced, position=shown) == ["moved_stops"]


def test_a_stop_is_measured_at_the_entry_that_the_exchange_says() -> None:
    between = stop("APTUSDT", "buy", "s1", "3.24")
    cheaper, dearer = held("APTUSDT", "short", "61.8", "3.2333"), held("APTUSDT", "short", "61.8", "3.25")
    assert "wrong_side_stops" not in stops(between, position=cheaper)
    assert "wrong_side_stops" in stops(between, position=dearer)


@pytest.mark.parametrize(("quantity", "is_too_much"), [("61.8", False), ("61.9", True)])
def test_a_stop_that_may_open_the_other_side_is_told(quantity: str, *, is_too_much: bool) -> None:
    assert (
        "oversized_stops" in stops(stop("APTUSDT", "buy", "s1", "3.298", quantity, reduce_only=False))
    ) == is_too_much
    assert "oversized_stops" not in stops(stop("APTUSDT", "buy", "s1", "3.298", quantity))


def test_what_is_filled_of_a_stop_covers_nothing_and_opens_nothing() -> None:
    hit: dict[str, Any] = {"quantity": "62.8", "filled_qty": Decimal(1)}
    assert stops(stop("APTUSDT", "buy", "s1", "3.298", **hit, reduce_only=False)) == []
    lacking = stop("APTUSDT", "buy", "s1", "3.298", "61.8", filled_qty=Decimal(1))
    assert stops(lacking) == ["unprotected", "moved_stops"]
    (moved,) = [each.command for each in corrections(compared(rows_of(*ENTERED), seen(THERE, orders=[lacking])))]
    assert isinstance(moved, SetStopLoss) and moved.quantity == Decimal("60.8")
    assert stops(lacking, sent=(*ENTERED, moved)) == ["unprotected"]
    there = held("HNTUSDT", "long", "60", "1.75")
    found = compared([], seen(there, orders=[stop("HNTUSDT", "sell", "s1", "1.7", **hit)]))
    (noted,) = [each.command for each in corrections(found) if isinstance(each.command, SetStopLoss)]
    assert noted.quantity == Decimal("61.8")


def test_a_stop_for_all_at_the_exchange_covers_all_also_where_fills_on_record_limited_it() -> None:
    hit = on(Reduce, trade_id="x1", last_qty="1.8", last_px="3.298", exchange_order_id="s1", reason="stop_loss")
    sent = (*ENTERED, hit, on(RecordEntryFill, trade_id="t2", last_qty="2", last_px="3.2333", exchange_order_id="e2"))
    seen_so = seen(held("APTUSDT", "short", "62", "3.2333"), orders=[stop("APTUSDT", "buy", "s1", "3.298")])
    (moved,) = [each.command for each in corrections(compared(rows_of(*sent), seen_so))]
    (row,) = rows_of(*sent, moved)
    assert row.protected
    assert not corrections(compared([row], seen_so))


def test_a_stop_with_a_quantity_is_left_less_by_what_the_target_of_the_same_order_filled() -> None:
    target = on(SetTakeProfit, price="3.1", exchange_order_id="s1")
    hit = on(Reduce, trade_id="x1", last_qty="1.8", last_px="3.1", exchange_order_id="s1", reason="take_profit")
    whole = on(SetStopLoss, stop_price="3.298", exchange_order_id="s1", quantity="61.8")
    rows = rows_of(*ENTERED, whole, target, hit)
    rest = stop("APTUSDT", "buy", "s1", "3.298", "61.8", filled_qty=Decimal("1.8"))
    assert not corrections(compared(rows, seen(held("APTUSDT", "short", "60", "3.2333"), orders=[rest])))


def test_a_stop_beyond_the_entry_locks_profit_when_the_price_is_past_it() -> None:
    in_profit = held("APTUSDT", "short", "61.8", "3.2333", mark_price="3.0")
    beyond = stop("APTUSDT", "buy", "s1", "3.1")
    assert stops(beyond, position=in_profit) == ["moved_stops"]
    assert stops(beyond, position=held("APTUSDT", "short", "61.8", "3.2333", mark_price="3.15")) == [
        "unprotected",
        "wrong_side_stops",
    ]
    (moved,) = corrections(compared(rows_of(*ENTERED), seen(in_profit, orders=[beyond])))
    assert isinstance(moved.command, SetStopLoss)
    assert moved.command.locks_profit
    locked = on(SetStopLoss, stop_price="3.1", exchange_order_id="s1", locks_profit=True)
    assert stops(beyond, sent=(*ENTERED, locked)) == []


def test_a_stop_that_is_part_of_the_position_protects_it() -> None:
    """Bybit keeps it on the position."""
    assert stops(position=held("APTUSDT", "short", "61.8", "3.2333", stop_price="3.298")) == []


def test_stops_of_a_hedge_leg_protect_that_leg() -> None:
    both = [held("BTCUSDT", "long", "1", "100", leg=Leg.LONG), held("BTCUSDT", "short", "1", "100", leg=Leg.SHORT)]
    found = compared([], seen(*both, orders=[stop("BTCUSDT", "sell", "s1", "90", leg=Leg.LONG)]))
    assert [each for each in told(found) if each[0] != "orphans"] == [("unprotected", "BTCUSDT.binance:SHORT")]


def test_a_leg_that_the_ledger_keeps_without_its_name_is_the_same_position() -> None:
    rows = rows_of(*ENTERED)
    found = compared(rows, seen(held("APTUSDT", "short", "61.8", "3.2333", leg=Leg.SHORT), orders=[ITS_STOP]))
    assert told(found) == [("matched", APT)]
    hedged = rows_of(adopted(leg="LONG"))
    assert ("matched", "HNTUSDT.binance:LONG#1") in told(compared(hedged, seen(held("HNTUSDT", "long", "60", "1.75"))))
