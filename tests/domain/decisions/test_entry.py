from __future__ import annotations

import pytest

from domain.commands.order_requests import RequestIncrease
from domain.commands.requests import (
    Activate,
    Adjust,
    Adopt,
    Close,
    FailEntry,
    LoseStopLoss,
    RecordEntryFill,
    RecordEntryPlaced,
    RecordEntryUnknown,
    Reduce,
    RollBack,
    SetStopLoss,
    StartRollback,
)
from domain.errors import (
    EntryAlreadyPlaced,
    EntryHasFills,
    NotFilled,
    PositionAlreadyOpen,
    PositionNotOpen,
    StaleCycle,
    StaleEvidence,
    UnknownPosition,
    WrongSideStop,
    WrongStatus,
)
from domain.events import (
    EntryFailed,
    EntryFilled,
    EntryOutcomeUnknown,
    EntryPlaced,
    EntryRequested,
    IncreaseRequested,
    PositionAdjusted,
    PositionAdopted,
)
from tests.spec import ENTERED, FILLED, PLACED, STOP, given, on, request, second

APT = {"symbol": "APTUSDT", "exchange": "binance"}
CANCELED = on(FailEntry, reason="no fill within 20 s", outcome="canceled")


def placed_by_key(**fields: object) -> RecordEntryPlaced:
    return RecordEntryPlaced.of(
        **{**APT, "side": "short", "quantity": "61.8", "exchange_order_id": "53190368", **fields}
    )


def adopted(**fields: object) -> Adopt:
    known = {"side": "short", "quantity": "61", "avg_px_open": "3.2295", "reason": "no cycle explains it"}
    return Adopt.of(**{**APT, **known, **fields})


# -- request_entry ----------------------------------------------------------------------------------------------


def test_an_entry_claims_the_slot_before_any_order_is_sent() -> None:
    given().when(request(stop_loss_percent="2")).then(
        EntryRequested,
        cycle=1,
        side="short",
        quantity="61.8",
        signal_price="3.2333",
        stop_loss_percent="2",
        stop_price=None,
        intent_id="5483266",
        client_order_id="phj4bdbehtnowjiptjskodhosei",
        source="signal",
        ts_event="2025-10-22T18:50:40.000000Z",
    ).leaves(status="pending_entry", quantity="0", requested_qty="61.8", avg_px_open=None, protected=False)


def test_the_answer_names_the_position_and_the_order_id_to_send() -> None:
    given().when(request()).answered(
        position_id="APTUSDT.binance#1",
        version=1,
        status="pending_entry",
        events=("EntryRequested",),
        client_order_id="phj4bdbehtnowjiptjskodhosei",
    )


@pytest.mark.parametrize("sent", range(1, len(ENTERED) + 1))
def test_no_second_entry_while_one_is_open(sent: int) -> None:
    given(*ENTERED[:sent]).when(request(intent_id="5483267")).refused(
        PositionAlreadyOpen, "APTUSDT.binance#1 already holds this slot", "opened by intent 5483266", "Send no order"
    )


def test_no_second_entry_while_one_is_rolled_back() -> None:
    given(*ENTERED, on(StartRollback, reason="x")).when(request(intent_id="2")).refused(
        PositionAlreadyOpen, "rolling_back"
    )


def test_the_other_side_is_the_same_slot() -> None:
    given(request()).when(request(side="long", intent_id="2")).refused(PositionAlreadyOpen)


def test_a_refused_duplicate_is_told_who_won_and_how_long_ago() -> None:
    refusal = given(request()).when(request(intent_id="2", at=second(12.5))).refusal
    assert isinstance(refusal, PositionAlreadyOpen)
    assert refusal.details == {
        "position_id": "APTUSDT.binance#1",
        "status": "pending_entry",
        "age_seconds": "12.500000",
        "intent_id": "5483266",
        "detected_by": "state",
    }
    assert "12.5 s" in refusal.message


def test_a_slow_clock_does_not_make_the_winner_younger_than_nothing() -> None:
    refusal = given(request()).when(request(intent_id="2", at=second(-60))).refusal
    assert isinstance(refusal, PositionAlreadyOpen)
    assert refusal.age.total_seconds() == 0


def test_a_new_entry_is_a_new_cycle() -> None:
    given(*ENTERED, on(Close, exit_reason="stop")).when(request(intent_id="2")).then(EntryRequested, cycle=2).leaves(
        position_id="APTUSDT.binance#2", status="pending_entry"
    )


def test_every_cycle_has_its_own_client_order_id() -> None:
    story = given(*ENTERED, on(Close, exit_reason="stop")).when(request(intent_id="2"))
    assert story.rows["APTUSDT.binance#1"].client_order_id != story.rows["APTUSDT.binance#2"].client_order_id


@pytest.mark.parametrize(("side", "stop"), [("short", "3.2"), ("short", "3.2333"), ("long", "3.3"), ("long", "3.2333")])
def test_a_planned_stop_that_would_trigger_at_once_is_refused(side: str, stop: str) -> None:
    given().when(request(side=side, stop_price=stop)).refused(
        WrongSideStop, f"a stop at {stop}", "signal price of 3.2333"
    )


@pytest.mark.parametrize(("side", "stop"), [("short", "3.3"), ("long", "3.2")])
def test_a_planned_stop_on_the_losing_side_is_kept(side: str, stop: str) -> None:
    given().when(request(side=side, stop_price=stop)).then(EntryRequested, stop_price=stop).leaves(stop_price=None)


def test_a_planned_stop_without_a_signal_price_is_judged_later() -> None:
    given().when(request(signal_price=None, stop_price="9")).then(EntryRequested, stop_price="9", signal_price=None)


def test_every_event_says_whose_command_it_answers_when_it_happened_and_when_it_was_written() -> None:
    sent = on(
        RecordEntryPlaced,
        command_id="c-17",
        exchange_order_id="1",
        at=second(-0.5),
        source="recovery",
        metadata={"try": [1, {"last": None}]},
    )
    given(request()).when(sent).then(
        EntryPlaced,
        originator_id="APTUSDT.binance",
        originator_version=2,
        command_id="c-17",
        request=sent.digest,
        cycle=1,
        ts_event="2025-10-22T18:50:39.500000Z",
        ts_recorded="2025-10-22T18:50:41.000000Z",
        source="recovery",
        metadata={"try": [1, {"last": None}]},
    )


def test_each_leg_of_a_hedged_account_is_a_slot_of_its_own() -> None:
    given().when(request(leg="SHORT", account="sub1")).answered(position_id="APTUSDT.binance.sub1:SHORT#1")
    assert (
        len({request(leg=leg, side=side).key for leg, side in [("LONG", "long"), ("SHORT", "short"), ("BOTH", "long")]})
        == 3
    )


# -- record_entry_placed ----------------------------------------------------------------------------------------


def test_an_acknowledgement_of_an_order() -> None:
    given(request()).when(PLACED).then(EntryPlaced, exchange_order_id="53190368", filled_qty=None, side=None).leaves(
        status="entry_placed", exchange_order_id="53190368", quantity="0", avg_px_open=None
    )


def test_an_acknowledgement_may_bring_the_fill() -> None:
    given(request()).when(on(RecordEntryPlaced, exchange_order_id="53190368", filled_qty="61.8", avg_px="3.2333")).then(
        EntryPlaced, filled_qty="61.8", avg_px="3.2333"
    ).leaves(status="entry_placed", quantity="61.8", filled_qty="61.8", avg_px_open="3.2333")


def test_a_fill_without_a_price_is_held_at_a_price_that_is_not_known() -> None:
    given(request()).when(on(RecordEntryPlaced, exchange_order_id="1", filled_qty="61.8")).then(EntryPlaced).leaves(
        quantity="61.8", avg_px_open=None, signal_price="3.2333"
    )


def test_the_same_acknowledgement_again_is_no_news() -> None:
    given(request(), PLACED).when(PLACED).no_news()


def test_a_later_answer_of_the_exchange_may_know_more_of_the_same_order() -> None:
    more = on(RecordEntryPlaced, exchange_order_id="53190368", filled_qty="61.8", avg_px="3.2333")
    given(request(), PLACED).when(more).then(EntryPlaced, filled_qty="61.8").leaves(quantity="61.8")


def test_an_answer_that_knows_less_than_the_fills_is_no_news() -> None:
    less = on(RecordEntryPlaced, exchange_order_id="53190368", filled_qty="20", avg_px="3.2")
    given(request(), PLACED, FILLED).when(less).no_news()


def test_a_second_order_for_one_entry_is_refused() -> None:
    given(request(), PLACED).when(on(RecordEntryPlaced, exchange_order_id="53190369")).refused(
        EntryAlreadyPlaced, "was placed as order 53190368", "cancel or close it at the exchange"
    )


@pytest.mark.parametrize("sent", range(4, len(ENTERED) + 1))
def test_a_late_acknowledgement_does_not_turn_the_status_back(sent: int) -> None:
    earlier = [command for command in ENTERED[:sent] if command is not PLACED]
    status = given(*earlier).rows["APTUSDT.binance#1"].status
    given(*earlier).when(PLACED).then(EntryPlaced).leaves(status=status.value, exchange_order_id="53190368")


def test_an_acknowledgement_of_an_entry_that_is_over_is_refused() -> None:
    given(request(), CANCELED).when(PLACED).refused(PositionNotOpen, "is canceled: it is over")


def test_an_acknowledgement_of_a_cycle_that_never_was_is_refused() -> None:
    given().when(PLACED).refused(UnknownPosition, "APTUSDT.binance has no cycles")
    given(request()).when(on(RecordEntryPlaced, "APTUSDT.binance#2", exchange_order_id="1")).refused(
        UnknownPosition, "APTUSDT.binance#2 is not known; the last cycle is APTUSDT.binance#1"
    )


def test_an_acknowledgement_on_a_flat_stream_opens_the_cycle_after_the_fact() -> None:
    given().when(placed_by_key(intent_id="5483266", signal_price="3.2333")).then(
        EntryPlaced, cycle=1, side="short", quantity="61.8", client_order_id="phj4bdbehtnowjiptjskodhosei"
    ).leaves(
        status="entry_placed",
        side="short",
        requested_qty="61.8",
        signal_price="3.2333",
        intent_id="5483266",
        exchange_order_id="53190368",
        client_order_id="phj4bdbehtnowjiptjskodhosei",
        quantity="0",
    )


def test_an_acknowledgement_that_opens_may_say_only_what_was_filled() -> None:
    given().when(placed_by_key(quantity=None, filled_qty="61.8", avg_px="3.2333")).then(
        EntryPlaced, quantity="61.8"
    ).leaves(requested_qty="61.8", quantity="61.8", intent_id=None)


def test_the_same_order_by_key_again_is_no_news() -> None:
    given(placed_by_key()).when(placed_by_key()).no_news().answered(position_id="APTUSDT.binance#1", events=())


def test_the_same_order_by_key_with_more_filled_is_news() -> None:
    given(placed_by_key()).when(placed_by_key(filled_qty="61.8", avg_px="3.2333")).then(
        EntryPlaced, filled_qty="61.8", cycle=1
    ).leaves(quantity="61.8", avg_px_open="3.2333")


def test_an_acknowledgement_by_key_with_the_intent_of_the_open_entry_is_of_that_entry() -> None:
    given(request()).when(placed_by_key(intent_id="5483266")).then(EntryPlaced, cycle=1, side=None).leaves(
        status="entry_placed", exchange_order_id="53190368"
    )


def test_a_second_order_by_key_for_the_same_intent_is_refused() -> None:
    given(request(), PLACED).when(placed_by_key(intent_id="5483266", exchange_order_id="2")).refused(
        EntryAlreadyPlaced, "order 2 is a second entry"
    )


def test_another_order_by_key_finds_the_slot_taken() -> None:
    given(placed_by_key()).when(placed_by_key(exchange_order_id="2")).refused(PositionAlreadyOpen, "entry_placed")


def test_the_same_order_number_on_the_other_side_is_another_order() -> None:
    given(placed_by_key()).when(placed_by_key(side="long")).refused(PositionAlreadyOpen)


# -- record_entry_fill ------------------------------------------------------------------------------------------


def test_a_fill_is_counted_and_changes_no_status() -> None:
    given(request(), PLACED).when(FILLED).then(
        EntryFilled, trade_id="t1", last_qty="61.8", last_px="3.2333", late=False
    )
    given(request(), PLACED, FILLED).when(on(RecordEntryFill, trade_id="t2", last_qty="0.2", last_px="3.24")).leaves(
        status="entry_placed", quantity="62", filled_qty="62"
    )


def test_a_fill_may_come_before_the_acknowledgement() -> None:
    given(request()).when(FILLED).then(EntryFilled).leaves(
        status="pending_entry", quantity="61.8", avg_px_open="3.2333"
    )


def test_the_average_price_follows_the_fills() -> None:
    given(request(), PLACED, on(RecordEntryFill, trade_id="t1", last_qty="40", last_px="3.2")).when(
        on(RecordEntryFill, trade_id="t2", last_qty="20", last_px="3.23")
    ).leaves(quantity="60", avg_px_open="3.21")


def test_the_signal_price_is_kept_beside_the_fill() -> None:
    given(request(signal_price="3.31"), PLACED).when(FILLED).leaves(signal_price="3.31", avg_px_open="3.2333")


def test_the_fee_of_a_fill_is_counted() -> None:
    paid = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2333", fee="0.09990897", fee_currency="usdt")
    given(request(), PLACED).when(paid).then(EntryFilled, fee="0.09990897", fee_currency="usdt").leaves(
        fees="0.09990897", fees_other={}
    )


def test_a_fee_that_names_no_currency_is_in_the_settlement_currency() -> None:
    paid = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2333", fee="0.1")
    given(request(), PLACED).when(paid).leaves(fees="0.1", fees_other={})


def test_a_fee_in_another_currency_is_kept_apart() -> None:
    paid = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2333", fee="0.0001", fee_currency="bnb")
    given(request(), PLACED).when(paid).leaves(fees="0", fees_other={"BNB": "0.0001"})


def test_a_fill_that_the_acknowledgement_counted_is_not_counted_again() -> None:
    known = on(RecordEntryPlaced, exchange_order_id="1", filled_qty="61.8", avg_px="3.2333")
    given(request(), known).when(FILLED).then(EntryFilled, last_qty="61.8").leaves(quantity="61.8", filled_qty="61.8")


def test_the_fill_brings_the_price_that_the_acknowledgement_did_not_know() -> None:
    unpriced = on(RecordEntryPlaced, exchange_order_id="1", filled_qty="61.8")
    given(request(), unpriced).when(FILLED).leaves(quantity="61.8", avg_px_open="3.2333")


def test_a_price_of_one_order_is_kept_until_those_of_the_others_are_known() -> None:
    def stated(order: str, intent: str, quantity: str, **price: str) -> RecordEntryPlaced:
        return on(RecordEntryPlaced, exchange_order_id=order, intent_id=intent, filled_qty=quantity, **price)

    more = on(RequestIncrease, intent_id="more", quantity="10")
    story = given(request(), more, stated("a", "5483266", "10"), stated("b", "more", "4"))
    story.when(stated("a", "5483266", "10", avg_px="3")).leaves(quantity="14", avg_px_open=None)
    story.when(stated("a", "5483266", "10", avg_px="3")).no_news()
    story.when(stated("b", "more", "6", avg_px="3.4")).leaves(quantity="16", avg_px_open="3.15")


def test_a_fill_older_than_the_acknowledgement_is_part_of_what_it_says() -> None:
    partly = on(RecordEntryPlaced, exchange_order_id="1", filled_qty="40", avg_px="3.2333", at=second(5))
    older = on(RecordEntryFill, trade_id="t1", last_qty="40", last_px="3.2333", at=second(4))
    given(request(), partly).when(older).then(EntryFilled).leaves(quantity="40", filled_qty="40")


def test_a_fill_older_than_the_last_adjustment_is_part_of_it() -> None:
    corrected = on(Adjust, quantity="61", avg_px_open="3.2295", reason="the exchange says so", at=second(5))
    older = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2333", fee="0.1", at=second(4))
    given(request(), PLACED, corrected).when(older).then(EntryFilled).leaves(
        quantity="61", avg_px_open="3.2295", fees="0.1"
    )


def test_a_fill_newer_than_the_last_adjustment_is_counted_whatever_was_requested() -> None:
    corrected = on(Adjust, quantity="40", avg_px_open="3.23", reason="the exchange says so", at=second(5))
    newer = on(RecordEntryFill, trade_id="t9", last_qty="20", last_px="3.26", at=second(10.5))
    given(request(), PLACED, corrected).when(newer).leaves(quantity="60", avg_px_open="3.24")


def test_an_acknowledgement_older_than_the_last_adjustment_is_part_of_it() -> None:
    corrected = on(Adjust, quantity="61", avg_px_open="3.2295", reason="the exchange says so", at=second(5))
    older = on(RecordEntryPlaced, exchange_order_id="1", filled_qty="61.8", avg_px="3.2333", at=second(4))
    given(request(), corrected).when(older).then(EntryPlaced).leaves(
        quantity="61", avg_px_open="3.2295", exchange_order_id="1"
    )


def test_a_fill_older_than_an_adoption_is_part_of_it() -> None:
    older = on(RecordEntryFill, trade_id="t1", last_qty="61", last_px="3.2295", at=second(-5))
    given(adopted()).when(older).then(EntryFilled).leaves(quantity="61")


def test_a_fill_never_makes_a_position_smaller() -> None:
    grown = on(Adjust, quantity="86", avg_px_open="3.2333", reason="doubled at the exchange")
    given(request(), FILLED, grown).when(
        on(RecordEntryFill, trade_id="t2", last_qty="1", last_px="3.2333", at=second(60))
    ).then(EntryFilled, order="entry.2").leaves(quantity="87")


@pytest.mark.parametrize("outcome", ["canceled", "rejected", "expired"])
def test_a_fill_after_the_entry_failed_takes_the_slot_back(outcome: str) -> None:
    over = on(FailEntry, reason="x", outcome=outcome)
    given(request(), PLACED, over).when(FILLED).then(EntryFilled, late=True, reopens=True, cycle=1).leaves(
        status="entry_placed", late_fill=True, quantity="61.8", stray=False, protected=False, exit_reason=None
    )


def test_nobody_enters_while_a_late_fill_holds_the_slot() -> None:
    story = given(request(), PLACED, CANCELED, FILLED).when(request(intent_id="2"))
    story.refused(PositionAlreadyOpen, "APTUSDT.binance#1 already holds this slot")
    story.when(on(Reduce, trade_id="x", last_qty="61.8", last_px="3.2")).when(on(Close, exit_reason="late")).leaves(
        status="closed", quantity="0", realized_pnl="2.05794"
    )


def test_a_fill_of_a_cycle_that_never_was_is_refused() -> None:
    given().when(FILLED).refused(UnknownPosition)
    given(request()).when(on(RecordEntryFill, "APTUSDT.binance#7", trade_id="1", last_qty="1", last_px="1")).refused(
        UnknownPosition, "the last cycle is APTUSDT.binance#1"
    )


@pytest.mark.parametrize("sent", range(1, len(ENTERED) + 1))
def test_a_fill_never_turns_the_status_back(sent: int) -> None:
    story = given(*ENTERED[:sent])
    status = story.rows["APTUSDT.binance#1"].status.value
    story.when(on(RecordEntryFill, trade_id="t2", last_qty="1", last_px="3.2333")).then(EntryFilled).leaves(
        status=status
    )


# -- record_entry_unknown ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [(request(),), (request(), PLACED)])
def test_a_call_that_timed_out_keeps_the_slot_and_is_flagged(before: tuple[RecordEntryPlaced, ...]) -> None:
    status = given(*before).rows["APTUSDT.binance#1"].status.value
    story = given(*before).when(on(RecordEntryUnknown, reason="timed out after 20 s"))
    story.then(EntryOutcomeUnknown, reason="timed out after 20 s").leaves(status=status, outcome_unknown=True)
    story.when(request(intent_id="2")).refused(PositionAlreadyOpen)


@pytest.mark.parametrize(
    "evidence",
    [
        PLACED,
        FILLED,
        on(Adjust, quantity="61.8", avg_px_open="3.2333", reason="found at the exchange"),
        on(FailEntry, reason="no such order", outcome="rejected"),
    ],
    ids=lambda command: command.verb,
)
def test_evidence_settles_an_unknown_outcome(evidence: RecordEntryPlaced) -> None:
    given(request(), on(RecordEntryUnknown, reason="x")).when(evidence).leaves(outcome_unknown=False)


@pytest.mark.parametrize("known", [PLACED, FILLED], ids=lambda command: command.verb)
def test_what_was_not_known_before_the_exchange_answered_is_no_news(known: RecordEntryPlaced) -> None:
    """A queue that delivers an old word late would have the order looked up that is on record."""
    story = given(request(at=second(0)), known.model_copy(update={"at": second(20)}))
    old = on(RecordEntryUnknown, reason="no answer for 10 s", at=second(14.999))
    story.when(old).no_news().leaves(outcome_unknown=False)
    story.when(old.model_copy(update={"at": second(15)})).then(EntryOutcomeUnknown)


def test_the_same_acknowledgement_settles_an_unknown_outcome_too() -> None:
    given(request(), PLACED, on(RecordEntryUnknown, reason="x")).when(PLACED).then(EntryPlaced).leaves(
        outcome_unknown=False
    )


def test_an_adjustment_to_what_is_known_settles_an_unknown_outcome_too() -> None:
    same = on(Adjust, quantity="61.8", avg_px_open="3.2333", reason="the exchange agrees")
    given(request(), FILLED, on(RecordEntryUnknown, reason="x")).when(same).then(PositionAdjusted).leaves(
        outcome_unknown=False
    )


def test_the_outcome_of_an_entry_with_a_confirmed_stop_is_not_unknown() -> None:
    given(*ENTERED[:4]).when(on(RecordEntryUnknown, reason="x")).refused(WrongStatus, "is pending_sl")
    given(*ENTERED).when(on(RecordEntryUnknown, reason="x")).refused(WrongStatus, "is active")


# -- fail_entry -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "status"), [("rejected", "failed"), ("expired", "failed"), ("canceled", "canceled")]
)
def test_an_entry_that_came_to_nothing_frees_the_slot(outcome: str, status: str) -> None:
    failed = on(FailEntry, reason="Exceeded the maximum allowable position", outcome=outcome, code="-2027")
    given(request(), PLACED).when(failed).then(EntryFailed, outcome=outcome, code="-2027").leaves(
        status=status,
        exit_reason="Exceeded the maximum allowable position",
        closed_at="2025-10-22T18:50:42.000000Z",
    ).when(request(intent_id="2")).then(EntryRequested, cycle=2)


def test_an_entry_may_fail_before_it_is_acknowledged() -> None:
    given(request()).when(CANCELED).then(EntryFailed)


def test_an_entry_with_a_stop_but_no_fill_may_fail() -> None:
    given(request(), PLACED, STOP).when(CANCELED).then(EntryFailed)


def test_an_entry_of_which_something_was_filled_cannot_have_failed() -> None:
    given(request(), PLACED, FILLED).when(CANCELED).refused(EntryHasFills, "has 61.8 filled", "roll it back")


def test_an_entry_that_was_filled_and_closed_again_cannot_have_failed_either() -> None:
    sold = on(Reduce, trade_id="t2", last_qty="61.8", last_px="3.2")
    given(request(), PLACED, FILLED, sold).when(CANCELED).refused(EntryHasFills)


def test_an_active_position_cannot_fail() -> None:
    given(*ENTERED).when(CANCELED).refused(EntryHasFills)


def test_an_entry_fails_once() -> None:
    given(request(), CANCELED).when(CANCELED).refused(PositionNotOpen, "is canceled")


# -- adopt ------------------------------------------------------------------------------------------------------


def test_a_position_that_no_cycle_explains_is_adopted() -> None:
    given().when(adopted()).then(PositionAdopted, cycle=1, side="short", source="sync").leaves(
        status="active",
        quantity="61",
        avg_px_open="3.2295",
        requested_qty=None,
        intent_id=None,
        protected=False,
        unprotected_since="2025-10-22T18:50:40.000000Z",
        activated_at="2025-10-22T18:50:40.000000Z",
        source="sync",
    )


@pytest.mark.parametrize("sent", range(1, len(ENTERED) + 1))
def test_what_a_cycle_explains_is_not_adopted(sent: int) -> None:
    given(*ENTERED[:sent]).when(adopted()).refused(PositionAlreadyOpen, "opened by intent 5483266")


def test_what_was_seen_before_the_last_cycle_ended_is_not_adopted() -> None:
    ended = given(*ENTERED).when(on(Close, exit_reason="target", at=second(-10)))
    words = ("APTUSDT.binance#1 is over", "seen at 2025-10-22T18:50:30.000000Z", "Look again")
    ended.when(adopted(at=second(-11))).refused(StaleEvidence, *words)
    ended.when(adopted(at=second(-10))).leaves(position_id="APTUSDT.binance#2", status="active")


def test_what_was_seen_before_a_fill_of_the_last_cycle_is_not_adopted() -> None:
    sold = on(Reduce, trade_id="x9", last_qty="61.8", last_px="3.2", at=second(-20))
    given(*ENTERED, sold, on(Close, exit_reason="x")).when(adopted(at=second(-21))).refused(StaleEvidence, "x9")


def test_what_was_seen_before_a_rollback_was_proved_is_not_adopted() -> None:
    proof = on(RollBack, evidence={"position_quantity": "0"}, at=second(-10))
    ended = given(*ENTERED, on(StartRollback, reason="no stop"), proof)
    ended.when(adopted(at=second(-11))).refused(StaleEvidence, "seen at 2025-10-22T18:50:30.000000Z")


def test_what_was_adopted_and_has_ended_since_is_no_news_when_it_is_sent_again() -> None:
    seen = adopted(at=second(-30))
    ended = given(seen, on(Close, exit_reason="gone", at=second(-10)))
    ended.when(seen).no_news().when(adopted(at=second(-9))).leaves(position_id="APTUSDT.binance#2")


def test_what_was_seen_before_an_entry_failed_is_adopted_for_no_cycle_explains_it() -> None:
    failed = on(FailEntry, reason="rejected", outcome="rejected", at=second(-10))
    given(request(), failed).when(adopted(at=second(-11))).leaves(position_id="APTUSDT.binance#2")


def test_what_was_seen_before_a_cycle_that_failed_is_not_adopted_for_the_cycle_before_may_have_ended_it() -> None:
    again = request(intent_id="2", at=second(-8))
    failed = on(FailEntry, position_id="APTUSDT.binance#2", reason="no", outcome="rejected", at=second(-6))
    ended = given(*ENTERED, on(Close, exit_reason="target", at=second(-10)), again, failed)
    words = ("APTUSDT.binance#2 is over", "opening at 2025-10-22T18:50:32.000000Z", "Look again")
    ended.when(adopted(at=second(-11))).refused(StaleEvidence, *words)
    ended.when(adopted(at=second(-7))).leaves(position_id="APTUSDT.binance#3", status="active")


def test_an_import_adopts_what_its_table_says() -> None:
    ended = given(*ENTERED, on(Close, exit_reason="target", at=second(-10)))
    ended.when(adopted(at=second(-11), source="import")).leaves(position_id="APTUSDT.binance#2")


def test_when_an_end_was_is_compared_only_where_it_was_said() -> None:
    ended = given(*ENTERED, on(Close, exit_reason="target"))
    ended.when(adopted(at=second(-11))).leaves(position_id="APTUSDT.binance#2")


def test_an_adopted_position_holds_the_slot() -> None:
    given(adopted()).when(request()).refused(PositionAlreadyOpen, "active", "intent 5483266 is refused")


def test_an_adopted_position_can_be_protected_reduced_and_closed() -> None:
    given(adopted()).when(on(SetStopLoss, stop_price="3.2941", exchange_order_id="s1")).leaves(
        status="active", protected=True
    ).when(on(Reduce, trade_id="t1", last_qty="1", last_px="3.2195")).leaves(realized_pnl="0.01").when(
        on(Close, exit_reason="stop", avg_px_close="3.2941")
    ).leaves(status="closed", realized_pnl="-3.866", avg_px_close="3.292877049180327869")


# -- cycles -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "late",
    [
        on(Close, exit_reason="late"),
        on(Activate),
        STOP,
        on(LoseStopLoss, reason="late"),
        on(Reduce, trade_id="late", last_qty="1", last_px="1"),
        on(Adjust, quantity="1", reason="late"),
        on(StartRollback, reason="late"),
        CANCELED,
        PLACED,
    ],
    ids=lambda command: command.verb,
)
def test_a_command_on_an_old_cycle_never_touches_the_new_one(late: Close) -> None:
    given(*ENTERED, on(Close, exit_reason="stop"), request(intent_id="2")).when(late).refused(
        StaleCycle, "APTUSDT.binance#1 is over; the current cycle is #2", "cycles share nothing"
    )


def test_cycles_share_nothing() -> None:
    given(*ENTERED, on(Close, exit_reason="tp")).when(
        request(side="long", quantity="7", signal_price=None, intent_id="2")
    ).leaves(
        side="long",
        quantity="0",
        filled_qty="0",
        avg_px_open=None,
        signal_price=None,
        stop_price=None,
        stop_confirmed=False,
        exchange_order_id=None,
        activated_at=None,
        exit_reason=None,
        realized_pnl="0",
    ).when(on(Activate, "APTUSDT.binance#2")).refused(NotFilled)


def test_nothing_is_added_to_what_was_all_closed() -> None:
    more = on(RequestIncrease, intent_id="more", quantity="10")
    sold = on(Reduce, trade_id="x1", last_qty="61.8", last_px="3.2")
    given(*ENTERED, sold).when(more).refused(WrongStatus, "the 61.8 that it held are closed", "request_entry")
    given(*ENTERED, more, sold).when(more).no_news().answered(events=("IncreaseRequested",))
    given(request()).when(more).then(IncreaseRequested)
    part = on(Reduce, trade_id="x1", last_qty="61", last_px="3.2")
    given(*ENTERED, part).when(more).then(IncreaseRequested)
