from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given as tried_on

from domain.commands.base import Command
from domain.commands.order_requests import RecordCash, RequestIncrease, SetTakeProfit
from domain.commands.requests import (
    Activate,
    Adjust,
    Adopt,
    Close,
    ImportPosition,
    LoseStopLoss,
    RecordEntryFill,
    RecordEntryPlaced,
    Reduce,
    RollBack,
    SetStopLoss,
    StartRollback,
)
from domain.rejection import Rejection
from projections.audit.narrative import Narrative, story
from tests.projections.cycles import LATER, cycle, refused, rivals
from tests.projections.test_positions import history
from tests.spec import FILLED, PLACED, STOP, on, request, second
from tests.strategies import conversations

ENTERED = ((0, request()), (1, PLACED), (2, FILLED), (5, STOP), (6, on(Activate)))
CLOSED = on(Close, exit_reason="target", avg_px_close="3.1", fee="0.2", fee_currency="USDT")


def tell(*sent: tuple[float, Command], refusals: tuple[Rejection, ...] = ()) -> Narrative:
    return story(cycle(*sent), refusals, LATER)


def told(each: Narrative) -> list[tuple[str, str]]:
    return [(chapter.title, line.text) for chapter in each.chapters for line in chapter.lines]


def test_the_story_of_i_01_reads_as_it_happened() -> None:
    placed = on(RecordEntryPlaced, exchange_order_id="53190368", filled_qty="61.8", avg_px="3.2333")
    adjust = on(Adjust, quantity="61.0", avg_px_open="3.2295", reason="seen at the exchange")
    stop = on(SetStopLoss, stop_price="3.2941", exchange_order_id="53190370", activate=True)
    each = tell(
        (0.981819, request(stop_loss_percent="2")),
        (0.981819, placed),
        (4.738217, adjust),
        (5.914876, stop),
        refusals=(refused(4.7, None, source="sync", command="adopt"),),
    )
    assert each.headline == (
        "Short 61 APTUSDT at binance, entered at 3.2295: active, open for 59 min 59 s, protected by a stop at 3.2941"
    )
    order = each.row.client_order_id
    assert told(each) == [
        (
            "The entry",
            (
                "The signal wants to open: intent 5483266, short 61.8, having seen a price of 3.2333, stop planned 2 % "
                f"away. The slot is its own from here on; the entry order is {order}."
            ),
        ),
        (
            "The entry",
            (
                "The exchange acknowledges the entry as order 53190368, 61.8 filled at 3.2333 on average. UNPROTECTED "
                "from here on, for 4.933 s."
            ),
        ),
        ("The entry", "Refused: adopt of the synchroniser. PositionAlreadyOpen."),
        (
            "The entry",
            (
                "The synchroniser has word from the exchange; corrected: quantity 61.8 → 61 (-1.294 %), average entry "
                '3.2333 → 3.2295 (-0.118 %); "seen at the exchange".'
            ),
        ),
        (
            "The protection",
            "A stop is confirmed at 3.2941, 2 % above the entry (order 53190370). Protected from here on.",
        ),
        ("The position", "The position is active: filled, and covered by a confirmed stop."),
    ]
    assert dict(each.facts)["Unprotected"] == "4.933 s in 1 stretch"


def test_each_step_says_how_long_after_the_one_before_it() -> None:
    lines = [line for chapter in tell(*ENTERED, (130, CLOSED)).chapters for line in chapter.lines]
    assert [line.since and line.since.total_seconds() for line in lines] == [None, 1, 1, 3, 1, 124]
    assert [line.versions for line in lines] == [(number, number) for number in range(1, 7)]


def test_the_average_entry_after_an_exit_is_said_to_be_that_of_what_is_open() -> None:
    """Of 61.8 at 3.2333 half was closed, and then 30.9 entered at 3.2: nobody entered 92.7 at 3.21665."""
    half = on(Reduce, trade_id="x", last_qty="30.9", last_px="3.2")
    again = on(RecordEntryFill, trade_id="t2", last_qty="30.9", last_px="3.2", exchange_order_id="e2")
    each = tell(*ENTERED, (30, half), (40, again))
    assert "30.9 filled at 3.2 (fill t2 of entry.2); 92.7 entered so far, 3.21665 on average for what is open." in (
        text for _, text in told(each)
    )
    assert dict(each.facts)["Entered"] == "92.7, what is open at 3.21665 on average"
    over = tell(*ENTERED, (30, half), (40, again), (130, CLOSED))
    assert dict(over.facts)["Entered"] == "92.7, what was open last at 3.21665 on average"
    assert dict(tell(*ENTERED, (30, half)).facts)["Entered"] == "61.8 at 3.2333 on average"


def test_the_facts_of_a_cycle_name_what_is_missing() -> None:
    key: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61"}
    adopted = dict(tell((0, Adopt.of(**key, avg_px_open="3.2", reason="seen"))).facts)
    assert (adopted["Intent"], adopted["Stop"], "Requested" in adopted) == (
        "none: it began without a request",
        "none",
        False,
    )
    undone = dict(tell((0, request()), (1, PLACED), (2, FILLED), (3, on(StartRollback, reason="no stop"))).facts)
    assert undone["Undone because"] == '"no stop"'
    row = ImportPosition.of(**key, avg_px_open="3.2", status="active", stop_price="3.3", row={}, opened_at=second(0))
    assert dict(tell((0, row)).facts)["Stop"] == "3.3, not confirmed"
    more = dict(tell(*ENTERED, (30, on(RequestIncrease, quantity="10", intent_id="2"))).facts)
    assert more["Requested"] == "short 71.8, by 2 orders, the signal saw 3.2333"
    assert dict(tell(*ENTERED).facts)["Requested"] == "short 61.8, the signal saw 3.2333"
    target = on(SetTakeProfit, price="3.1", quantity="30", exchange_order_id="t")
    assert dict(tell(*ENTERED, (30, target)).facts)["Target"] == "3.1 for 30"
    asked = dict(tell((0, request())).facts)
    assert not {"Entered", "Left", "Earned", "Unprotected", "Stop"} & asked.keys(), "nothing was filled"


def test_dust_was_entered_too() -> None:
    spot = "APTUSDT.binance:SPOT#1"
    fill = on(RecordEntryFill, spot, trade_id="t", last_qty="100", last_px="3.2", fee="0.1", fee_currency="APT")
    sold = on(Reduce, spot, trade_id="x", last_qty="99", last_px="3.3")
    each = tell(
        (0, request(side="long", leg="SPOT", quantity="100")),
        (1, fill),
        (5, sold),
        (6, on(Close, spot, exit_reason="target", dust=True)),
    )
    facts = dict(each.facts)
    assert facts["Entered"].startswith("99.9 at ") and facts["Left"] == "99 at 3.3 on average"
    assert facts["Dust"].startswith("0.9 is left as dust")


def test_the_end_says_what_it_brought_after_fees() -> None:
    reduced = on(Reduce, trade_id="x", last_qty="10", last_px="3.2", fee="0.1", fee_currency="BNB")
    title, text = told(tell(*ENTERED, (30, reduced), (130, CLOSED)))[-1]
    assert title == "The end"
    assert text == (
        'Closed: "target", the last 51.8 at 3.1, ≈3.1161812298 on average. Profit 7.23794 USDT before fees of '
        "0.2 USDT and 0.1 BNB, 7.03794 USDT after those in its own currency."
    )


def test_a_profit_that_is_not_known_is_never_told_as_a_number() -> None:
    text = told(tell(*ENTERED, (130, on(Close, exit_reason="phantom"))))[-1][1]
    assert text == 'Closed: "phantom". Profit unknown.'


def test_a_rollback_is_a_chapter_with_its_proof() -> None:
    fills = [{"trade_id": "c1", "last_qty": "61.8", "last_px": "3.24"}]
    each = tell(
        (0, request()),
        (1, PLACED),
        (2, FILLED),
        (3, on(StartRollback, reason="no stop after 3 tries")),
        (4, on(RollBack, evidence={"closing_order_id": "9", "fills": fills})),
    )
    assert [title for title, _ in told(each)][-2:] == ["The rollback", "The end"]
    assert told(each)[-1][1] == (
        "Rolled back and flat; the proof is closing fills (61.8 at 3.24) and closing order 9. Profit -0.41406 USDT."
    )


def test_what_comes_after_the_end_has_a_chapter_of_its_own() -> None:
    late = on(RecordEntryFill, trade_id="t9", last_qty="1", last_px="3.2")
    each = tell(*ENTERED, (130, CLOSED), (200, late), refusals=(refused(190),))
    assert [title for title, _ in told(each)][-3:] == ["The end", "Afterwards", "Afterwards"]
    assert "active, open for" in each.headline, "the late fill took its slot back"


def test_a_few_moves_of_a_stop_are_told_one_by_one_and_many_in_one_sentence() -> None:
    def moves(count: int) -> Narrative:
        steps = [
            (10 + at, on(SetStopLoss, stop_price=f"3.2{90 - at}", exchange_order_id=f"s{at}")) for at in range(count)
        ]
        return tell(*ENTERED, *steps)

    assert sum("The stop moves closer" in text for _, text in told(moves(3))) == 3
    assert told(moves(4))[-1][1] == (
        "The stop was set 4 times until 18:50:53.000, from 3.29 to 3.287, never away from the price."
    )


def test_what_went_on_for_days_says_on_which_day_it_ended() -> None:
    day = 86_400
    moves = [
        (10 + at * day, on(SetStopLoss, stop_price=f"3.2{90 - at}", exchange_order_id=f"s{at}")) for at in range(5)
    ]
    _, text = told(tell(*ENTERED, *moves))[-1]
    assert text.startswith("The stop was set 5 times until 2025-10-26 18:50:50.000, from 3.29 to 3.286")


def test_stops_that_are_cancelled_and_set_anew_are_told_together_with_their_gaps() -> None:
    steps: list[tuple[float, Command]] = []
    for at in range(10, 50, 10):
        steps += [
            (at, on(LoseStopLoss, reason="replaced")),
            (at + at / 10, on(SetStopLoss, stop_price="3.29", exchange_order_id=f"s{at}")),
        ]
    assert told(tell(*ENTERED, *steps))[-1][1] == (
        "The stop was set 4 times until 18:51:24.000, from 3.29 to 3.29, never away from the price; it was gone "
        "4 times. UNPROTECTED 4 times, 10 s in all, 4 s at the longest."
    )


def test_many_fills_and_many_rivals_are_told_in_one_sentence() -> None:
    fills = [(2 + at / 10, on(RecordEntryFill, trade_id=f"t{at}", last_qty="1", last_px=f"3.2{at}")) for at in range(5)]
    each = tell((0, request(quantity="5")), (1, PLACED), *fills, refusals=tuple(rivals([2.41, 2.42, 2.43, 2.44])))
    assert [text for _, text in told(each)][-2:] == [
        (
            "5 fills until 18:50:42.400 entered 5 at 3.2 to 3.24. The average entry is 3.22, and 5 is open. "
            "UNPROTECTED for 59 min 58 s."
        ),
        "4 rivals refused until 18:50:42.440: rival-0, rival-1, rival-2, rival-3 (PositionAlreadyOpen).",
    ]


def test_what_came_between_many_payments_stays_in_the_order_of_time() -> None:
    paid = [
        (10 + at, on(RecordCash, kind="funding", amount="-1", currency="USDT", cash_id=f"{at}"))
        for at in range(0, 90, 10)
    ]
    added = [
        step
        for at in (24, 54)
        for step in (
            (at, on(RequestIncrease, quantity="1", intent_id=f"dca-{at}")),
            (at + 1, on(RecordEntryFill, trade_id=f"t{at}", last_qty="1", last_px="3.2", exchange_order_id=f"o{at}")),
        )
    ]
    each = tell(*ENTERED, *sorted([*paid, *added], key=lambda step: step[0]))
    lines = [line for chapter in each.chapters for line in chapter.lines]
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    kinds = ("9 payments", "Intent dca-24", "1 filled", "Intent dca-54", "1 filled")
    assert [text.startswith(kind) for (_, text), kind in zip(told(each)[-5:], kinds, strict=True)] == [True] * 5


def test_a_refusal_of_a_history_that_was_recorded_later_is_told_with_the_ledgers_clock() -> None:
    events = cycle(*ENTERED, lag=timedelta(days=400))
    each = story(events, [refused(3.5 + timedelta(days=400).total_seconds())], LATER)
    assert (
        "The entry",
        ("Refused: request_entry of intent 5483299. PositionAlreadyOpen. The ledger's clock said 2026-11-26 18:50:43."),
    ) in told(each)


def test_the_story_as_json_has_exact_lengths_and_is_plain() -> None:
    told_json = tell(*ENTERED, (130, CLOSED)).as_json()
    assert told_json["gaps"] == [
        {
            "from": "2025-10-22T18:50:42.000000Z",
            "to": "2025-10-22T18:50:45.000000Z",
            "seconds": "3",
            "why": "no stop yet",
        }
    ]
    assert told_json["unprotected_seconds"] == "3" and told_json["refused"] == 0
    assert told_json["chapters"][-1]["lines"][0]["first_version"] == 6


@tried_on(conversations())
def test_every_history_can_be_told_and_nothing_of_it_is_left_out(sent: list[Command]) -> None:
    _, events = history(sent)
    for number in {event.cycle for event in events}:
        own = [event for event in events if event.cycle == number]
        each = story(own, [], LATER)
        lines = [line for chapter in each.chapters for line in chapter.lines]
        versions = [line.versions for line in lines if line.versions]
        assert versions[0][0] == own[0].originator_version
        assert max(last for _, last in versions) == own[-1].originator_version
        assert all(line.since is None or line.since >= timedelta() for line in lines)
        assert all(text.endswith(".") and (text[0].isupper() or text[0].isdigit()) for _, text in told(each))
        assert all("None" not in text and "Decimal" not in text for _, text in told(each))
        each.as_json()


def test_a_cycle_of_three_thousand_events_is_short_to_read() -> None:
    steps = [
        (10 + at, on(SetStopLoss, stop_price=f"{3.29 - at / 100000:.5f}", exchange_order_id=f"s{at}"))
        for at in range(3000)
    ]
    each = story(cycle(*ENTERED, *steps), rivals(range(20, 2000)), LATER)
    assert [text for title, text in told(each) if title == "The position"][1:] == [
        "The stop was set 3,000 times until 19:40:49.000, from 3.29 to 3.26001, never away from the price.",
        (
            "1,980 rivals refused until 19:23:59.000: rival-0, rival-1, rival-2, rival-3, rival-4 and 1,975 more "
            "(PositionAlreadyOpen)."
        ),
    ]
