from __future__ import annotations

import pytest

from domain.commands.order_requests import CorrectFill, RequestExit
from domain.commands.requests import (
    Close,
    FailEntry,
    FailRollback,
    RecordEntryFill,
    RecordEntryPlaced,
    Reduce,
    RequestEntry,
    StartRollback,
)
from domain.errors import (
    ExitBeforeEntry,
    InvalidCommand,
    NotFilled,
    NothingToClose,
    PositionNotOpen,
    ReduceExceedsPosition,
)
from domain.events import FillCorrected, PositionAdopted, PositionClosed, PositionReduced, RolledBack
from projections.event_time.past_rows import row_at
from tests.spec import CYCLE, ENTERED, FILLED, PLACED, given, on, request, second

UNPRICED = on(RecordEntryPlaced, exchange_order_id="1", filled_qty="61.8")


def sold(quantity: str, price: str, trade_id: str = "x1", **fields: object) -> Reduce:
    return on(Reduce, trade_id=trade_id, last_qty=quantity, last_px=price, **fields)  # type: ignore[arg-type]  # no position_id among them


# -- reduce -----------------------------------------------------------------------------------------------------


def test_a_partial_exit_realises_its_share_of_the_profit() -> None:
    given(*ENTERED).when(sold("31.8", "3.2", fee="0.05", fee_currency="USDT")).then(
        PositionReduced, trade_id="x1", last_qty="31.8", last_px="3.2", fee="0.05", pnl="1.05894"
    ).leaves(
        status="active",
        quantity="30",
        filled_qty="61.8",
        avg_px_open="3.2333",
        avg_px_close="3.2",
        realized_pnl="1.05894",
        fees="0.05",
    )


def test_a_partial_exit_of_a_long_earns_when_the_price_rose() -> None:
    given(request(side="long"), PLACED, FILLED).when(sold("1.8", "3.3333")).then(PositionReduced, pnl="0.18")


def test_exits_add_up() -> None:
    given(*ENTERED, sold("10", "3.2"), sold("20", "3.25", "x2")).leaves(
        quantity="31.8", realized_pnl="-0.001", avg_px_close="3.233333333333333333"
    )


def test_a_position_that_was_reduced_to_nothing_waits_to_be_closed() -> None:
    given(*ENTERED).when(sold("61.8", "3.2")).then(PositionReduced).leaves(status="active", quantity="0").when(
        on(Close, exit_reason="take profit")
    ).then(PositionClosed, avg_px_close="3.2", realized_pnl="2.05794")


def test_no_more_is_closed_than_is_open() -> None:
    given(*ENTERED, sold("60", "3.2")).when(sold("1.800000000000000001", "3.2", "x2")).refused(
        ReduceExceedsPosition, "holds 1.8, less than the 1.800000000000000001 to be closed", "flip: true"
    )


def test_nothing_is_reduced_where_nothing_is_held() -> None:
    given(request(), PLACED).when(sold("1", "3")).refused(ExitBeforeEntry, "send it again after the fills of its entry")
    given(*ENTERED, sold("61.8", "3.2")).when(sold("1", "3", "x2")).refused(NothingToClose)


def test_an_exit_fill_of_a_position_at_an_unknown_price_has_an_unknown_profit() -> None:
    given(request(), UNPRICED).when(sold("1.8", "3.2")).then(PositionReduced).leaves(quantity="60", realized_pnl=None)


def test_an_exit_fee_in_another_currency_is_kept_apart() -> None:
    paid = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2333", fee="0.001", fee_currency="BNB")
    given(request(), PLACED, paid).when(sold("1.8", "3.2", fee="0.002", fee_currency="bnb")).leaves(
        fees="0", fees_other={"BNB": "0.003"}
    )


def test_exits_are_counted_before_activation_too() -> None:
    given(request(), FILLED).when(sold("1.8", "3.2")).leaves(status="pending_entry", quantity="60")


def test_the_average_entry_of_what_is_bought_after_an_exit_is_that_of_what_is_open() -> None:
    more = on(RecordEntryFill, trade_id="t2", last_qty="30", last_px="3.4333")
    given(*ENTERED, sold("31.8", "3.2")).when(more).leaves(quantity="60", avg_px_open="3.3333")


# -- adjust -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("qty", "left"), [("61.8", "0"), ("60", "1.8")])
def test_a_fill_of_no_more_than_is_held_turns_nothing_over(qty: str, left: str) -> None:
    story = given(*ENTERED).when(sold(qty, "3.2", flip=True)).then(PositionReduced)
    story.leaves(status="active", quantity=left)


def test_a_fill_that_turns_the_position_ends_a_rollback_as_rolled_back() -> None:
    turned = sold("71.8", "3.2", exchange_order_id="9", flip=True)
    given(*ENTERED, on(StartRollback, reason="no stop")).when(turned).then(
        PositionReduced, RolledBack, PositionAdopted
    ).leaves("APTUSDT.binance#1", status="rolled_back", quantity="0", realized_pnl="2.05794")
    given(*ENTERED).when(turned).then(PositionReduced, PositionClosed, PositionAdopted).leaves(
        "APTUSDT.binance#1", status="closed", exit_reason="flip"
    )


def test_a_fill_that_turns_a_position_is_of_the_order_that_was_claimed_for_it() -> None:
    story = given(*ENTERED, on(RequestExit, reason="signal"))
    ours = story.rows[CYCLE].orders["exit.1"].client_order_id
    turned = sold("71.8", "3.2", flip=True, client_order_id=ours, exchange_order_id="9")
    story.when(turned).then(PositionReduced, PositionClosed, PositionAdopted, order="exit.1")


def test_a_fill_that_turned_a_position_proves_by_its_trade_that_a_rollback_is_flat() -> None:
    story = given(*ENTERED, on(StartRollback, reason="no stop")).when(sold("71.8", "3.2", flip=True))
    story.then(PositionReduced, RolledBack, PositionAdopted)
    (_, ended, _) = story.events
    assert isinstance(ended, RolledBack) and ended.evidence.note == "trade x1 closed it, and opened the rest"


def test_exit_fills_explain_what_was_closed_at_a_price_that_nobody_said() -> None:
    story = given(*ENTERED, on(Close, exit_reason="x")).leaves(realized_pnl=None)
    story.when(sold("1.8", "3.2", "x1")).then(PositionReduced, late=True).leaves(status="closed", realized_pnl=None)
    story.when(sold("60", "3.3", "x2")).leaves(status="closed", quantity="0", realized_pnl="-3.94206")


def test_exit_fills_are_what_a_close_at_a_price_meant_and_not_more() -> None:
    story = given(*ENTERED, on(Close, exit_reason="x", avg_px_close="3.2")).leaves(realized_pnl="2.05794")
    story.when(sold("60", "3.3", "x2")).leaves(realized_pnl="-3.94206")
    story.when(sold("2", "3.3", "x3")).refused(
        PositionNotOpen, "of the 61.8 that it closed 1.8 are not told by fills yet", "reduce 1.8 here"
    )
    story.when(sold("1.8", "3.3", "x3")).leaves(realized_pnl="-4.12206")
    story.when(sold("1", "3.3", "x4")).refused(PositionNotOpen, "all of the 61.8 that it closed is told by fills")


def test_an_exit_of_an_entry_that_was_filled_too_late_waits_for_that_fill() -> None:
    late, sale = on(RecordEntryFill, trade_id="t1", last_qty="10", last_px="3.2"), sold("10", "3.3", "x1")
    story = given(request(), on(FailEntry, reason="x", outcome="canceled"))
    story.when(sale).refused(ExitBeforeEntry, "is canceled", "after those fills: entry")
    story.when(sold("62", "3.3", "x1")).refused(PositionNotOpen)
    story.when(late).when(sale).leaves(quantity="0", realized_pnl="-1")


LATE = on(RecordEntryFill, trade_id="t9", last_qty="4", last_px="3.2333", exchange_order_id="9")


def test_a_closing_fill_that_is_more_than_what_a_failed_rollback_left_is_of_before() -> None:
    failed = on(FailRollback, residual_qty="11.8", reason="half of it was filled")
    story = given(*ENTERED, on(StartRollback, reason="no stop"), failed).leaves(quantity="11.8", realized_pnl=None)
    story.when(sold("70", "3.2")).refused(
        ReduceExceedsPosition, "50 of what it closed are not told by fills yet", "reduce 50 with the time"
    )
    assert "flip" not in str(story.refusal)
    turned = given(*ENTERED, on(Close, exit_reason="x"), LATE).when(sold("10", "3.2", flip=True))
    turned.then(PositionReduced, PositionClosed, PositionAdopted)  # which is what was asked for
    story.when(sold("50", "3.2")).leaves(quantity="11.8", realized_pnl="1.665")


def test_a_second_closing_fill_that_opened_the_other_side_is_recorded_as_that() -> None:
    story = given(*ENTERED, sold("61.8", "3.2")).when(sold("61.8", "3.3", "x2")).refused(NothingToClose, "flip: true")
    turned = sold("61.8", "3.3", "x2", flip=True, fee="0.1")
    story.when(turned).then(PositionClosed, PositionAdopted).leaves("APTUSDT.binance#1", realized_pnl="2.05794")
    story.leaves("APTUSDT.binance#2", side="long", quantity="61.8", avg_px_open="3.3", fees="0.1")


def test_a_fill_that_turned_a_position_tells_of_an_end_that_was_guessed_and_opens_the_rest() -> None:
    turned = sold("71.8", "3.2", "x1", flip=True, fee="0.718")
    gone = given(*ENTERED, on(Close, exit_reason="not at the exchange")).when(turned)
    gone.then(PositionReduced, PositionAdopted, last_qty="61.8", fee="0.618", late=True)
    gone.leaves("APTUSDT.binance#1", realized_pnl="2.05794", fees="0.618")
    gone.leaves("APTUSDT.binance#2", side="long", quantity="10", avg_px_open="3.2", fees="0.1")
    again = given(*ENTERED, on(Close, exit_reason="not at the exchange"), LATE).when(sold("14", "3.2", "x1", flip=True))
    again.then(PositionReduced, PositionClosed, PositionAdopted).leaves("APTUSDT.binance#1", realized_pnl=None)
    again.leaves("APTUSDT.binance#2", side="long", quantity="10")


def test_a_fill_of_no_more_than_was_closed_without_one_turns_nothing() -> None:
    story = given(*ENTERED, on(Close, exit_reason="not at the exchange")).when(sold("60", "3.2", flip=True))
    story.then(PositionReduced, last_qty="60").leaves(status="closed", quantity="0")


def test_a_second_entry_that_was_never_filled_turns_nothing() -> None:
    story = given(request(), PLACED, on(RecordEntryPlaced, exchange_order_id="53190368", filled_qty="0"))
    story.when(sold("70", "3.3", flip=True)).refused(NothingToClose, "holds nothing that could be reduced")
    assert "flip" not in str(story.refusal)


SPOT = "SHIBUSDT.binance:SPOT#1"
SHIB = RequestEntry.of(symbol="SHIB/USDT", exchange="binance", leg="SPOT", side="long", quantity="1000", intent_id="s1")
BOUGHT = on(RecordEntryFill, SPOT, trade_id="t1", last_qty="1000", last_px="2")


def spot_sold(quantity: str, price: str, trade_id: str, **fields: bool) -> Reduce:
    return on(Reduce, SPOT, trade_id=trade_id, last_qty=quantity, last_px=price, **fields)


def test_dust_that_is_sold_after_all_earns_what_it_brings() -> None:
    left = (SHIB, BOUGHT, spot_sold("995", "3", "x1"), on(Close, SPOT, exit_reason="target"))
    story = given(*left).leaves(SPOT, residual_qty="5", realized_pnl="995")
    story.when(spot_sold("2", "4", "x2")).then(PositionReduced, residual_qty="3", pnl="4", late=True)
    story.leaves(SPOT, status="closed", stray=False, residual_qty="3", realized_pnl="999")
    story.when(spot_sold("2", "4", "x2")).no_news().when(spot_sold("3", "1", "x3"))
    story.leaves(SPOT, residual_qty="0", realized_pnl="996", quantity="0")
    told = row_at(story.history, second(3600))
    assert told is not None and told.realized_pnl == 996
    story.when(spot_sold("1", "1", "x4")).refused(PositionNotOpen, "all of the 1000")


def test_a_sale_of_dust_that_never_was_leaves_dust_again() -> None:
    left = (SHIB, BOUGHT, spot_sold("995", "3", "x1"), on(Close, SPOT, exit_reason="target"))
    story = given(*left, spot_sold("5", "4", "x2")).leaves(SPOT, residual_qty="0", realized_pnl="1005")
    fewer = on(CorrectFill, SPOT, trade_id="x2", last_qty="2", reason="corrected by the exchange")
    story.when(fewer).then(FillCorrected, residual_qty="3").leaves(SPOT, residual_qty="3", realized_pnl="999")
    more = on(CorrectFill, SPOT, trade_id="x2", last_qty="6", reason="corrected by the exchange")
    story.when(more).refused(NotFilled, "holds 5 without that fill")
    void = on(CorrectFill, SPOT, trade_id="x2", void=True, reason="busted")
    story.when(void).then(FillCorrected, residual_qty="5")
    story.leaves(SPOT, status="closed", residual_qty="5", quantity="0", stray=False, realized_pnl="995")
    told = row_at(story.history, second(3600))
    assert told is not None and told.realized_pnl == 995 and told.residual_qty == 5
    story.when(spot_sold("5", "1", "x3")).leaves(SPOT, residual_qty="0", realized_pnl="990")


def test_a_corrected_exit_of_what_was_held_leaves_dust_as_it_is() -> None:
    left = (SHIB, BOUGHT, spot_sold("995", "3", "x1"), on(Close, SPOT, exit_reason="target"))
    price = on(CorrectFill, SPOT, trade_id="x1", last_px="4", reason="corrected by the exchange")
    story = given(*left).when(price).then(FillCorrected, residual_qty=None)
    story.leaves(SPOT, residual_qty="5", realized_pnl="1990")


@pytest.mark.parametrize("flip", [True, False])
def test_more_than_is_held_on_spot_opens_no_short(flip: bool) -> None:  # noqa: FBT001 - a case
    story = given(SHIB, BOUGHT).when(spot_sold("1005", "3", "x1", flip=flip))
    story.refused(InvalidCommand if flip else ReduceExceedsPosition, "left it as dust", "adopt")
    assert "other side" not in str(story.refusal)
