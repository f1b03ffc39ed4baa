from __future__ import annotations

from datetime import timedelta

import pytest

from domain.commands.base import Command
from domain.commands.order_requests import CorrectFill, RequestIncrease
from domain.commands.requests import (
    Activate,
    Adjust,
    Close,
    FailRollback,
    ImportPosition,
    LoseStopLoss,
    RecordEntryFill,
    RecordEntryPlaced,
    RecordEntryUnknown,
    Reduce,
    SetStopLoss,
    StartRollback,
)
from domain.events import PositionEvent
from domain.rejection import Rejection
from projections.audit.anomalies import Anomaly, Weight, oddities
from projections.timeline import moments, timeline
from tests.projections.cycles import LATER, cycle, refused, rivals
from tests.spec import FILLED, PLACED, STOP, on, request, second

AS_ASKED = request(quantity="61.8", signal_price="3.2333")
ENTERED = ((0, AS_ASKED), (1, PLACED), (2, FILLED), (5, STOP), (6, on(Activate)))
CLOSED = on(Close, exit_reason="target", avg_px_close="3.1")
SPOT = "APTUSDT.binance:SPOT#1"


def odd(*sent: tuple[float, Command], refusals: tuple[Rejection, ...] = ()) -> list[Anomaly]:
    return odd_about(cycle(*sent), refusals)


def odd_about(events: list[PositionEvent], refusals: tuple[Rejection, ...] = ()) -> list[Anomaly]:
    told = moments(events)
    return list(oddities(told, timeline(told, refusals, LATER)))


def of(kind: str, found: list[Anomaly]) -> list[tuple[str, str]]:
    return [(oddity.weight.value, oddity.text) for oddity in found if oddity.kind == kind]


def moved(at: float, price: str) -> tuple[float, Command]:
    return at, on(SetStopLoss, stop_price=price, exchange_order_id=f"s{at}")


def test_a_quick_entry_as_it_was_asked_for_has_a_short_gap_and_nothing_else() -> None:
    assert [(each.kind, each.weight) for each in odd(*ENTERED, (60, CLOSED))] == [("unprotected", Weight.NOTE)]


def test_an_entry_that_takes_long_to_be_protected_is_a_warning() -> None:
    slow = odd((0, AS_ASKED), (1, PLACED), (2, FILLED), (33, STOP), (60, CLOSED))
    assert of("unprotected", slow) == [
        ("warning", "unprotected for 31 s, from 18:50:42.000 to 18:51:13.000: no stop yet")
    ]


def test_half_a_minute_without_a_stop_is_no_warning_in_an_entry_that_goes_on_to_have_one() -> None:
    just = odd((0, AS_ASKED), (1, PLACED), (2, FILLED), (32, STOP), (60, CLOSED))
    assert of("unprotected", just) == [("note", "unprotected for 30 s during the entry (no stop yet)")]
    told = moments(cycle((0, AS_ASKED), (1, PLACED), (2, FILLED)))
    ((weight, text),) = of("unprotected", list(oddities(told, timeline(told, (), second(12)))))
    assert weight == "warning" and text.startswith("unprotected for 10 s, since ")


def test_a_stop_that_was_lost_is_a_warning_with_its_length() -> None:
    lost = on(LoseStopLoss, reason="gone")
    assert of("unprotected", odd(*ENTERED, (30, lost), (1110, CLOSED)))[1:] == [
        ("warning", "unprotected for 18 min, from 18:51:10.000 to 19:09:10.000: the stop was lost")
    ]
    assert of("unprotected", odd(*ENTERED, (30, lost)))[1:] == [
        ("warning", "unprotected for 59 min 30 s, since 2025-10-22 18:51:10.000, and still: the stop was lost")
    ]


def test_many_gaps_are_told_together_with_the_longest() -> None:
    lost = [(at, on(LoseStopLoss, reason="replaced")) for at in range(10, 70, 10)]
    found = odd(
        *ENTERED, *(step for at, loss in lost for step in ((at, loss), moved(at + at / 10, "3.29"))), (90, CLOSED)
    )
    assert of("unprotected", found)[1:] == [
        ("warning", "unprotected 6 times, 21 s in all, longest 6 s from 18:51:40.000, first at 18:50:50.000")
    ]


def test_the_longest_of_many_gaps_has_its_date_where_it_is_not_that_of_the_first() -> None:
    lost = [(at * 86_400, on(LoseStopLoss, reason="replaced")) for at in range(1, 7)]
    found = odd(*ENTERED, *(step for at, loss in lost for step in ((at, loss), moved(at + at / 86_400, "3.29"))))
    ((_, _), (_, words)) = of("unprotected", found)
    assert words == "unprotected 6 times, 21 s in all, longest 6 s from 2025-10-28 18:50:40.000, first at 18:50:40.000"


def test_a_stop_that_moves_away_widens_the_risk() -> None:
    found = odd(*ENTERED, moved(10, "3.25"), moved(20, "3.28"), (60, CLOSED))
    assert of("stop_widened", found) == [
        ("warning", "the stop was moved away from the price, 3.25 → 3.28 (+0.923 %): more at risk")
    ]


def test_a_stop_that_moves_closer_is_not_odd() -> None:
    assert not of("stop_widened", odd(*ENTERED, moved(10, "3.25"), moved(20, "3.24"), (60, CLOSED)))


def test_a_stop_of_a_long_that_moves_down_widens_the_risk() -> None:
    long = ((0, request(side="long")), (1, PLACED), (2, FILLED), moved(3, "3.1"), (6, on(Activate)))
    assert of("stop_widened", odd(*long, moved(10, "3.05")))
    assert not of("stop_widened", odd(*long, moved(10, "3.15")))


def test_a_stop_set_anew_further_away_after_it_was_lost_widens_the_risk() -> None:
    assert of("stop_widened", odd(*ENTERED, (9, on(LoseStopLoss, reason="gone")), moved(10, "3.31"), (60, CLOSED)))


@pytest.mark.parametrize(
    ("side", "price", "words"),
    [("short", "3.2295", "0.118 % worse"), ("short", "3.2371", "0.118 % better"), ("long", "3.2371", "0.118 % worse")],
)
def test_slippage_is_told_in_percent_and_in_whose_favour(side: str, price: str, words: str) -> None:
    fill = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px=price)
    stop = on(SetStopLoss, stop_price="3.3" if side == "short" else "3.1", exchange_order_id="s", activate=True)
    ((weight, text),) = of("slippage", odd((0, request(side=side)), (1, PLACED), (2, fill), (3, stop)))
    assert weight == "note" and text == f"another price than the signal saw: 3.2333 → {price}, {words}"


def test_what_is_added_later_at_another_price_is_not_slippage_of_the_signal() -> None:
    more = on(RequestIncrease, quantity="61.8", intent_id="dca")
    filled = on(RecordEntryFill, trade_id="t2", last_qty="61.8", last_px="3.5", exchange_order_id="e2")
    assert not of("slippage", odd((0, AS_ASKED), (1, PLACED), (2, FILLED), (3, more), (4, filled), (60, CLOSED)))
    better = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2295")
    found = odd((0, AS_ASKED), (1, PLACED), (2, better), (3, more), (4, filled), (60, CLOSED))
    assert of("slippage", found) == [("note", "another price than the signal saw: 3.2333 → 3.2295, 0.118 % worse")]
    assert next(each.at for each in found if each.kind == "slippage") == second(2)


def test_a_fee_in_what_was_bought_and_dust_are_no_other_quantity_than_was_requested() -> None:
    asked = request(side="long", leg="SPOT", quantity="100")

    def bought(quantity: str) -> list[tuple[str, str]]:
        fill = on(
            RecordEntryFill, SPOT, trade_id="t", last_qty=quantity, last_px="3.2333", fee="0.1", fee_currency="APT"
        )
        sold = on(Reduce, SPOT, trade_id="x", last_qty=f"{int(quantity) - 1}", last_px="3.3")
        return of(
            "quantity", odd((0, asked), (1, fill), (5, sold), (6, on(Close, SPOT, exit_reason="target", dust=True)))
        )

    assert not bought("100")
    assert bought("99") == [("note", "another quantity than was requested: 100 → 98 (-2 %)")]


def test_a_part_of_what_was_requested_is_odd_only_when_the_entry_is_done() -> None:
    part = on(RecordEntryFill, trade_id="t1", last_qty="61", last_px="3.2333")
    done = (5, on(SetStopLoss, stop_price="3.3", exchange_order_id="s", activate=True))
    assert of("quantity", odd((0, AS_ASKED), (1, PLACED), (2, part), done)) == [
        ("note", "another quantity than was requested: 61.8 → 61 (-1.294 %)")
    ]
    assert not of("quantity", odd((0, AS_ASKED), (1, PLACED), (2, part)))


def test_a_correction_says_old_new_and_why() -> None:
    adjust = on(Adjust, quantity="61", avg_px_open="3.2295", reason="seen at\nthe exchange")
    assert of("adjusted", odd(*ENTERED, (9, adjust))) == [
        (
            "note",
            (
                "corrected: quantity 61.8 → 61 (-1.294 %), average entry 3.2333 → 3.2295 (-0.118 %); "
                '"seen at the exchange"'
            ),
        )
    ]


def test_what_was_entered_and_is_gone_without_an_exit_is_a_warning_until_an_exit_tells_of_it() -> None:
    seen = (9, on(Adjust, quantity="41.8", reason="somebody sold"))
    words = "20 that was entered is gone, and no exit tells of it: profit counts it as never entered"
    assert of("gone", odd(*ENTERED, seen, (60, CLOSED))) == [("warning", words)]
    told = on(Reduce, trade_id="x", last_qty="20", last_px="3.2", at=second(8))
    assert not of("gone", odd(*ENTERED, seen, (60, CLOSED), (90, told)))
    assert not of("gone", odd(*ENTERED, (9, on(Adjust, quantity="70", reason="more than was told")), (60, CLOSED)))


def test_up_to_five_of_a_kind_are_told_one_by_one() -> None:
    def corrected(times: int) -> list[tuple[str, str]]:
        seen = [(9 + n, on(Adjust, quantity=f"{n + 1}", reason="seen")) for n in range(times)]
        return of("adjusted", odd(*ENTERED, *seen))

    assert len(corrected(5)) == 5
    assert corrected(6) == [("note", "corrected 6 times, first at 18:50:49.000")]


def test_an_exit_that_is_learned_late_and_a_fill_that_is_corrected_are_told() -> None:
    late = on(Reduce, trade_id="x", last_qty="61.8", last_px="3.2")
    found = odd(*ENTERED, (9, on(Close, exit_reason="phantom")), (60, late))
    assert of("late_exit", found) == [("note", "61.8 closed at 3.2 was learned after the cycle was over")]
    assert not of("profit_unknown", found), "that exit says what it earned"
    busted = on(CorrectFill, trade_id="t1", last_qty="60", last_px="3.2333", reason="busted")
    assert of("fill_corrected", odd(*ENTERED, (9, busted))) == [("note", 'fill t1 was corrected: "busted"')]


def test_an_unknown_outcome_is_a_warning_with_its_length() -> None:
    unknown = (1, on(RecordEntryUnknown, reason="timeout"))
    assert of("outcome_unknown", odd((0, AS_ASKED), unknown, (46, PLACED))) == [
        ("warning", "nobody knew for 45 s what became of the entry, from 18:50:41.000 to 18:51:26.000")
    ]
    assert "and still" in of("outcome_unknown", odd((0, AS_ASKED), unknown))[0][1]
    assert not of("outcome_unknown", odd((0, AS_ASKED), (46, PLACED)))


def test_a_late_fill_and_a_failed_rollback_are_warnings() -> None:
    late = on(RecordEntryFill, trade_id="t9", last_qty="1", last_px="3.2")
    assert of("late_fill", odd(*ENTERED, (60, CLOSED), (90, late))) == [
        ("warning", "1 filled at 3.2 after the cycle was over")
    ]
    failed = (on(StartRollback, reason="no stop"), on(FailRollback, reason="30209", residual_qty="40"))
    found = odd((0, AS_ASKED), (1, PLACED), (2, FILLED), (3, failed[0]), (4, failed[1]))
    assert of("rollback_failed", found) == [("warning", 'a rollback left 40 at the exchange: "30209"')]


def test_every_doubtful_value_of_an_imported_row_is_told_and_its_age_is_not_odd() -> None:
    row = ImportPosition.of(
        symbol="APTUSDT",
        exchange="binance",
        side="long",
        quantity="61",
        status="active",
        avg_px_open="3.257",
        opened_at=second(0),
        row={},
        findings=["wrong_side_stop: 3.3201", "missing_id"],
        legacy_id="31",
    )
    found = odd_about(cycle((0, row), lag=timedelta(days=400)))
    assert [text for _, text in of("imported", found)] == [
        'doubtful in the old table: "wrong_side_stop: 3.3201"',
        'doubtful in the old table: "missing_id"',
    ]
    assert not of("recorded_late", found)
    corrected = odd((0, row), (9, on(Adjust, quantity="60", reason="seen")))
    assert of("adjusted", corrected) and not of("quantity", corrected), "nobody knows what was requested"


def test_refused_rivals_are_counted_named_and_timed() -> None:
    one = odd(*ENTERED, refusals=(refused(3, "5483299"),))
    assert of("refused", one) == [("note", "1 rival refused at 18:50:43.000: 5483299")]
    many = odd(
        *ENTERED, refusals=(*rivals([3, 3.5, 4, 4.1, 4.2, 4.3]), refused(4.5, None, detected_by="version_conflict"))
    )
    assert of("refused", many) == [
        (
            "note",
            (
                "7 rivals refused from 18:50:43.000 to 18:50:44.500: rival-0, rival-1, rival-2, rival-3, rival-4 and "
                "2 more; 1 of them lost a race at the append"
            ),
        )
    ]
    assert not of("refused", odd(*ENTERED))


def test_a_time_that_goes_back_is_told() -> None:
    early = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2333", at=second(-11))
    assert of("clock_back", odd((0, AS_ASKED), (1, PLACED), (2, early))) == [
        ("note", "version 3 happened 12 s before the one recorded before it")
    ]
    at_once = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2333", at=second(0))
    assert not of("clock_back", odd((0, AS_ASKED), (1, PLACED), (2, at_once)))
    assert not of("clock_back", odd(*ENTERED))


def test_what_was_written_down_late_is_told_once() -> None:
    assert not of("recorded_late", odd_about(cycle(*ENTERED, lag=timedelta(seconds=60))))
    assert of("recorded_late", odd_about(cycle(*ENTERED, lag=timedelta(seconds=61)))) == [
        ("note", "written down late: 5 of 5 events; version 1, 1 min 1 s after it happened")
    ]


def test_an_event_from_the_future_means_that_a_clock_is_wrong() -> None:
    assert not of("recorded_ahead", odd_about(cycle(*ENTERED, lag=timedelta(seconds=-5))))
    assert of("recorded_ahead", odd_about(cycle((0, AS_ASKED), lag=timedelta(seconds=-90)))) == [
        ("note", "a clock is wrong: version 1 is said to have happened 1 min 30 s after it was written down")
    ]


def test_a_profit_that_is_not_known_is_told() -> None:
    assert of("profit_unknown", odd(*ENTERED, (60, on(Close, exit_reason="phantom"))))
    assert not of("profit_unknown", odd(*ENTERED, (60, CLOSED)))


def test_the_walk_through_i_01() -> None:
    """A signal opens, the synchroniser sees it 3.756 s later: one cycle, and nothing that cost money."""
    placed = on(RecordEntryPlaced, exchange_order_id="53190368", filled_qty="61.8", avg_px="3.2333")
    adjust = on(Adjust, quantity="61.0", avg_px_open="3.2295", reason="seen at the exchange")
    stop = on(SetStopLoss, stop_price="3.2941", exchange_order_id="53190370", activate=True)
    found = odd(
        (0.981819, AS_ASKED),
        (0.981819, placed),
        (4.738217, adjust),
        (5.914876, stop),
        refusals=(refused(4.7, None, source="sync", command="adopt"),),
    )
    assert [(each.kind, each.weight.value) for each in found] == [
        ("unprotected", "note"),
        ("refused", "note"),
        ("quantity", "note"),
        ("slippage", "note"),
        ("adjusted", "note"),
    ]
    assert of("refused", found) == [("note", "1 rival refused at 18:50:44.700: the synchroniser")]
