"""Unfinished cycles that came to nothing, or that the exchange does not hold any more."""

from __future__ import annotations

from typing import Any

import pytest

from domain.commands.base import Command
from domain.commands.requests import LoseStopLoss, Reduce, StartRollback
from domain.events import RolledBack
from domain.values import Source
from projections.recovery.proposals import Action
from tests.projections.recovery.proposed import GONE, OTHER, UNKNOWN, done, look, the
from tests.projections.seen import LATER, limit, seen
from tests.spec import CYCLE, ENTERED, FILLED, PLACED, STOP, given, on, request


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
