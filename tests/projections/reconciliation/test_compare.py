from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given as tried_on
from hypothesis import strategies as st

from domain.commands.base import Command
from domain.commands.order_requests import SetTakeProfit
from domain.commands.requests import (
    Adjust,
    Adopt,
    Close,
    FailEntry,
    LoseStopLoss,
    RecordEntryFill,
    RecordEntryPlaced,
    RecordEntryUnknown,
    Reduce,
    SetStopLoss,
    StartRollback,
)
from domain.errors import CommandRefused
from domain.values import Leg, Side, Source, Status
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt
from infrastructure.operations.apply_corrections import apply
from projections.account_snapshot import AccountSnapshot, OrderKind, OrderReport, PositionReport
from projections.positions import PositionRow
from projections.reconciliation.command_text import in_words
from projections.reconciliation.confirmations import CONFIRMING_AGE_MAX
from projections.reconciliation.corrections import corrections
from projections.reconciliation.discrepancies import DiscrepancyKind
from projections.reconciliation.grace_periods import DEADLINES, is_overdue
from projections.reconciliation.result import Reconciliation
from tests.projections.seen import compared, held, limit, rows_of, seen, stop, told
from tests.spec import ENTERED, FILLED, PLACED, STOP, on, request, second
from tests.strategies import KEY, conversations

APT = "APTUSDT.binance#1"
HNT = "HNTUSDT.binance#1"
THERE = held("APTUSDT", "short", "61.8", "3.2333")
ITS_STOP = stop("APTUSDT", "buy", "s1", "3.298")
AS_IN_LEDGER = seen(THERE, orders=[ITS_STOP])
OTHERS = stop("SXPUSDT", "buy", "other", "9")
"""A conditional order of something else: the list is one in which stops are."""
STOPLESS = (seen(THERE, orders=[OTHERS], at=500), seen(THERE, orders=[OTHERS]))


def adopted(
    symbol: str = "HNTUSDT", side: str = "long", quantity: str = "60", price: str = "1.75", **fields: object
) -> Adopt:
    return Adopt.of(
        symbol=symbol, exchange="binance", side=side, quantity=quantity, avg_px_open=price, reason="seen", **fields
    )


def planned(found: Reconciliation, reason: str | None = None) -> list[str]:
    return [in_words(each.command) for each in corrections(found, reason)]


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


# -- phantoms ---------------------------------------------------------------------------------------------------

OTHER = held("BTCUSDT", "long", "1", "100000")
BESIDE = adopted("BTCUSDT", "long", "1", "100000")
GONE = rows_of(*ENTERED, BESIDE)


def closes(*snapshots: AccountSnapshot, **rules: Any) -> list[str]:
    found = compared(GONE, *snapshots, **rules)
    return [words for words in planned(found) if words.startswith("close")]


def test_a_phantom_is_closed_when_two_snapshots_agree() -> None:
    found = compared(GONE, seen(OTHER))
    assert ("phantoms", APT) in told(found)
    assert found.of(DiscrepancyKind.PHANTOM)[0].confirmations == 1
    assert closes(seen(OTHER)) == []
    assert closes(seen(OTHER, at=500), seen(OTHER)) == ["close APTUSDT.binance#1 without a price"]
    assert closes(seen(OTHER), seen(OTHER, at=500)) == ["close APTUSDT.binance#1 without a price"]
    assert closes(seen(OTHER), confirmations=1) != []
    assert closes(seen(OTHER, at=500), seen(OTHER), confirmations=3) == []


@pytest.mark.parametrize(
    "other",
    [
        seen(OTHER),
        seen(OTHER, at=595),
        seen(OTHER, at=500, doubts=("it is partial",)),
        seen(at=500),
        seen(OTHER, THERE, at=500),
        seen(OTHER, at=30),
        seen(OTHER, at=3.5),
        seen(OTHER, at=500, positions=None),
    ],
    ids=["the same", "too close", "partial", "empty", "holds it", "too young", "before its last news", "unavailable"],
)
def test_what_does_not_confirm(other: AccountSnapshot) -> None:
    assert closes(other, seen(OTHER)) == []


def test_what_was_filled_is_gone_whatever_orders_rest() -> None:
    filled = rows_of(request(), PLACED, FILLED, BESIDE)
    found = compared(filled, *(seen(OTHER, orders=None, at=at) for at in (500, 600)))
    assert planned(found) == ["close APTUSDT.binance#1 without a price"]


def test_a_snapshot_of_no_known_time_confirms_nothing_and_is_no_obstacle() -> None:
    assert closes(seen(OTHER, at=None), seen(OTHER, at=500), seen(OTHER)) != []
    assert closes(seen(OTHER, at=None), seen(OTHER)) == []
    assert compared(rows_of(*ENTERED), seen(THERE, at=None)).stops_missing == 0


@pytest.mark.parametrize(
    "in_between",
    [
        seen(OTHER, THERE, at=550),
        seen(THERE, at=550),
        seen(OTHER, held("APTUSDT", "short", "1"), at=550),
        seen(OTHER, THERE, at=550, doubts=("it is partial",)),
        seen(OTHER, held("APTUSDT", "short", "61.8", leg=Leg.SHORT), at=550),
    ],
    ids=["shown", "alone", "a part of it", "by an unreliable one", "on its leg"],
)
def test_one_sighting_in_between_makes_the_count_of_absences_begin_anew(in_between: AccountSnapshot) -> None:
    assert closes(seen(OTHER, at=500), in_between, seen(OTHER)) == []
    assert closes(in_between, seen(OTHER, at=500), seen(OTHER)) == []
    assert closes(in_between, seen(OTHER, at=570), seen(OTHER)) != []


def test_an_absence_of_long_ago_confirms_nothing_unless_it_is_allowed_to() -> None:
    week = 7 * 86_400
    assert closes(seen(OTHER, at=500), seen(OTHER, at=week)) == []
    assert closes(seen(OTHER, at=500), seen(OTHER, at=500 + CONFIRMING_AGE_MAX.total_seconds())) != []
    assert closes(seen(OTHER, at=500), seen(OTHER, at=501 + CONFIRMING_AGE_MAX.total_seconds())) == []
    assert closes(seen(OTHER, at=500), seen(OTHER, at=week), age_max=timedelta(days=8)) != []


def test_a_snapshot_of_somebody_else_is_not_believed() -> None:
    """Another account, another product: hardly anything of what is held is in it, and that was no list of ours."""
    names = ["AUSDT", "BUSDT", "CUSDT", "DUSDT"]
    rows = rows_of(*(adopted(name) for name in names))
    there = [held(name, "long", "60", "1.75") for name in names]
    for shown, is_believed in ((0, False), (1, False), (2, True), (4, True)):
        found = compared(rows, seen(*there[:shown], OTHER, at=700), seen(*there[:shown], OTHER, at=800))
        assert found.is_reliable == is_believed
        assert bool(corrections(found)) == is_believed
        assert is_believed or (f"it shows {shown or 'none'} of the 4" in found.doubts[0])
        assert is_believed or len(found.of(DiscrepancyKind.UNJUDGED)) == 4 - shown
        assert compared(rows, seen(*there[:shown], OTHER, at=800), trust_empty=True).is_reliable


def test_a_snapshot_of_somebody_else_does_not_close_the_only_position() -> None:
    rows = rows_of(*ENTERED)
    foreign = (seen(OTHER, at=500), seen(OTHER))
    found = compared(rows, *foreign)
    assert (found.is_reliable, planned(found)) == (False, [])
    assert "it shows none of the 1 positions that the ledger holds" in found.doubts[0]
    trusted = planned(compared(rows, *foreign, trust_empty=True))
    assert "close APTUSDT.binance#1 without a price" in trusted
    turned = held("APTUSDT", "long", "61.8", "3.2333")
    assert compared(rows, seen(turned)).is_reliable, "of a symbol that the ledger holds"
    entering = request(symbol="BTCUSDT")
    assert compared(rows_of(*ENTERED, entering), *foreign).is_reliable, "of one that is being entered"
    assert compared(rows_of(entering), seen(THERE)).is_reliable, "nothing is held that could be missed"


def test_an_account_that_the_ledger_never_heard_of_is_doubted_while_it_knows_others() -> None:
    rows = rows_of(adopted(account="sub1"))
    unknown = seen(OTHER, account="sub2")
    found = compared(rows, unknown)
    assert (found.is_reliable, planned(found)) == (False, [])
    assert "it is of account sub2, of which the ledger knows nothing there, only of sub1" in found.doubts[0]
    assert "of the account without a name" in compared(rows, seen(OTHER, is_account_said=True)).doubts[0]
    assert compared(rows, unknown, trust_empty=True).is_reliable
    assert compared(rows, seen(account="sub1"), trust_empty=True).is_reliable
    assert compared([], unknown).is_reliable, "a ledger that knows nobody there"


def test_a_snapshot_of_a_test_network_is_not_believed() -> None:
    """The same symbols and sides, and everything else is different."""
    rows = rows_of(adopted("AUSDT"), adopted("BUSDT"))
    foreign = seen(held("AUSDT", "long", "5", "1.8"), held("BUSDT", "long", "7", "1.6"), at=700)
    assert (compared(rows, foreign).is_reliable, planned(compared(rows, foreign))) == (False, [])
    grown = seen(held("AUSDT", "long", "70", "1.75"), held("BUSDT", "long", "60", "1.7"), at=700)
    assert compared(rows, grown).is_reliable, "a fill or a correction that nobody told changes one of the two"
    unpriced = seen(held("AUSDT", "long", "5"), held("BUSDT", "long", "7"), at=700)
    assert compared(rows, unpriced).is_reliable


def test_what_may_have_changed_since_is_not_missed_in_a_snapshot() -> None:
    rows = rows_of(
        adopted("AUSDT"), adopted("BUSDT"), adopted("CUSDT", at=second(650)), adopted("DUSDT", at=second(650))
    )
    assert compared(rows, seen(held("AUSDT", "long", "60", "1.75"), at=600)).is_reliable


def test_a_clock_ahead_of_ours_records_nothing_as_yet_to_come() -> None:
    ahead = seen(OTHER, at=630)
    (adopt,) = corrections(compared([], ahead, now=600))
    assert (adopt.command.at, adopt.command.metadata["snapshot"]["found"]) == (second(600), "orphans")  # type: ignore[index,call-overload] # JSON
    (close,) = [
        each for each in corrections(compared(GONE, ahead, now=600, confirmations=1)) if each.command.verb == "close"
    ]
    assert close.command.at == second(600)
    fresh = rows_of(*ENTERED, on(LoseStopLoss, reason="cleaner", at=second(605)), BESIDE)
    assert ("unjudged", APT) in told(compared(fresh, ahead, now=600)), "it cannot have seen what came after now"
    assert closes(seen(OTHER, at=620), ahead, now=600) == [], "both were taken by now, and no time apart"


def test_a_phantom_was_closed_at_a_price_that_nobody_knows() -> None:
    (close,) = [
        each.command
        for each in corrections(compared(GONE, seen(OTHER), confirmations=1))
        if each.command.verb == "close"
    ]
    assert isinstance(close, Close)
    assert (close.avg_px_close, close.at) == (None, second(600))


def test_what_holds_nothing_is_not_closed() -> None:
    found = compared(rows_of(request(), BESIDE), seen(OTHER, at=500), seen(OTHER))
    assert ("phantoms", APT) in told(found)
    assert not [words for words in planned(found) if "APT" in words]


def test_a_rollback_that_is_under_way_is_not_closed() -> None:
    rows = rows_of(*ENTERED, on(StartRollback, reason="no stop"), BESIDE)
    found = compared(rows, seen(OTHER, at=500), seen(OTHER))
    assert ("phantoms", APT) in told(found)
    assert not [words for words in planned(found) if "APT" in words]


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


# -- how far a snapshot is believed -----------------------------------------------------------------------------


def test_no_positions_at_all_is_not_believed_while_some_are_open() -> None:
    """I-29: the exchange answered "none" 23 times while 13 to 19 were open."""
    found = compared(rows_of(*ENTERED), seen())
    assert not found.is_reliable
    assert told(found) == [("unjudged", APT)]
    assert compared(GONE, seen(), trust_empty=True).is_reliable
    assert compared([], seen()).is_reliable
    assert compared(rows_of(request(), on(FailEntry, outcome="rejected", reason="no")), seen()).is_reliable


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (seen(OTHER, doubts=("it is partial",)), "partial"),
        (seen(positions=None), "not asked"),
        (seen(OTHER, exchange=None), "of which exchange"),
        (seen(OTHER, at=None), "when it was taken"),
        (seen(OTHER, at=3600), "yet to come"),
        (seen(OTHER, at=2), "stale"),
    ],
)
def test_an_unreliable_snapshot_says_why_and_corrects_nothing(snapshot: AccountSnapshot, words: str) -> None:
    found = compared(rows_of(*ENTERED), snapshot, now=601)
    assert not found.is_reliable
    assert words in " ".join(found.doubts)
    assert corrections(found) == []
    assert not found.of(DiscrepancyKind.PHANTOM, DiscrepancyKind.LOST_STOP, DiscrepancyKind.ZOMBIE)


def test_a_snapshot_older_than_allowed_is_stale() -> None:
    assert compared(GONE, seen(OTHER), now=700, age_max=timedelta(seconds=60)).is_reliable is False
    assert compared(GONE, seen(OTHER), now=650, age_max=timedelta(seconds=60)).is_reliable is True


def test_an_old_snapshot_may_be_compared_but_corrects_nothing_unless_it_is_said() -> None:
    a_day = 86_400
    found = compared(GONE, seen(OTHER), now=a_day, confirmations=1)
    assert found.is_reliable
    assert ("phantoms", APT) in told(found)
    assert corrections(found) == []
    assert "--max-age" in (found.hindrance or "")
    assert planned(compared(GONE, seen(OTHER), now=a_day, confirmations=1, age_max=timedelta(days=2))) != []


def test_a_key_that_the_ledger_has_news_of_since_is_not_judged() -> None:
    rows = rows_of(adopted(), *ENTERED, on(LoseStopLoss, reason="cleaner", at=second(620)))
    found = compared(rows, seen(held("HNTUSDT", "long", "60", "1.75")))
    assert ("unjudged", APT) in told(found)
    assert ("matched", "HNTUSDT.binance#1") in told(found)
    assert found.is_reliable


@pytest.mark.parametrize(("side", "quantity"), [("short", "61"), ("long", "61.8")], ids=["quantity", "side"])
def test_what_differs_from_later_news_is_told_with_them_and_not_corrected(side: str, quantity: str) -> None:
    rows = rows_of(adopted(), *ENTERED, on(LoseStopLoss, reason="cleaner", at=second(620)))
    differs = held("APTUSDT", side, quantity, "3.2333")
    beside = held("HNTUSDT", "long", "60", "1.75")
    found = compared(rows, *(seen(beside, differs, at=at) for at in (500, 600)))
    (unjudged,) = found.of(DiscrepancyKind.UNJUDGED)
    assert quantity in unjudged.message
    assert unjudged.message.endswith("the ledger has news of 2025-10-22 19:01:00 UTC, which the snapshot cannot show")
    assert planned(found) == []


def test_a_snapshot_of_no_named_account_is_not_laid_beside_another_one() -> None:
    rows = rows_of(adopted(account="sub1"))
    found = compared(rows, seen(held("HNTUSDT", "long", "60", "1.75")))
    assert "sub1" in " ".join(found.doubts)
    assert corrections(found) == []
    both = [*rows, *rows_of(*ENTERED)]
    assert "sub1 beside the one without a name" in " ".join(compared(both, AS_IN_LEDGER).doubts)
    assert compared(both, replace(AS_IN_LEDGER, is_account_said=True)).is_reliable


def test_another_account_and_another_exchange_are_left_alone() -> None:
    rows = rows_of(*ENTERED, adopted(account="sub1"), adopted(symbol="B3USDT").model_copy(update={"exchange": "bybit"}))
    assert told(compared(rows, AS_IN_LEDGER)) == [("matched", APT)]


def test_only_one_symbol_is_compared_when_it_is_asked_for() -> None:
    rows = rows_of(*ENTERED, adopted())
    assert told(compared(rows, seen(THERE, OTHER, orders=[ITS_STOP]), symbol="APTUSDT")) == [("matched", APT)]


def test_the_order_in_a_snapshot_does_not_matter() -> None:
    rows, orders = (
        rows_of(*ENTERED, adopted()),
        [ITS_STOP, stop("SXPUSDT", "buy", "7719001"), stop("ABCUSDT", "buy", "1")],
    )
    forward, backward = seen(THERE, OTHER, orders=orders), seen(OTHER, THERE, orders=orders[::-1])
    assert told(compared(rows, forward)) == told(compared(rows[::-1], backward))


# -- stops ------------------------------------------------------------------------------------------------------


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


# -- corrections ------------------------------------------------------------------------------------------------


def test_a_correction_says_what_it_is_founded_on() -> None:
    found = compared(rows_of(*ENTERED), seen(held("APTUSDT", "short", "61", "3.2295"), orders=[ITS_STOP]))
    (correction,) = corrections(found, "checked by hand")
    command = correction.command
    assert isinstance(command, Adjust)
    assert (command.source, command.at, command.expected_version) == (Source.SYNC, second(600), 5)
    assert command.reason == "checked by hand (binance: 61.8 in the ledger, 61 at the exchange)"
    assert command.metadata == {
        "snapshot": {
            "exchange": "binance",
            "taken_at": "2025-10-22T19:00:40.000000Z",
            "digest": "seen at 600",
            "found": "quantity_mismatches",
        }
    }


def test_the_same_snapshot_leads_to_the_same_command_and_another_to_another() -> None:
    def ids(snapshot: AccountSnapshot, reason: str = "why") -> list[str | None]:
        return [each.command.command_id for each in corrections(compared([], snapshot), reason)]

    assert ids(seen(OTHER)) == ids(seen(OTHER))
    assert ids(seen(OTHER)) != ids(seen(OTHER, at=601))
    assert ids(seen(OTHER)) != ids(seen(OTHER), "another reason")


def test_a_late_fill_of_an_older_cycle_is_no_conflict() -> None:
    """The version that is compared is that of the stream, and not of the cycle."""
    late = on(RecordEntryFill, trade_id="late", last_qty="1", last_px="3", at=second(50))
    again = adopted("APTUSDT", "short", "61.8", "3.2333")
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        sent_to(
            ledger,
            [each.model_copy(update={"at": second(1)}) for each in (*ENTERED, on(Close, exit_reason="x"), again)],
        )
        ledger.handle(late)
        found = compared(ledger.positions(), seen(held("APTUSDT", "short", "60", "3.2333")))
        discrepancy = found.of(DiscrepancyKind.QUANTITY)[0]
        assert discrepancy.row is not None and discrepancy.row.version < discrepancy.state.version
        assert all(each.is_done for each in apply(ledger, corrections(found)))
        assert [(row.quantity, row.stray) for row in ledger.positions(open=True)] == [(Decimal(60), False)]


def test_a_stray_that_the_exchange_holds_alone_is_no_orphan_and_is_not_adopted() -> None:
    late = on(RecordEntryFill, trade_id="late", last_qty="1", last_px="3", at=second(50))
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        sent_to(ledger, [each.model_copy(update={"at": second(1)}) for each in (*ENTERED, on(Close, exit_reason="x"))])
        sent_to(ledger, [adopted("APTUSDT", "short", "5", "3").model_copy(update={"at": second(2)}), late])
        sent_to(ledger, [on(Close, position_id="APTUSDT.binance#2", exit_reason="x", at=second(60))])
        assert [row.stray for row in ledger.positions(open=True)] == [True]
        alone = compared(ledger.positions(), *(seen(held("APTUSDT", "short", "1", "3"), at=at) for at in (500, 600)))
        assert [kind for kind, _ in told(alone)] == ["strays", "unprotected"]
        assert planned(alone) == []
        other = compared(ledger.positions(), *(seen(held("APTUSDT", "short", "2", "3"), at=at) for at in (500, 600)))
        assert [kind for kind, _ in told(other)] == ["strays", "orphans", "unprotected"]


def test_the_average_is_corrected_at_once_where_a_stray_is_gone_and_not_while_it_is_netted() -> None:
    again = adopted("APTUSDT", "short", "61.8", "3.2333")
    late = on(RecordEntryFill, trade_id="late", last_qty="1", last_px="3", at=second(50))
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        sent_to(ledger, [each.model_copy(update={"at": second(1)}) for each in (*ENTERED, on(Close, exit_reason="x"))])
        sent_to(ledger, [again.model_copy(update={"at": second(1)}), late])
        netted = [seen(held("APTUSDT", "short", "62.8", "3.3"), at=at) for at in (500, 600)]
        together = compared(ledger.positions(), *netted)
        assert [kind for kind, _ in told(together)] == ["strays", "matched", "unprotected"]
        assert planned(together, "agree") == []
        alone = [seen(held("APTUSDT", "short", "61.8", "3.3"), at=at) for at in (500, 600)]
        applied = apply(ledger, corrections(compared(ledger.positions(), *alone), "agree"))
        assert [each.correction.command.verb for each in applied if each.is_done] == ["close", "adjust"]
        assert planned(compared(ledger.positions(), *alone), "agree") == []


# -- what holds for every history -------------------------------------------------------------------------------


def as_seen(row: PositionRow) -> tuple[PositionReport, list[OrderReport]]:
    """What the exchange shows when the ledger is right about a position."""
    position = PositionReport(key=KEY, side=row.side, quantity=row.quantity, avg_px_open=row.avg_px_open)
    orders = [
        OrderReport(
            key=KEY,
            order_id=row.stop_order_id or "imported",
            side=row.side.closing_order,
            kind=OrderKind.STOP,
            trigger_price=row.stop_price if row.stop_order_id else None,
            quantity=row.stop_quantity,
            reduce_only=True,
        )
        for _ in range(row.stop_confirmed)
    ]
    return position, orders


def sent_to(ledger: PositionLedger, commands: list[Command]) -> None:
    for command in commands:
        try:
            ledger.handle(command)
        except CommandRefused:
            continue


@tried_on(conversations())
def test_a_snapshot_that_shows_what_the_ledger_has_changes_nothing(sent: list[Command]) -> None:
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        sent_to(ledger, sent)
        rows = ledger.positions()
    held_rows = [row for row in rows if row.status.is_open and row.quantity]
    shown = [as_seen(row) for row in held_rows]
    snapshot = seen(*(position for position, _ in shown), orders=[order for _, orders in shown for order in orders])
    found = compared(rows, snapshot)
    assert corrections(found) == []
    assert {
        each.kind
        for each in found.of(
            DiscrepancyKind.MATCHED,
            DiscrepancyKind.ORPHAN,
            DiscrepancyKind.QUANTITY,
            DiscrepancyKind.PRICE,
            DiscrepancyKind.SIDE,
        )
    } <= {DiscrepancyKind.MATCHED}
    assert len(found.of(DiscrepancyKind.MATCHED)) == len(held_rows)


@st.composite
def shown(draw: st.DrawFn) -> AccountSnapshot:
    """Anything at all that an exchange may show of one key."""
    quantities, prices = st.sampled_from(["1", "3.5", "10"]), st.sampled_from(["90", "100", "105"])
    positions = [
        PositionReport(
            key=KEY,
            side=draw(st.sampled_from(Side)),
            quantity=Decimal(draw(quantities)),
            avg_px_open=draw(st.none() | prices.map(Decimal)),
        )
        for _ in range(draw(st.integers(0, 1)))
    ]
    orders = [
        stop(
            KEY.symbol,
            draw(st.sampled_from(["buy", "sell"])),
            order_id,
            draw(st.none() | prices),
            draw(st.none() | quantities),
            kind=draw(st.sampled_from(OrderKind)),
        )
        for order_id in draw(st.lists(st.sampled_from(["s1", "s2", "s3"]), max_size=2, unique=True))
    ]
    return seen(*positions, orders=orders)


@tried_on(conversations(), shown(), st.booleans())
def test_what_was_applied_is_not_applied_again(
    sent: list[Command],
    snapshot: AccountSnapshot,
    trust_empty: bool,  # noqa: FBT001 - drawn
) -> None:
    before = seen(*(snapshot.positions or ()), orders=snapshot.orders, at=500)
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        sent_to(ledger, sent)
        first = compared(ledger.positions(), before, snapshot, trust_empty=trust_empty)
        applied = apply(ledger, corrections(first, "agree"))
        assert [each for each in applied if not each.is_done] == []
        second_time = compared(ledger.positions(), before, snapshot, trust_empty=trust_empty)
        assert planned(second_time, "agree") == []
        again = [each.answer for each in apply(ledger, corrections(first, "agree"))]
        assert {each.outcome for each in again if isinstance(each, Receipt)} <= {"replayed"}


@tried_on(conversations(), shown())
def test_an_unreliable_snapshot_never_corrects_anything(sent: list[Command], snapshot: AccountSnapshot) -> None:
    doubted = seen(*(snapshot.positions or ()), orders=snapshot.orders, doubts=("it is partial",))
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        sent_to(ledger, sent)
        found = compared(ledger.positions(), doubted, confirmations=1)
    assert corrections(found, "agree") == []
    assert not found.of(DiscrepancyKind.PHANTOM, DiscrepancyKind.LOST_STOP, DiscrepancyKind.UNPROTECTED)
