"""Many processes request one slot: exactly one wins, and each of the others is told who won."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack

from tests.acceptance.bot import Bot, read

SPELLINGS = [("APT/USDT:USDT", "binance"), ("APTUSDT", "Binance"), ("apt/usdt", " binance "), ("aptusdt", "BINANCE")]


def test_of_24_processes_that_ask_for_one_slot_in_four_spellings_one_wins(ledger_url: str) -> None:
    with ExitStack() as stack:
        bots = [stack.enter_context(Bot(ledger_url)) for _ in range(24)]
        for bot in bots:
            bot.send(command="activate", position_id="APTUSDT.binance#1")
        assert {bot.answer()["error"] for bot in bots} == {"UnknownPosition"}  # all of them are up and waiting
        for number, bot in enumerate(bots):
            symbol, exchange = SPELLINGS[number % 4]
            bot.send(
                command="request_entry",
                symbol=symbol,
                exchange=exchange,
                side="short",
                quantity="61.8",
                intent_id=f"signal-{number}",
            )
        answers = [bot.answer() for bot in bots]
    (won,) = [answer for answer in answers if answer["ok"]]
    lost = [answer for answer in answers if not answer["ok"]]
    assert won["position_id"] == "APTUSDT.binance#1"
    assert Counter(answer["error"] for answer in lost) == {"PositionAlreadyOpen": 23}
    assert {answer["position_id"] for answer in lost} == {"APTUSDT.binance#1"}
    assert {answer["detected_by"] for answer in lost} <= {"state", "version_conflict"}
    (row,) = read(ledger_url, "positions")
    assert {answer["intent_id"] for answer in lost} == {row["intent_id"]}
    assert len(read(ledger_url, "history", "APTUSDT.binance")) == 1
    assert read(ledger_url, "verify")["ok"]


def test_ten_deliveries_of_one_signal_are_one_entry(ledger_url: str) -> None:
    """I-04: KASUSDT, BIDUSDT and SKYUSDT were each inserted twice for one signal."""
    with ExitStack() as stack:
        bots = [stack.enter_context(Bot(ledger_url)) for _ in range(10)]
        for bot in bots:
            bot.send(
                command="request_entry",
                symbol="KASUSDT",
                exchange="bybit",
                side="buy",
                quantity="3300",
                intent_id="12330417",
            )
        answers = [bot.answer() for bot in bots]
    assert Counter(answer["outcome"] for answer in answers) == {"recorded": 1, "replayed": 9}
    assert len({answer["client_order_id"] for answer in answers}) == 1
    assert len(read(ledger_url, "history", "KASUSDT.bybit")) == 1


def test_processes_that_work_at_different_slots_all_get_theirs(ledger_url: str) -> None:
    with ExitStack() as stack:
        bots = [stack.enter_context(Bot(ledger_url)) for _ in range(4)]
        for turn in range(5):
            for number, bot in enumerate(bots):
                bot.send(
                    command="request_entry",
                    symbol=f"S{number}T{turn}USDT",
                    exchange="binance",
                    side="long",
                    quantity="1",
                    intent_id=f"{number}-{turn}",
                )
        answers = [bot.answer() for bot in bots for _ in range(5)]
    assert [answer["outcome"] for answer in answers] == ["recorded"] * 20
    assert read(ledger_url, "verify")["events"] == 20
