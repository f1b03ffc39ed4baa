"""The four tests of the old system, rewritten for the ledger."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import Any

import pytest

from tests.acceptance.bot import Bot, read

ENTRY: dict[str, Any] = {
    "command": "request_entry",
    "symbol": "APTUSDT",
    "exchange": "binance",
    "side": "short",
    "quantity": "61.8",
}
FIRST = "APTUSDT.binance#1"
STEPS: dict[str, list[dict[str, Any]]] = {
    "pending_entry": [],
    "entry_placed": [
        {"command": "record_entry_placed", "exchange_order_id": "53190368", "filled_qty": "61.8", "avg_px": "3.2333"}
    ],
    "pending_sl": [{"command": "set_stop_loss", "stop_price": "3.2941", "exchange_order_id": "53190370"}],
    "active": [{"command": "activate"}],
}


def bring_to(bot: Bot, status: str) -> None:
    assert bot.ask(**ENTRY, intent_id="first")["ok"]
    for step, commands in STEPS.items():
        for command in commands:
            assert bot.ask(**command, position_id=FIRST)["ok"]
        if step == status:
            return


@pytest.mark.parametrize("status", ["entry_placed", "pending_sl", "pending_entry"])
def test_a_second_open_in_an_intermediate_state_is_answered_with_the_position_that_exists(
    ledger_url: str, status: str
) -> None:
    with Bot(ledger_url) as bot:
        bring_to(bot, status)
        assert [row["status"] for row in read(ledger_url, "positions")] == [status]
        again = bot.ask(**ENTRY, intent_id="first")
        assert (again["outcome"], again["position_id"]) == ("replayed", FIRST)
        rival = bot.ask(**ENTRY, intent_id="second")
        assert (rival["error"], rival["position_id"], rival["status"]) == ("PositionAlreadyOpen", FIRST, status)


def test_a_second_activation_is_refused(ledger_url: str) -> None:
    with Bot(ledger_url) as bot:
        bring_to(bot, "active")
        assert bot.ask(command="activate", position_id=FIRST)["error"] == "AlreadyActive"
    assert [row["status"] for row in read(ledger_url, "positions", "--open")] == ["active"]


def test_ten_concurrent_creates_give_one_position(ledger_url: str) -> None:
    with ExitStack() as stack:
        bots = [stack.enter_context(Bot(ledger_url)) for _ in range(10)]
        for number, bot in enumerate(bots):
            bot.send(**ENTRY, intent_id=f"signal-{number}")
        answers = [bot.answer() for bot in bots]
    assert Counter(answer["ok"] for answer in answers) == {True: 1, False: 9}
    assert len(read(ledger_url, "positions")) == 1
