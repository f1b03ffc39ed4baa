"""Unfinished cycles that the exchange holds: what is recorded of them, and which order is lacking."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.commands.base import Command
from domain.commands.requests import (
    Adopt,
    FailRollback,
    LoseStopLoss,
    RecordEntryFill,
    RecordEntryPlaced,
    SetStopLoss,
    StartRollback,
)
from domain.events import RollbackStarted, StopLossLost
from projections.recovery.proposals import Action
from projections.recovery.required_orders import PlannedOrders, RequiredOrder
from tests.projections.recovery.proposed import APT, GONE, ITS_STOP, MOVED, OTHER, UNKNOWN, done, look, the, verbs
from tests.projections.seen import LATER, held, limit, seen, stop
from tests.spec import CYCLE, ENTERED, FILLED, PLACED, STOP, given, on, request


@pytest.mark.parametrize(
    "sent",
    [
        (request(),),
        (request(), UNKNOWN),
        (request(), PLACED),
        (request(), PLACED, UNKNOWN),
        (request(), PLACED, FILLED),
    ],
)
def test_what_the_exchange_holds_under_a_stop_is_finished(sent: tuple[Command, ...]) -> None:
    theirs = held("APTUSDT", "short", "61.0", "3.2295")
    snapshot = seen(theirs, orders=[ITS_STOP], at=LATER)
    story = given(*sent)
    assert the(story, snapshot).action is Action.FINISH
    done(story, snapshot).leaves(
        status="active",
        quantity="61",
        avg_px_open="3.2295",
        stop_price="3.298",
        stop_order_id="s1",
        protected=True,
        outcome_unknown=False,
    )
    assert look(story, snapshot) == []


def test_an_outcome_is_known_once_the_exchange_shows_it() -> None:
    """I-11: also where there is nothing else to correct."""
    story = given(request(), PLACED, FILLED, UNKNOWN)
    done(story, seen(APT, orders=[ITS_STOP])).leaves(status="active", quantity="61.8", outcome_unknown=False)


def test_what_is_active_under_a_stop_waits_for_what_became_of_its_entry_all_the_same() -> None:
    story = given(request(), PLACED, FILLED, UNKNOWN, on(SetStopLoss, **MOVED, activate=True))
    assert "what of it was filled, and at what price" in the(story).missing
    assert not the(story, now=5).needs_attention
    done(story, seen(APT, orders=[stop("APTUSDT", "buy", "s2", "3.3")], at=LATER))
    story.leaves(status="active", outcome_unknown=False, quantity="61.8")
    assert look(story) == []


def test_a_part_of_an_entry_is_finished_and_the_rest_of_its_order_named() -> None:
    story = given(request())
    rest = limit("APTUSDT", "sell", "53190368", client_order_id=story.rows[CYCLE].client_order_id)
    part = seen(held("APTUSDT", "short", "30", "3.2333"), orders=[rest, ITS_STOP], at=LATER)
    found = the(story, part)
    assert verbs(found) == ["record_entry_placed", "adjust", "set_stop_loss"]
    assert found.message.endswith("; its entry order 53190368 still rests, so more may be filled")
    done(story, part).leaves(status="active", quantity="30", exchange_order_id="53190368")


def test_a_stop_on_record_is_enough_where_the_exchange_still_has_it() -> None:
    story = given(request(), PLACED, FILLED, STOP)
    assert verbs(the(story, seen(APT, orders=[ITS_STOP]))) == ["activate"]
    done(story, seen(APT, orders=[ITS_STOP])).leaves(status="active", protected=True)


def test_what_the_exchange_holds_without_a_stop_needs_an_order_that_is_not_pretended() -> None:
    story = given(request(stop_loss_percent="2"), PLACED)
    found = the(story, seen(held("APTUSDT", "short", "61", "3.2295"), at=LATER))
    assert (found.action, verbs(found), found.needs_attention) == (Action.PROTECT, ["adjust"], True)
    assert str(found.due) == "stop to buy 61 APTUSDT at 3.29409, reduce-only"
    done(story, seen(held("APTUSDT", "short", "61", "3.2295"), at=LATER)).leaves(status="entry_placed", protected=False)


def test_a_stop_that_is_gone_is_noted_and_due_again() -> None:
    story = given(request(stop_price="3.3"), PLACED, FILLED, STOP)
    others = stop("SXPUSDT", "buy", "other", "9")
    twice = [seen(APT, orders=[others], at=at) for at in (LATER, LATER + 60)]
    assert the(story, seen(APT, at=LATER)).action is Action.WAIT, "a list without any stop is no proof"
    once = the(story, twice[0])
    assert (once.action, once.waits_for_another_snapshot, verbs(once)) == (Action.WAIT, True, [])
    found = the(story, *twice)
    assert (found.action, verbs(found)) == (Action.PROTECT, ["lose_stop_loss"])
    assert found.due is not None
    assert found.due.as_json() == {
        "type": "stop_market",
        "symbol": "APTUSDT",
        "side": "buy",
        "quantity": "61.8",
        "stop_price": "3.3",
        "reduce_only": True,
        "client_order_id": None,
    }
    done(story, *twice).leaves(stop_price=None)


@pytest.mark.parametrize("gone", ["s1", "s2", "stop.1"])
def test_of_several_stops_the_one_that_is_gone_is_named(gone: str) -> None:
    mine = [gone, "s3"]
    stops = [on(SetStopLoss, stop_price="3.298", quantity="30.9", **_named(order_id)) for order_id in mine]
    story = given(request(), PLACED, FILLED, *stops)
    twice = [seen(APT, orders=[stop("APTUSDT", "buy", "s3", "3.298", "30.9")], at=at) for at in (LATER, LATER + 60)]
    found = the(story, *twice)
    assert (found.action, verbs(found)) == (Action.PROTECT, ["lose_stop_loss"])
    assert found.due is not None and str(found.due.quantity) == "30.9"
    done(story, *twice)
    assert [left.exchange_order_id for left in story.rows[CYCLE].orders.live("stop")] == ["s3"]
    (lost,) = story.events
    which = "" if gone == "stop.1" else f"order {gone} "
    assert isinstance(lost, StopLossLost)
    assert lost.reason == f"recovered: its stop {which}is not at the exchange, and none is in its place"


def _named(order_id: str) -> dict[str, str]:
    """An id of the exchange; a stop that is known by its name has none."""
    return {} if "." in order_id else {"exchange_order_id": order_id}


def test_a_stop_on_the_wrong_side_ends_no_entry() -> None:
    """I-10, I-18."""
    found = the(given(request(), PLACED, FILLED), seen(APT, orders=[stop("APTUSDT", "buy", "s1", "3.1")], at=LATER))
    assert (found.action, found.commands) == (Action.PROTECT, ())


def test_stops_for_parts_end_an_entry_once_together_they_cover_it() -> None:
    half = [stop("APTUSDT", "buy", f"s{number}", "3.298", "30.9") for number in (1, 2)]
    story = given(request(), PLACED, FILLED)
    one = the(story, seen(APT, orders=half[:1], at=LATER))
    assert (one.action, verbs(one)) == (Action.PROTECT, ["set_stop_loss"])
    assert one.due is not None and str(one.due.quantity) == "30.9"  # one for all would close more than is held
    assert "its stops leave 30.9 of it bare" in one.message
    both = the(story, seen(APT, orders=half, at=LATER))
    assert (both.action, verbs(both)) == (Action.FINISH, ["set_stop_loss", "set_stop_loss"])
    assert both.message == "it is at the exchange, under stops at 3.298, order s1; at 3.298, order s2"
    done(story, seen(APT, orders=half, at=LATER)).leaves(status="active", protected=True)


def test_a_stop_that_belongs_to_the_position_is_noted_and_ends_its_entry() -> None:
    attached, story = held("APTUSDT", "short", "61.8", "3.2333", stop_price="3.3"), given(request(), PLACED, FILLED)
    found = the(story, seen(attached, at=LATER))
    assert (found.action, verbs(found), found.due) == (Action.FINISH, ["set_stop_loss"], None)
    done(story, seen(attached, at=LATER)).leaves(status="active", protected=True)


def test_a_quantity_that_is_the_number_of_contracts_is_not_corrected() -> None:
    contracts = held("APTUSDT", "short", "618", "3.2333", contract_size="10")
    found = the(given(request(), PLACED, FILLED), seen(contracts, orders=[ITS_STOP], at=LATER))
    assert (found.action, found.commands) == (Action.WAIT, ())
    assert "contracts of 10" in found.message


def test_an_order_that_cannot_be_read_leaves_open_whether_the_entry_rests() -> None:
    hidden = seen(OTHER, unread_orders=("APTUSDT",), at=LATER)
    assert the(given(request(), PLACED), hidden).action is Action.WAIT
    others = seen(OTHER, unread_orders=("SXPUSDT",), at=LATER)
    assert "by 1 of 2 snapshots" in the(given(request(), PLACED), others).message


@pytest.mark.parametrize("unread", ["APTUSDT", None])
def test_a_position_that_cannot_be_read_leaves_open_whether_it_is_held(unread: str | None) -> None:
    hidden = [seen(OTHER, unread_positions=(unread,), at=at) for at in (LATER, LATER + 60)]
    found = the(given(request(), PLACED, FILLED), *hidden)
    assert (found.action, found.commands) == (Action.WAIT, ())
    assert (found.message, found.missing) == (
        "one of the rows that cannot be read may be it",
        ("a snapshot that shows whether it is held",),
    )
    others = [seen(OTHER, unread_positions=("SXPUSDT",), at=at) for at in (LATER, LATER + 60)]
    assert the(given(request(), PLACED, FILLED), *others).action is Action.CLOSE


def test_orders_that_do_not_tell_are_said_to_lack_what_they_lack() -> None:
    lacks = "its orders hold no conditional one: list those as well"
    entering = the(given(request(), PLACED), *(seen(OTHER, at=at, order_doubts=(lacks,)) for at in (600, 660)))
    assert entering.missing == ("whether its entry order rests at the exchange", lacks)
    holding = the(given(request(), PLACED, FILLED), seen(APT, order_doubts=(lacks,)))
    assert holding.missing == ("whether a stop rests: the snapshot does not show all orders", lacks)
    unread = "number 1 of its orders cannot be read: it has no side"
    hidden = the(given(request(), PLACED, FILLED), seen(APT, unread_orders=(None,), row_doubts=(unread,)))
    assert hidden.missing == ("whether a stop rests: the snapshot does not show all orders", unread)


def test_positions_of_derivatives_do_not_tell_whether_a_spot_leg_is_held() -> None:
    spot = request(leg="SPOT", side="long"), on(RecordEntryPlaced, "APTUSDT.binance:SPOT#1", exchange_order_id="1")
    filled = on(RecordEntryFill, "APTUSDT.binance:SPOT#1", trade_id="t1", last_qty="61.8", last_px="3.2333")
    found = the(given(*spot, filled), *GONE)
    assert (found.action, found.message) == (
        Action.WAIT,
        "no balances are shown, and nothing else tells of a spot leg",
    )
    held_so = the(given(*spot, filled), *(seen(OTHER, balances={"APT": Decimal(99)}, at=at) for at in (600, 660)))
    assert "whether a stop rests" in held_so.missing[0]


def test_a_stop_without_a_price_is_not_taken_over() -> None:
    found = the(given(request(), PLACED, FILLED), seen(APT, orders=[stop("APTUSDT", "buy", "s1")], at=LATER))
    assert (found.action, found.missing) == (
        Action.WAIT,
        ("the price of its stop, which the exchange does not say: send set_stop_loss with it",),
    )


def test_a_stop_for_a_part_ends_no_entry_while_the_price_of_the_other_is_not_known() -> None:
    parts = [stop("APTUSDT", "buy", "s1", "3.298", "30.9"), stop("APTUSDT", "buy", "s2", None, "30.9")]
    story, snapshot = given(request(), PLACED, FILLED), seen(APT, orders=parts, at=LATER)
    found = the(story, snapshot)
    assert (found.action, verbs(found)) == (Action.FINISH, ["set_stop_loss"])
    assert "the price of its stop, which the exchange does not say" in found.missing[0]
    done(story, snapshot).leaves(status="pending_sl", protected=False)


def test_an_average_entry_that_differs_is_corrected_before_the_stop_is_judged() -> None:
    dearer = seen(held("APTUSDT", "short", "61.8", "3.2295"), orders=[ITS_STOP], at=LATER)
    story = given(request(), PLACED, FILLED)
    assert verbs(the(story, dearer)) == ["adjust", "set_stop_loss"]
    done(story, dearer).leaves(status="active", avg_px_open="3.2295", protected=True)


def test_what_is_held_at_a_price_that_nobody_says_is_not_finished() -> None:
    snapshot = seen(held("APTUSDT", "short", "61.8"), orders=[ITS_STOP], at=LATER)
    story = given(request(), PLACED)
    found = the(story, snapshot)
    assert (found.action, verbs(found), len(found.missing)) == (Action.FINISH, ["adjust"], 1)
    again = the(done(story, snapshot), snapshot)
    assert (again.action, again.commands, again.needs_attention) == (Action.WAIT, (), True)


def test_what_is_active_without_a_stop_gets_the_one_that_is_there() -> None:
    """I-10: adopted, and nobody saw its stop."""
    adopted = Adopt.of(
        symbol="APTUSDT", exchange="binance", side="short", quantity="61.8", avg_px_open="3.2333", reason="seen"
    )
    assert the(given(adopted), seen(APT, at=29), now=29).action is Action.LEAVE
    story = given(adopted)
    done(story, seen(APT, orders=[ITS_STOP], at=LATER)).leaves(status="active", stop_order_id="s1", protected=True)
    bare = the(given(adopted), seen(APT, at=LATER))
    assert (bare.action, bare.commands) == (Action.PROTECT, ())
    assert str(bare.due) == "stop to buy 61.8 APTUSDT at a price that no plan says, reduce-only"


def test_a_trailing_stop_is_taken_over_by_what_is_active_only() -> None:
    locked = held("APTUSDT", "short", "61.8", "3.2333", mark_price="3.0")
    snapshot = seen(locked, orders=[stop("APTUSDT", "buy", "s2", "3.1")], at=LATER)
    story = given(*ENTERED, on(LoseStopLoss, reason="gone"))
    done(story, snapshot).leaves(status="active", stop_price="3.1", protected=True)
    assert the(given(request(), PLACED, FILLED), snapshot).action is Action.PROTECT


@pytest.mark.parametrize(("there", "due"), [("61.8", "61.8"), ("20", "20"), ("123.6", "61.8")])
def test_a_rollback_that_lacks_its_closing_order_says_which_and_sends_none(there: str, due: str) -> None:
    """I-12: side and quantity come from the ledger, and what is not ours is not closed."""
    story = given(request(), PLACED, FILLED, on(StartRollback, reason="no stop"))
    found = the(story, seen(held("APTUSDT", "short", there, "3.2333"), at=LATER))
    promised = PlannedOrders.by(story.history).closing_client_order_id
    assert (found.action, found.commands, found.needs_attention) == (Action.ROLL_BACK, (), True)
    assert promised is not None
    assert found.due == RequiredOrder(
        is_stop=False, symbol="APTUSDT", side="buy", quantity=Decimal(due), client_order_id=promised
    )
    assert str(found.due) == f"market order to buy {due} APTUSDT, reduce-only, client order id {promised}"


def test_a_rollback_that_failed_has_to_be_started_again_and_then_names_its_last_order() -> None:
    story = given(request(), PLACED, FILLED, on(StartRollback, reason="no stop"))
    story.when(on(FailRollback, reason="x", residual_qty="20"))
    failed = the(story, seen(held("APTUSDT", "short", "20", "3.2333"), at=LATER))
    assert "start_rollback again, and send the order that it names" in failed.message
    assert failed.due is not None and failed.due.client_order_id is None
    story.when(on(StartRollback, reason="once more"))
    found = the(story, seen(held("APTUSDT", "short", "20", "3.2333"), at=LATER))
    assert found.due is not None
    assert isinstance(story.history[-1], RollbackStarted)
    assert found.due.client_order_id == story.history[-1].client_order_id


def test_the_other_side_at_the_exchange_is_no_evidence_for_ours() -> None:
    found = the(given(request(), PLACED, FILLED), seen(held("APTUSDT", "long", "61.8", "3.2333"), at=LATER))
    assert (found.action, found.commands, found.due) == (Action.WAIT, (), None)
