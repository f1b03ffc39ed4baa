"""Orders, payments and corrections in words: their kinds, amounts and currencies."""

from __future__ import annotations

from typing import Any

import pytest

from domain.commands.order_requests import EndOrder, RecordCash, RequestExit, RequestIncrease
from domain.commands.requests import RecordEntryFill, Reduce
from infrastructure.ledger.ledger import PositionLedger
from projections.audit.narrative import Narrative, story
from tests.month import DOGE, ETH, INVERSE, SPOT, STRAY, live_a_month
from tests.spec import second


@pytest.fixture(scope="module")
def stories() -> dict[str, Narrative]:
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        live_a_month(ledger)
        found = {}
        for row in ledger.positions():
            events = [entry.event for entry in ledger.history(row.position_id)]
            found[row.position_id] = story(events, [], second(7200))
        return found


def lines(each: Narrative) -> list[str]:
    return [line.text for chapter in each.chapters for line in chapter.lines]


@pytest.mark.parametrize(
    "words",
    [
        "Intent dca1 adds 1; its order entry.2 is p",
        "1 filled at 1800 (fill t1 of entry.2), fee 1 USDT; 2 of 2 entered so far, 1900 on average.",
        "A stop is confirmed at 1700, 10.526 % below the entry, for 1 (order s1).",
        "Another stop is confirmed at 1650, 13.158 % below the entry, for 1 (order s2). Protected from here on.",
        "Target target.1 stands at 2200 for 1 (order tp1).",
        "Target target.2 stands at 2400 for all that is held (it belongs to the position, and is no order).",
        "Order stop.1 goes on as s1b, was s1, at 1710.",
        'Order exit.1 is to close 1: "signal". Its order is p',
        "1 closed at 2100 (fill x1 of target.1), profit 200 USDT, fee 0.01 BNB; 1 left.",
        "Order target.1 is filled, with 1 of 1 closed by it at 2100 on average.",
        'Fill t1 was 1 at 1800 and is 1 at 1790: "busted"; 1 is held at 1890 on average.',
        'The stop at 1650 is gone: "gone".',
        'Target target.2 is gone: "gone".',
        "Rebate of 0.2 BNB is received (r1).",
        "1 closed at 2150 (fill x2), profit 260 USDT, fee 1 USDT; 0 left.",
        'Closed: "flip", 2125 on average. Profit 460 USDT before fees of 2 USDT and 0.01 BNB and rebate of 0.2 BNB, ',
    ],
)
def test_what_happened_to_orders_and_money_is_told_in_words(stories: dict[str, Narrative], words: str) -> None:
    assert [text for text in lines(stories[ETH]) if text.startswith(words)], lines(stories[ETH])


def test_the_rest_of_a_fill_that_turned_a_position_says_so(stories: dict[str, Narrative]) -> None:
    turned = stories["ETHUSDT.bybit#2"]
    assert lines(turned)[0].startswith("The rest of fill x2 turns the position: short 2 at 2150, ")
    assert turned.timeline.gaps[0].why == "a fill turned the position, no stop yet"
    assert turned.headline.endswith("UNPROTECTED")


def test_a_stop_that_the_bot_keeps_is_a_choice_and_no_alarm(stories: dict[str, Narrative]) -> None:
    each, facts = stories[DOGE], dict(stories[DOGE].facts)
    assert each.headline.endswith(", unprotected by choice") and "UNPROTECTED" not in " ".join(lines(each))
    assert (facts["Stop"], facts["Unprotected"]) == (
        "none, unprotected by choice",
        "by choice, its bot keeps the stop",
    )
    assert facts["Earned"] == "profit 0 USDT before funding of -0.35 USDT, -0.35 USDT after them"
    assert facts["Contract"] == "1000, settled in USDT"
    assert not each.timeline.gaps and not [odd for odd in each.oddities if odd.kind == "unprotected"]
    assert "The position is active: filled, and unprotected by choice, for its bot keeps the stop." in lines(each)
    assert "Funding of 0.35 USDT is paid (f1)." in lines(each)


def test_an_inverse_contract_earns_in_what_it_is_settled_in(stories: dict[str, Narrative]) -> None:
    facts = dict(stories[INVERSE].facts)
    assert facts["Contract"] == "100, inverse, settled in BTC"
    assert facts["Earned"] == "profit 0.005 BTC before fees of 0.00001 BTC, 0.00499 BTC after them"


def test_dust_and_strays_stand_out(stories: dict[str, Narrative]) -> None:
    assert dict(stories[SPOT].facts)["Dust"] == "5 is left as dust, kept at 0.00002"
    end = 'Closed: "sold", 0.00003 on average; 5 is left as dust, kept at 0.00002. Profit 0.00995 USDT.'
    assert lines(stories[SPOT])[-1] == end
    assert stories[STRAY].headline.endswith("canceled after 1 min, and HOLDS 1, STRAY, UNPROTECTED")


def grid(*, rounds: int) -> Narrative:
    """A month of a grid bot: an increase, its fill, an exit and its fill, and funding, again and again."""
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        key: dict[str, Any] = {"symbol": "ETHUSDT", "exchange": "bybit", "side": "long", "quantity": "1"}
        place = ledger.request_entry(**key, intent_id="0", at=second(0)).position_id
        ledger.record_entry_fill(position_id=place, trade_id="0", last_qty="1", last_px="100", at=second(1))
        ledger.set_stop_loss(position_id=place, stop_price="50", exchange_order_id="s", activate=True, at=second(2))
        for number in range(1, rounds + 1):
            at = {"position_id": place, "at": second(10 * number)}
            fill = {"last_qty": "1", "last_px": "101", "trade_id": str(number)}
            ledger.handle(RequestIncrease.of(**at, quantity="1", intent_id=str(number)))
            ledger.handle(RecordEntryFill.of(**at, **fill, exchange_order_id=f"e{number}"))
            ledger.handle(RequestExit.of(**at, quantity="1", reason="grid", intent_id=f"x{number}"))
            ledger.handle(Reduce.of(**at, **fill, exchange_order_id=f"x{number}"))
            ledger.handle(EndOrder.of(**at, exchange_order_id=f"x{number}", outcome="filled"))
            ledger.handle(RecordCash.of(**at, kind="funding", amount="-0.25", cash_id=str(number)))
        return story([entry.event for entry in ledger.history(place)], [], second(7200))


def test_the_orders_and_payments_of_a_grid_are_told_together() -> None:
    told = lines(grid(rounds=20))
    assert len(told) < 12, told
    assert "Orders until 18:54:00.000: 40 asked for, 20 ended." in told
    assert "20 payments until 18:54:00.000, in all funding of -5 USDT." in told
    assert len(lines(grid(rounds=1))) == 10, "a few are told one by one"
