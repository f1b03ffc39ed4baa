"""Unfinished cycles and a snapshot: proposals are accepted, and nothing is proposed without evidence."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import assume
from hypothesis import given as for_any
from hypothesis import strategies as st

from domain.aggregate.position import Position
from domain.commands.base import Command
from domain.commands.requests import (
    Adopt,
    Close,
    FailRollback,
    LoseStopLoss,
    RecordEntryFill,
    RecordEntryPlaced,
    RecordEntryUnknown,
    Reduce,
    SetStopLoss,
    StartRollback,
)
from domain.decisions.decision import CommandContext
from domain.errors import CommandRefused
from domain.events import PositionEvent, RollbackStarted, RolledBack, StopLossLost
from domain.values import Side, Source
from projections.account_snapshot import AccountSnapshot, OrderReport, PositionReport
from projections.reconciliation.command_text import in_words
from projections.reconciliation.compare import reconcile
from projections.reconciliation.grace_periods import DEADLINES
from projections.reconciliation.result import ReconciliationRules
from projections.recovery.in_flight import unfinished
from projections.recovery.judgement import recover
from projections.recovery.proposals import Action, Proposal
from projections.recovery.required_orders import PlannedOrders, RequiredOrder
from tests.projections.seen import LATER, held, limit, rows_of, seen, stop
from tests.spec import CYCLE, ENTERED, FILLED, PLACED, STOP, Story, given, on, request, second
from tests.strategies import KEY, conversations

APT = held("APTUSDT", "short", "61.8", "3.2333")
ITS_STOP = stop("APTUSDT", "buy", "s1", "3.298")
OTHER = held("XMRUSDT", "long", "0.5", "310.25")
GONE = (seen(OTHER, at=LATER), seen(OTHER, at=LATER + 60))
BESIDE = rows_of(
    Adopt.of(symbol="XMRUSDT", exchange="binance", side="long", quantity="0.5", avg_px_open="310.25", reason="x")
)
"""What the ledger holds beside the one in question: a snapshot that shows it is of this account."""
MOVED = {"stop_price": "3.3", "exchange_order_id": "s2"}
UNKNOWN = on(RecordEntryUnknown, reason="no answer for 20 s")


def look(story: Story, *snapshots: AccountSnapshot, now: float | None = None, **rules: Any) -> list[Proposal]:
    """What is proposed just after the last snapshot, or long after everything."""
    times = [each.taken_at for each in snapshots if each.taken_at is not None]
    at = second(now) if now is not None else max(times, default=second(LATER + 60))
    rows = list(story.rows.values())
    found = reconcile([*rows, *BESIDE], snapshots, now=at, rules=ReconciliationRules(**rules)) if snapshots else None
    return [recover(cycle, found, PlannedOrders.by(story.history)) for cycle in unfinished(rows, at)]


def the(story: Story, *snapshots: AccountSnapshot, **asked: Any) -> Proposal:
    """What is proposed of the only unfinished cycle."""
    (found,) = look(story, *snapshots, **asked)
    return found


def done(story: Story, *snapshots: AccountSnapshot, **asked: Any) -> Story:
    """Do what is proposed, one command after the other; each of them is accepted."""
    for step in the(story, *snapshots, **asked).commands:
        story.when(step.command)
    story.needs_acceptance()
    return story


def verbs(found: Proposal) -> list[str]:
    return [step.command.verb for step in found.commands]


STARTED = pytest.mark.parametrize(
    "sent",
    [
        (request(),),
        (request(), UNKNOWN),
        (request(), PLACED),
        (request(), PLACED, FILLED),
        (request(), PLACED, FILLED, STOP),
        (request(), PLACED, FILLED, on(StartRollback, reason="no stop")),
    ],
    ids=["requested", "unknown", "placed", "filled", "stopped", "rolling back"],
)


# -- what is left alone -----------------------------------------------------------------------------------------------


@STARTED
def test_a_cycle_within_its_deadline_is_left_to_its_bot(sent: tuple[Command, ...]) -> None:
    story = given(*sent)
    (row,) = story.rows.values()
    last = (row.updated_at if row.status.value == "rolling_back" else row.opened_at) + DEADLINES[row.status]
    almost = (last - second(0)).total_seconds() - 0.001
    found = the(story, seen(APT, orders=[ITS_STOP], at=almost), now=almost)
    assert (found.action, found.commands, found.due, found.needs_attention) == (Action.LEAVE, (), None, False)
    assert the(story, now=almost + 0.001).needs_attention


@STARTED
def test_without_a_snapshot_nothing_is_proposed(sent: tuple[Command, ...]) -> None:
    found = the(given(*sent))
    assert (found.action, found.commands, found.due, found.needs_attention) == (Action.WAIT, (), None, True)
    assert found.message == "only the exchange knows: give a snapshot of binance"
    assert found.missing


@STARTED
@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (seen(at=LATER, positions=None), "that is not zero"),
        (seen(APT, at=LATER, doubts=("it is partial",)), "it is partial"),
        (seen(APT, at=None), "when it was taken"),
    ],
)
def test_a_snapshot_that_is_not_to_be_relied_on_proposes_nothing(
    sent: tuple[Command, ...], snapshot: AccountSnapshot, words: str
) -> None:
    """I-29."""
    found = the(given(*sent), snapshot, now=LATER, confirmations=1)
    assert (found.action, found.commands) == (Action.WAIT, ())
    assert words in " ".join(found.missing)


def test_a_snapshot_that_is_too_old_proposes_nothing() -> None:
    found = the(given(request(), PLACED), *GONE, now=LATER + 3600)
    assert (found.action, found.commands) == (Action.WAIT, ())
    assert "--max-age" in found.missing[0]


@pytest.mark.parametrize("shown", [(), (APT,)], ids=["absent", "there"])
def test_a_snapshot_of_before_the_news_proposes_nothing(shown: tuple[PositionReport, ...]) -> None:
    """It is reliable about what else is held, and still too old for this one."""
    story = given(request(), PLACED, FILLED, STOP).when(on(SetStopLoss, **MOVED, at=second(LATER)))
    rows = [*story.rows.values(), *BESIDE]
    found = reconcile(
        rows, [seen(OTHER, *shown, at=LATER - 1)], now=second(LATER + 100), rules=ReconciliationRules(confirmations=1)
    )
    assert found.is_reliable
    (cycle,) = (each for each in unfinished(rows, second(LATER + 100)) if each.row.symbol == "APTUSDT")
    proposed = recover(cycle, found, PlannedOrders())
    assert (proposed.action, proposed.commands) == (Action.WAIT, ())
    assert proposed.message == "the ledger has later news of it than the snapshot"


def test_a_snapshot_of_within_the_deadline_proposes_nothing() -> None:
    """I-11, I-15: what it does not show yet may be there by now."""
    found = the(given(request(), PLACED, FILLED), seen(APT, at=20), now=LATER)
    assert (found.action, found.message) == (Action.WAIT, "the snapshot was taken while it had time")


def test_what_is_active_under_a_stop_or_over_is_not_unfinished() -> None:
    assert look(given(*ENTERED)) == []
    assert look(given(*ENTERED, on(Close, exit_reason="target"))) == []
    assert look(given(*ENTERED, on(LoseStopLoss, reason="gone"))) != []


def test_events_that_cannot_be_read_are_not_acted_upon() -> None:
    story = given(request())
    (cycle,) = unfinished(story.rows.values(), second(LATER))
    found = reconcile(list(story.rows.values()), GONE, now=second(LATER + 60), rules=ReconciliationRules())
    assert recover(cycle, found, None).action is Action.WAIT
    assert recover(cycle, found, PlannedOrders()).action is Action.FAIL


@pytest.mark.parametrize("news", [UNKNOWN, PLACED])
def test_an_entry_may_appear_for_as_long_as_exchanges_take_after_the_last_news(news: Command) -> None:
    story = given(request())
    story.when(news.model_copy(update={"at": second(LATER)})).needs_acceptance()
    early = the(story, seen(OTHER, at=LATER + 5), seen(OTHER, at=LATER + 19))
    assert (early.action, early.commands, early.waits_for_another_snapshot) == (Action.WAIT, (), True)
    assert early.message == "binance does not show it, and may until 19:01:00 UTC"
    assert the(story, seen(OTHER, at=LATER + 5), seen(OTHER, at=LATER + 20)).action is Action.FAIL


def test_what_was_filled_does_not_wait_for_its_order_to_appear() -> None:
    story = given(request(), PLACED)
    story.when(FILLED.model_copy(update={"at": second(LATER)})).needs_acceptance()
    assert the(story, seen(OTHER, at=LATER + 1), seen(OTHER, at=LATER + 12)).action is Action.CLOSE


# -- it came to nothing, or is gone -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [(request(),), (request(), UNKNOWN), (request(), PLACED)])
def test_an_entry_of_which_two_snapshots_show_nothing_has_failed(sent: tuple[Command, ...]) -> None:
    """I-09, I-11: not by silence, not by one look, not before the exchange must show it."""
    once = the(given(*sent), GONE[0])
    assert (once.action, once.commands, once.waits_for_another_snapshot) == (Action.WAIT, (), True)
    close_together = the(given(*sent), seen(OTHER, at=LATER), seen(OTHER, at=LATER + 5))
    assert close_together.waits_for_another_snapshot
    too_early = the(given(*sent), seen(OTHER, at=59), seen(OTHER, at=75))
    assert too_early.waits_for_another_snapshot
    story = given(*sent)
    assert the(story, *GONE).action is Action.FAIL
    done(story, *GONE).leaves(
        status="failed", exit_reason="recovered: binance shows neither a position nor an order of it"
    )
    assert look(story, *GONE) == []


def test_an_entry_may_have_been_filled_and_closed_unheard_be_it_acknowledged_or_not() -> None:
    asked = given(request())
    acknowledged, promised = the(given(request(), PLACED), *GONE), the(asked, *GONE)
    assert acknowledged.message.endswith("if order 53190368 was filled, record its fills, which may come late")
    assert f"if order {asked.rows[CYCLE].client_order_id} was filled, record its fills" in promised.message
    assert "or what it filled is closed again unheard" in promised.message
    story = done(given(request(), PLACED), *GONE)
    story.when(FILLED).needs_acceptance()
    story.leaves(status="entry_placed", quantity="61.8", late_fill=True)


def test_an_entry_order_that_may_rest_has_not_failed() -> None:
    """A snapshot without orders does not say that there are none."""
    blind = (seen(OTHER, orders=None, at=LATER), seen(OTHER, orders=None, at=LATER + 60))
    found = the(given(request()), *blind)
    assert (found.action, found.commands) == (Action.WAIT, ())
    theirs = the(given(request()), seen(OTHER, orders=[limit("APTUSDT", "sell", "9")], at=LATER), confirmations=1)
    assert (theirs.action, theirs.commands) == (Action.WAIT, ())


@pytest.mark.parametrize(
    "other",
    [
        {"orders": None},
        {"orders": [limit("APTUSDT", "sell", "53190368")]},
        {"unread_orders": ("APTUSDT",)},
        {"order_doubts": ("cut off",)},
    ],
    ids=["not asked for orders", "it rests", "it may be unread", "not all orders"],
)
def test_what_does_not_confirm_that_an_entry_came_to_nothing(other: dict[str, Any]) -> None:
    before, between = seen(OTHER, at=LATER), seen(OTHER, at=LATER + 60, **other)
    found = the(given(request(), PLACED), between, seen(OTHER, at=LATER + 120))
    assert (found.action, found.message) == (Action.WAIT, "binance does not show it, by 1 of 2 snapshots")
    again = the(given(request(), PLACED), before, between, seen(OTHER, at=LATER + 120))
    assert (again.action is Action.FAIL) is (not other.get("orders")), "one that shows it makes the count begin anew"


def test_an_entry_order_that_rests_under_our_name_is_recorded_and_left() -> None:
    story = given(request())
    named = limit("APTUSDT", "sell", "53190368", client_order_id=story.rows[CYCLE].client_order_id)
    snapshot = seen(OTHER, orders=[named], at=LATER)
    assert the(story, snapshot).action is Action.FINISH
    done(story, snapshot).leaves(status="entry_placed", exchange_order_id="53190368")
    again = the(story, snapshot)
    assert (again.action, again.commands, again.needs_attention) == (Action.LEAVE, (), False)


def test_what_was_filled_and_is_gone_is_closed_at_a_price_that_is_not_known() -> None:
    for sent in ((request(), PLACED, FILLED), (request(), PLACED, FILLED, STOP)):
        assert the(given(*sent), GONE[0]).action is Action.WAIT
        story = done(given(*sent), *GONE)
        story.leaves(status="closed", avg_px_close=None, realized_pnl=None)


def test_what_is_flat_without_an_end_is_closed() -> None:
    story = given(*ENTERED, on(Reduce, trade_id="t9", last_qty="61.8", last_px="3.2"), on(LoseStopLoss, reason="gone"))
    done(story, *GONE).leaves(status="closed", avg_px_close="3.2")


def test_a_rollback_ends_with_the_proof_of_two_snapshots() -> None:
    """I-12: rolled back only with proof of flat."""
    sent = (request(), PLACED, FILLED, on(StartRollback, reason="no stop"))
    assert the(given(*sent), GONE[0]).commands == ()
    story = done(given(*sent), *GONE)
    story.leaves(status="rolled_back", quantity="0")
    (event,) = story.events
    assert isinstance(event, RolledBack)
    assert event.evidence.position_quantity == 0
    assert event.source is Source.RECOVERY


# -- it is there ------------------------------------------------------------------------------------------------------


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


# -- every command ----------------------------------------------------------------------------------------------------


def test_commands_name_the_version_that_was_looked_at_the_evidence_and_themselves() -> None:
    story = given(request(), PLACED)
    (first, second_one) = the(story, seen(APT, orders=[ITS_STOP], at=LATER)).commands
    assert [first.command.expected_version, second_one.command.expected_version] == [2, 3]
    assert first.command.command_id != second_one.command.command_id
    assert {first.command.source, second_one.command.source} == {Source.RECOVERY}
    assert first.command.metadata is not None
    assert first.command.metadata["snapshots"] == [
        {"digest": "seen at 600", "exchange": "binance", "taken_at": "2025-10-22T19:00:40.000000Z"}
    ]
    again = the(given(request(), PLACED), seen(APT, orders=[ITS_STOP], at=LATER)).commands
    assert [each.command for each in again] == [first.command, second_one.command]


@pytest.mark.parametrize(
    ("plan", "side", "entry", "price"),
    [
        (PlannedOrders(stop_loss_percent=Decimal(2)), Side.SHORT, Decimal("3.2333"), Decimal("3.297966")),
        (PlannedOrders(stop_loss_percent=Decimal(2)), Side.LONG, Decimal("0.2267"), Decimal("0.222166")),
        (PlannedOrders(stop_loss_percent=Decimal(2)), Side.LONG, None, None),
        (PlannedOrders(stop_price=Decimal("3.3")), Side.SHORT, Decimal("3.2333"), Decimal("3.3")),
        (PlannedOrders(stop_price=Decimal("3.3")), Side.SHORT, None, Decimal("3.3")),
        (PlannedOrders(stop_price=Decimal("3.2")), Side.SHORT, Decimal("3.2333"), None),
        (PlannedOrders(), Side.LONG, Decimal(1), None),
    ],
)
def test_the_price_of_a_stop_follows_from_its_plan(
    plan: PlannedOrders, side: Side, entry: Decimal | None, price: Decimal | None
) -> None:
    assert plan.stop_for(side, entry) == price


SHOWN = st.builds(
    held,
    st.just("APTUSDT"),
    st.sampled_from(["long", "short"]),
    st.sampled_from(["4", "10"]),
    st.sampled_from(["100", None]),
)
STOPS = [
    stop("APTUSDT", side, number, price, quantity)
    for side in ("buy", "sell")
    for number, price in (("s1", "80"), ("s2", "120"), ("s3", None))
    for quantity in (None, "4")
]
ORDERS = st.lists(
    st.sampled_from([*STOPS, limit("APTUSDT", "buy", "o1"), limit("APTUSDT", "sell", "o2")]),
    max_size=3,
    unique_by=lambda order: order.order_id,  # two of one id are doubted when a snapshot is read
)


@for_any(conversations(), st.lists(SHOWN, max_size=1), st.none() | ORDERS)
def test_all_that_is_proposed_is_accepted_whatever_happened_and_then_it_is_quiet(
    sent: list[Command], positions: list[PositionReport], orders: list[OrderReport] | None
) -> None:
    happened = Position.track(KEY)
    for number, command in enumerate(sent):
        with suppress(CommandRefused):
            happened.decide(command, CommandContext(f"c{number}", command.at or second(0), second(number)))
    events = cast("list[PositionEvent]", list(happened.collect_events()))
    assume(events)
    story = Story().happened(*events)
    snapshots = [seen(*positions, OTHER, orders=orders, at=at) for at in (LATER, LATER + 60)]
    for found in look(story, *snapshots):
        for step in found.commands:
            assert in_words(step.command)
            story.when(step.command).needs_acceptance()
            assert story.events, f"{step.command.verb} was no news"
    assert [again.commands for again in look(story, *snapshots) if again.commands] == []
