"""`stats`: its output and its exit codes."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner, Result

from domain.errors import CommandRefused
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from position_ledger import COMMANDS
from position_ledger.testing import Clock
from scripts.commands.daily.stats import command
from tests.acceptance.bot import run

DAY = ("--since", "2025-10-22T00:00:00Z", "--until", "2025-10-23T00:00:00Z")


def enter(url: str, symbol: str, *, protected: bool = True, **key: Any) -> None:
    fields: dict[str, Any] = {"at": "2025-10-22T12:00:00Z"}
    with PositionLedger.connect(url) as ledger:
        position_id = ledger.request_entry(
            symbol=symbol, exchange="binance", side="long", quantity="1", intent_id="1", **key, **fields
        ).position_id
        fields["position_id"] = position_id
        ledger.record_entry_placed(exchange_order_id="1", filled_qty="1", avg_px="10", **fields)
        if protected:
            fields["at"] = "2025-10-22T12:00:03.000001Z"
            ledger.set_stop_loss(stop_price="9", exchange_order_id="s", activate=True, **fields)


def asked(url: str, *options: str) -> Result:
    return CliRunner().invoke(command, ["--database", url, *options])


def read(url: str, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(asked(url, "--json", *options).stdout)
    return found


def refuse(url: str, verb: str, **fields: str) -> None:
    with PositionLedger.connect(url) as ledger, pytest.raises(CommandRefused):
        getattr(ledger, verb)(symbol="APTUSDT", exchange="binance", side="long", quantity="1", **fields)


def test_a_good_day_ends_well(ledger_url: str) -> None:
    enter(ledger_url, "APTUSDT")
    done = asked(ledger_url, *DAY)
    assert done.exit_code == 0, done.stderr
    assert "opened       1 active\n" in done.stdout
    assert "half of 1 within 3 s" in done.stdout
    assert "MISSED" not in done.stdout


def test_an_entry_that_came_to_nothing_is_not_counted_as_left_bare(ledger_url: str) -> None:
    enter(ledger_url, "APTUSDT", protected=False)
    with PositionLedger.connect(ledger_url) as ledger:
        key = {"symbol": "SUIUSDT", "exchange": "binance", "side": "long", "quantity": "1", "intent_id": "1"}
        failed = ledger.handle(COMMANDS["request_entry"].of(**key, at="2025-10-22T12:00:00Z"))
        ledger.fail_entry(position_id=failed.position_id, outcome="rejected", reason="30208")
    assert "; 2 never, of which 1 held nothing\n" in asked(ledger_url, *DAY).stdout
    found = read(ledger_url, *DAY)
    assert (found["never_protected"], found["never_held"]) == (2, 1)


def test_of_many_that_stand_bare_the_first_are_named_and_all_are_counted(ledger_url: str) -> None:
    for letter in "ABCDEFG":
        enter(ledger_url, f"{letter}USDT", protected=False)
    five = ", ".join(f"{letter}USDT.binance#1" for letter in "ABCDE")
    assert f"; now: {five} and 2 more: --json\n" in asked(ledger_url, *DAY).stdout
    assert len(read(ledger_url, *DAY)["unprotected_now"]) == 7


@pytest.mark.parametrize("hours", [1, 2, 30])
def test_of_the_hours_with_refusals_that_with_the_most_is_told(ledger_url: str, hours: int) -> None:
    clock = Clock(datetime(2025, 10, 20, tzinfo=UTC))
    with PositionLedger(open_store(Settings.read(ledger_url), create=True), clock=clock) as ledger:
        key = {"symbol": "APTUSDT", "exchange": "binance", "side": "long", "quantity": "1"}
        for number in range(hours + 2):
            with suppress(CommandRefused):
                ledger.handle(COMMANDS["request_entry"].of(**key, intent_id=str(number)))
            clock.tick(3600 if number > 1 else 0)
    said = asked(ledger_url, "--since", "2025-10-20T00:00:00Z", "--until", "2025-10-23T00:00:00Z").stdout
    others = {1: "", 2: ", the others in 1 hour: --json", 30: ", the others in 29 hours: --json"}
    assert f"             2 of them from 2025-10-20 00:00 on{others[hours]}\n" in said
    assert said.count(" from 2025-10-2") == 1


def test_a_missed_criterion_ends_with_1_and_is_named(ledger_url: str) -> None:
    enter(ledger_url, "APTUSDT", protected=False)
    done = asked(ledger_url, *DAY)
    assert done.exit_code == 1
    assert "unprotected_longest_seconds  43200  <= 30    MISSED" in done.stdout
    assert "APTUSDT.binance#1" in done.stdout


def test_nothing_to_judge_is_no_miss(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url):
        pass
    done = asked(ledger_url)
    assert done.exit_code == 0
    assert done.stdout.count("not known") == 7


def test_the_default_is_the_last_24_hours(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="long", quantity="1", intent_id="1")
    refuse(ledger_url, "request_entry", intent_id="2")
    found = read(ledger_url)
    assert (found["opened"], found["rejections"]["early"]) == (1, 1)
    assert found["by_status"]["pending_entry"] == 1
    assert found["ok"] is True


def test_a_duplicate_that_was_refused_after_its_order_is_late(ledger_url: str) -> None:
    enter(ledger_url, "APTUSDT")
    refuse(ledger_url, "record_entry_placed", exchange_order_id="2")
    assert asked(ledger_url, "--json").exit_code == 1
    found = read(ledger_url)
    (late,) = [each for each in found["criteria"] if each["name"] == "late_duplicates"]
    assert (late["value"], late["ok"], late["offenders"]) == (1, False, ["APTUSDT.binance#1"])
    assert found["rejections"]["by_cause"] == [
        {
            "error": "PositionAlreadyOpen",
            "detected_by": "state",
            "source": "signal",
            "command": "record_entry_placed",
            "count": 1,
        }
    ]


@pytest.mark.parametrize(
    ("options", "opened", "refused"),
    [
        ((), 2, 1),
        (("--symbol", "APT/USDT:USDT"), 1, 1),
        (("--symbol", "BTCUSDT"), 1, 0),
        (("--exchange", "Binance"), 2, 1),
        (("--exchange", "bybit"), 0, 0),
        (("--account", "sub1"), 1, 0),
    ],
)
def test_filters_take_cycles_and_refusals(ledger_url: str, options: tuple[str, ...], opened: int, refused: int) -> None:
    enter(ledger_url, "APTUSDT")
    enter(ledger_url, "BTCUSDT", account="sub1")
    refuse(ledger_url, "request_entry", intent_id="2")
    found = read(ledger_url, "--since", "2025-10-22T00:00:00Z", *options)
    assert (found["opened"], found["rejections"]["total"]) == (opened, refused)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--since", "yesterday"), "--since 'yesterday': 'yesterday' is not a time"),
        (("--since", "2025-10-22T00:00:00"), "names no zone"),
        (("--since", "0h"), "--since '0h'"),
        (("--since", "999999w"), "how long ago"),
        (("--since", "1h", "--until", "2h"), "--since 1h is not before --until 2h"),
        (("--until", "soon"), "--until 'soon'"),
    ],
)
def test_a_window_that_is_none_is_a_mistake_in_usage(ledger_url: str, options: tuple[str, ...], words: str) -> None:
    done = asked(ledger_url, *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr


def test_the_exit_code_is_that_of_the_program(ledger_url: str) -> None:
    enter(ledger_url, "APTUSDT", protected=False)
    assert run(ledger_url, "stats", *DAY).returncode == 1


def test_a_ledger_that_is_not_there_is_not_made(ledger_url: str) -> None:
    done = run(ledger_url, "stats")
    assert done.returncode == 3
    assert "position-ledger init" in done.stderr
