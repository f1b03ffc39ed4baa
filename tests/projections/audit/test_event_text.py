"""The sentence for each event: who did what, the reason in quotes, and the effect on slot, stop and profit."""

from __future__ import annotations

from typing import Any

import pytest

from domain.commands.base import Command
from domain.commands.order_requests import CorrectFill, RecordCash, ReplaceOrder, RequestIncrease
from domain.commands.requests import (
    Activate,
    Adopt,
    Close,
    FailEntry,
    FailRollback,
    ImportPosition,
    LoseStopLoss,
    RecordEntryFill,
    RecordEntryPlaced,
    RecordEntryUnknown,
    Reduce,
    RollBack,
    SetStopLoss,
    StartRollback,
)
from projections.audit.narrative import story
from tests.projections.cycles import LATER, cycle, refused
from tests.spec import ENTERED, FILLED, PLACED, STOP, on, request

KEY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance"}
ROW: dict[str, Any] = KEY | {
    "quantity": "61",
    "avg_px_open": "3.2",
    "opened_at": "2025-10-22T18:50:40Z",
    "side": "short",
}
OPENED = "The signal wants to open: intent 5483266, short 61.8"
SEEN = f"{OPENED}, having seen a price of 3.2333"
OVER = (request(), on(FailEntry, outcome="canceled", reason="given up"))


def lines(*sent: Command, **fields: Any) -> list[str]:
    """The sentences of commands that were sent a second apart."""
    told = story(cycle(*enumerate(sent)), fields.get("refusals", ()), LATER)
    return [line.text for chapter in told.chapters for line in chapter.lines]


def bare(length: str) -> str:
    return f". UNPROTECTED from here on, for {length} and still."


def stop(price: str, **fields: Any) -> SetStopLoss:
    return on(SetStopLoss, stop_price=price, exchange_order_id="s2", **fields)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"signal_price": None}, f"{OPENED}. "),
        ({"stop_price": "3.3"}, f"{SEEN}, stop planned at 3.3. "),
        ({"stop_loss_percent": "2"}, f"{SEEN}, stop planned 2 % away. "),
        (
            {"stop_price": "3.3", "protection": "bot"},
            f"{SEEN}, stop planned at 3.3, which the bot keeps itself. ",
        ),
        ({"protection": "bot"}, f"{SEEN}, unprotected by choice: the bot keeps its stop itself. "),
        ({"quantity": None, "cost": "200"}, f"{SEEN.replace('short 61.8', 'short for 200 USDT')}. "),
    ],
)
def test_a_request_says_its_size_its_price_and_its_plan(asked: dict[str, Any], words: str) -> None:
    (text,) = lines(request(**asked))
    assert text.startswith(f"{words}The slot is its own from here on; the entry order is p")


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (
            (RecordEntryPlaced.of(**KEY, side="short", quantity="61.8", exchange_order_id="7", filled_qty="0"),),
            "The exchange acknowledges the entry as order 7, short 61.8: it opens the cycle, nothing filled yet.",
        ),
        (
            (request(), on(RecordEntryPlaced, exchange_order_id="7", filled_qty="60", avg_px="3.2")),
            "The exchange acknowledges the entry as order 7, 60 filled at 3.2 on average" + bare("59 min 59 s"),
        ),
        (
            (request(), on(RecordEntryUnknown, reason="timeout")),
            'The signal does not know the outcome of the entry: "timeout". The slot stays taken.',
        ),
        (
            (request(), on(FailEntry, outcome="rejected", reason="margin", code="-2019")),
            'The entry is rejected (-2019): "margin". Nothing was filled; the slot is free.',
        ),
        (OVER, 'The entry is canceled: "given up". Nothing was filled; the slot is free.'),
        (
            (*OVER, on(RecordEntryFill, trade_id="t1", last_qty="10", last_px="3.2")),
            "10 filled at 3.2 (fill t1), after the cycle was over, which has its slot again; 10 of 61.8 entered so "
            + ("far, 3.2 on average" + bare("59 min 58 s")),
        ),
        (
            (Adopt.of(**KEY, side="short", quantity="61", avg_px_open="3.2295", reason="seen", source="sync"),),
            'The synchroniser finds short 61 at 3.2295 at the exchange, which no cycle explains, and adopts it: "seen"'
            + bare("1 h"),
        ),
        (
            (ImportPosition.of(**ROW, status="active", stop_price="3.3", legacy_id="2548", row={"id": "2548"}),),
            "Row 2548 of the old table is imported as active: short 61 at 3.2, stop 3.3 (not confirmed)" + bare("1 h"),
        ),
        (
            (
                ImportPosition.of(
                    **ROW, status="closed", exit_reason="target", row={}, closed_at="2025-10-22T18:51:40Z"
                ),
            ),
            'A row of the old table is imported as closed: short 61 at 3.2, "target".',
        ),
        ((*ENTERED, stop("3.298")), "The stop at 3.298 is replaced, 2.001 % above the entry (order s2)."),
        (
            (*ENTERED, on(SetStopLoss, stop_price="3.28", exchange_order_id="s1", quantity="61.8")),
            (
                "The stop moves closer to the price, 3.298 → 3.28 (-0.546 %), 1.444 % above the entry, for 61.8 "
                "(order s1)."
            ),
        ),
        (
            (*ENTERED, stop("3.3")),
            "The stop moves away from the price, 3.298 → 3.3 (+0.061 %), 2.063 % above the entry (order s2).",
        ),
        (
            (*ENTERED, stop("3.2", locks_profit=True)),
            (
                "The stop moves closer to the price, 3.298 → 3.2 (-2.971 %), 1.03 % below the entry, so that it locks "
                "in profit (order s2)."
            ),
        ),
        (
            (*ENTERED, stop("3.25", locks_profit=True)),
            "The stop moves closer to the price, 3.298 → 3.25 (-1.455 %), 0.517 % above the entry (order s2).",
        ),
        (
            (*ENTERED, on(LoseStopLoss, reason="canceled")),
            'The stop at 3.298 is gone: "canceled"' + bare("59 min 55 s"),
        ),
        (
            (request(protection="bot"), PLACED, FILLED, on(Activate)),
            "The position is active: filled, and unprotected by choice, for its bot keeps the stop.",
        ),
        (
            (*ENTERED, on(Reduce, trade_id="x", last_qty="10", last_px="3.2", reason="take_profit", fee="0.1")),
            '10 closed at 3.2 (fill x), by "take_profit", profit 0.333 USDT, fee 0.1 USDT; 51.8 left.',
        ),
        (
            (*ENTERED, on(Close, exit_reason="gone"), on(Reduce, trade_id="x", last_qty="61.8", last_px="3.2")),
            "61.8 closed at 3.2 (fill x), which was learned after the cycle was over; 0 left.",
        ),
        (
            (*ENTERED, on(CorrectFill, trade_id="t1", void=True, reason="busted")),
            'Fill t1 was 61.8 at 3.2333 and is void: "busted"; nothing is held.',
        ),
        (
            (*ENTERED, on(RecordCash, kind="commission", trade_id="t1", amount="-0.1", cash_id="f")),
            "The fee of fill t1 is known: 0.1 USDT.",
        ),
        (
            (
                *ENTERED,
                on(ReplaceOrder, exchange_order_id="s1", new_exchange_order_id="s2", quantity="60", price="3.29"),
            ),
            "Order stop.1 goes on as s2, was s1, at 3.29, for 60" + bare("59 min 55 s"),
        ),
    ],
)
def test_each_event_is_told_in_one_sentence(sent: tuple[Command, ...], text: str) -> None:
    assert lines(*sent)[-1] == text


def test_a_rollback_that_failed_says_what_is_left_and_the_proof_of_its_end_may_be_a_word() -> None:
    *_, failed, ended = lines(
        *(request(), PLACED, FILLED, on(StartRollback, reason="no stop")),
        on(FailRollback, reason="timeout", residual_qty="10"),
        on(RollBack, evidence={"position_quantity": "0", "note": "by hand"}),
    )
    assert failed == 'The rollback failed: "timeout". 10 is left at the exchange.'
    assert ended == (
        'Rolled back and flat; the proof is the exchange\'s answer of 0 and a note, "by hand". Profit unknown.'
    )


def test_who_undoes_an_entry_names_the_order_that_closes_it() -> None:
    text = lines(request(), PLACED, FILLED, STOP, on(StartRollback, reason="no stop", source="operator"))[-1]
    assert text.startswith('The operator undoes the entry: "no stop". The closing order is p')
    assert text.endswith(": buy 61.8, reduce-only.")


def test_an_increase_by_cost_says_its_cost() -> None:
    assert lines(*ENTERED, on(RequestIncrease, cost="100", intent_id="i2"))[-1].startswith(
        "Intent i2 adds for 100 USDT; its order entry.2 is p"
    )


@pytest.mark.parametrize(
    ("seen_by", "more"), [("state", ""), ("version_conflict", ", the race was lost at the append")]
)
def test_a_rival_that_lost_a_race_says_so(seen_by: str, more: str) -> None:
    text = lines(request(), refusals=(refused(1, detected_by=seen_by),))[-1]
    assert text == f"Refused: request_entry of intent 5483299. PositionAlreadyOpen{more}."


def test_what_an_operator_told_says_so_and_by_whom() -> None:
    exit_fill = on(Reduce, trade_id="x1", last_qty="10", last_px="3.1")
    wrong = {"trade_id": "x1", "last_px": "3.11", "reason": "as the exchange says"}
    by_hand = lines(request(), PLACED, FILLED, exit_fill, on(CorrectFill, **wrong, source="operator"))[-1]
    assert by_hand.endswith(" Told by the operator.")
    named = on(CorrectFill, **wrong, source="operator", metadata={"by": "anna"})
    assert lines(request(), PLACED, FILLED, exit_fill, named)[-1].endswith(' Told by the operator (by "anna").')


def test_what_a_bot_told_says_nothing_of_who() -> None:
    noted = on(Reduce, trade_id="x1", last_qty="10", last_px="3.1", metadata={"owner": "bot-1"})
    assert "bot-1" not in lines(request(), PLACED, FILLED, noted)[-1]
