"""What is told of an unfinished cycle: what is known of it, and the evidence that is missing."""

from __future__ import annotations

import pytest

from domain.commands.base import Command
from domain.commands.order_requests import RequestExit, RequestIncrease
from domain.commands.requests import (
    FailRollback,
    LoseStopLoss,
    RecordEntryPlaced,
    RecordEntryUnknown,
    Reduce,
    SetStopLoss,
    StartRollback,
)
from projections.recovery.in_flight import InFlight
from tests.projections.seen import LATER
from tests.spec import CYCLE, ENTERED, FILLED, PLACED, STOP, given, on, request, second

PARTS = [
    on(SetStopLoss, stop_price="3.298", quantity=quantity, exchange_order_id=order_id)
    for quantity, order_id in (("30", "s1"), ("20", "s2"))
]
UNPRICED = on(RecordEntryPlaced, exchange_order_id="53190368", filled_qty="61.8")
SOLD = on(Reduce, trade_id="t9", last_qty="61.8", last_px="3.2")
SOLD_BY_STOP = on(Reduce, trade_id="t9", last_qty="61.8", last_px="3.298", exchange_order_id="s1")
ROLLED = (on(StartRollback, reason="no stop"), on(FailRollback, reason="half of it", residual_qty="20"))
PLACED_SO = "the exchange has it as order 53190368"


@pytest.mark.parametrize(
    ("sent", "known", "missing"),
    [
        (
            (request(),),
            ["no fill is on record", "no stop is on record"],
            ["whether its entry order reached the exchange", "what of it was filled, and at what price"],
        ),
        (
            (request(), PLACED, on(RecordEntryUnknown, reason="no answer")),
            [PLACED_SO, "the exchange did not answer about it, so its outcome is not known", "no fill is on record"],
            ["what of it was filled, and at what price", "whether a stop rests at the exchange"],
        ),
        (
            (request(), PLACED, FILLED),
            [PLACED_SO, "it holds 61.8 at 3.2333", "no stop is on record"],
            ["whether the exchange still holds it", "whether a stop rests at the exchange"],
        ),
        (
            (request(), UNPRICED),
            ["it holds 61.8 at a price that is not known"],
            ["whether the exchange still holds it", "at what price it was filled"],
        ),
        (
            (request(), PLACED, FILLED, STOP),
            ["its stop is at 3.298, order s1"],
            ["whether the exchange still holds it"],
        ),
        (
            (request(), PLACED, FILLED, PARTS[0]),
            ["its stop is at 3.298, order s1: a stop for only 30 of 61.8"],
            [],
        ),
        (
            (request(), PLACED, FILLED, *PARTS),
            ["its stops are at 3.298, order s1; at 3.298, order s2: stops for only 50 of 61.8"],
            [],
        ),
        (
            (request(), PLACED, STOP),
            ["no fill is on record", "its stop is at 3.298, order s1"],
            [],
        ),
        (
            (request(), PLACED, FILLED, PARTS[0], SOLD_BY_STOP),
            ["all of it was closed again", "its stop is at 3.298, order s1"],
            [],
        ),
        (
            (request(protection="bot"), PLACED, FILLED),
            ["unprotected by choice"],
            ["whether the exchange still holds it"],
        ),
        (
            (*ENTERED, SOLD),
            ["all of it was closed again"],
            ["whether the exchange holds nothing any more, and why it was closed"],
        ),
        (
            (request(), PLACED, FILLED, *ROLLED),
            ["it holds 20 at 3.2333", "a rollback was begun: no stop, and did not get it flat"],
            ["whether the exchange still holds some of it"],
        ),
    ],
)
def test_what_is_known_of_a_cycle_and_what_is_not(
    sent: tuple[Command, ...], known: list[str], missing: list[str]
) -> None:
    cycle = InFlight(given(*sent).rows[CYCLE], second(LATER))
    begun, *told = cycle.known()
    assert begun.startswith("short 61.8 since 2025-10-22 18:50:40 UTC by intent 5483266, client order id ")
    assert [each for each in known if each not in told] == []
    assert [each for each in missing if each not in cycle.missing()] == []
    assert (PLACED_SO in told) is (cycle.row.exchange_order_id is not None)
    is_asked = cycle.row.exchange_order_id is None and not cycle.row.quantity
    assert ("whether its entry order reached the exchange" in cycle.missing()) is is_asked


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        (on(RequestExit, reason="signal"), "its exit exit.1"),
        (on(RequestIncrease, intent_id="dca", quantity="10"), "an increase entry.2"),
    ],
)
def test_an_order_that_nobody_heard_of_is_told_by_the_id_under_which_it_was_sent(asked: Command, what: str) -> None:
    row = given(*ENTERED, asked).rows[CYCLE]
    cycle = InFlight(row, second(LATER))
    sent_as = row.orders[what.rsplit(maxsplit=1)[-1]].client_order_id
    assert cycle.known()[-1] == (
        f"{what} was promised at 2025-10-22 18:50:45 UTC as client order id {sent_as}, and nothing is known of it"
    )
    assert cycle.missing() == [f"what became of {what.rsplit(maxsplit=1)[-1]}"]
    assert cycle.since == second(5)


def test_a_cycle_is_unfinished_since_the_first_that_is_unfinished_of_it() -> None:
    asked = on(RequestIncrease, intent_id="dca", quantity="10")
    lost = on(LoseStopLoss, reason="gone", at=second(600))
    cycle = InFlight(given(*ENTERED, asked, lost).rows[CYCLE], second(605))
    assert (cycle.since, cycle.due_at, cycle.is_overdue) == (second(5), second(65), True)
