"""`pnl`: its table, and the same numbers exactly as JSON and CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.scripts.program import Program
from tests.spec import second

DAY = ("--since", "2025-10-22T00:00:00Z", "--until", "2025-10-23T00:00:00Z")


def trade(ledger: PositionLedger, symbol: str, exit_px: str | None, fee_currency: str, reason: str) -> None:
    entry = ledger.request_entry(
        symbol=symbol, exchange="binance", side="long", quantity="3", intent_id=f"grid-{symbol}", at=second(0)
    )
    place: dict[str, Any] = {"position_id": entry.position_id}
    ledger.record_entry_fill(
        **place, trade_id="1", last_qty="3", last_px="10", fee="0.123456789", fee_currency=fee_currency, at=second(1)
    )
    if exit_px is not None:
        ledger.reduce(**place, trade_id="2", last_qty="3", last_px=exit_px, at=second(60))
    ledger.close(**place, exit_reason=reason, at=second(61))


@pytest.fixture
def asked(ledger_url: str, program: Program) -> Program:
    with PositionLedger.connect(ledger_url) as ledger:
        trade(ledger, "APTUSDT", "11.123456789", "USDT", "target")
        trade(ledger, "SUIUSDT", "9", "BNB", "=stop")
        trade(ledger, "XMRUSDT", None, "USDT", "phantom")
        trade(ledger, "BTC/USD:BTC", "12", "BTC", "target")
    return lambda *words: program("pnl", *DAY, *words, "--database", ledger_url)


def test_a_table_is_for_eyes_and_says_what_is_not_known(asked: Program) -> None:
    ran = asked("--by", "symbol")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == "2025-10-22 00:00:00 to 2025-10-23 00:00:00 UTC, by symbol"
    assert [line.split()[:5] for line in lines[4:8]] == [
        ["APTUSDT", "USDT", "1", "≈3.246914", "≈3.37037"],
        ["BTC/USD:BTC", "BTC", "1", *lines[5].split()[3:5]],
        ["SUIUSDT", "USDT", "1", "unknown", "-3"],
        ["XMRUSDT", "USDT", "1", "unknown", "unknown"],
    ]
    assert "USDT: 1 of 3 cycles closed something at a price that nobody said\n" in ran.out
    assert "USDT: the net of 2 of 3 cycles is not known; that of the others is 3.246914\n" in ran.out.replace("≈", "")


def test_json_is_exact(asked: Program) -> None:
    found = asked("--by", "reason", "--json").json
    assert [(each["group"], each["currency"], each["realized_pnl"], each["net_pnl"]) for each in found["groups"]] == [
        ("=stop", "USDT", "-3", None),
        ("phantom", "USDT", "0", None),
        ("target", "BTC", found["total"][0]["realized_pnl"], found["total"][0]["net_pnl"]),
        ("target", "USDT", "3.370370367", "3.246913578"),
    ]
    assert (found["by"], found["imported"], found["total"][1]["results"]["judged_by"]) == ("reason", 0, "net")


def test_csv_has_the_same_amounts_and_a_text_that_no_spreadsheet_reckons(asked: Program) -> None:
    rows = list(csv.DictReader(io.StringIO(asked("--by", "reason", "--csv").out, newline="")))
    found = asked("--by", "reason", "--json").json["groups"]
    assert [row["realized_pnl"] for row in rows] == [each["realized_pnl"] for each in found]
    assert [row["net_pnl"] for row in rows] == [each["net_pnl"] or "" for each in found]
    assert [row["reason"] for row in rows] == ["'=stop", "phantom", "target", "target"]
    assert rows[0]["fees_other"] == '{"BNB": "0.123456789"}'
    assert (rows[0]["won"], rows[0]["results_unknown"], rows[3]["held_p50_seconds"]) == ("0", "1", "61")


def test_groups_may_be_told_apart_by_several_things(asked: Program) -> None:
    ran = asked("--by", "month, symbol", "--columns", "symbol,month,net")
    assert ran.out.splitlines()[0].endswith(" UTC, by month and symbol")
    assert [line.split()[:2] for line in ran.out.splitlines()[4:8]] == [
        [symbol, "2025-10"] for symbol in ("APTUSDT", "BTC/USD:BTC", "SUIUSDT", "XMRUSDT")
    ]
    found = asked("--by", "month,symbol", "--json").json
    assert (found["by"], found["groups"][0]["group"]) == ("month,symbol", "2025-10, APTUSDT")
    assert [each["names"] for each in found["groups"][:2]] == [["2025-10", "APTUSDT"], ["2025-10", "BTC/USD:BTC"]]
    rows = list(csv.DictReader(io.StringIO(asked("--by", "reason,month", "--csv").out, newline="")))
    assert [(row["reason"], row["month"]) for row in rows] == [
        (reason, "2025-10") for reason in ("'=stop", "phantom", "target", "target")
    ]


@pytest.mark.parametrize(
    ("by", "says"),
    [("month,colour", "'colour': there are day, week, month"), ("day,day", "'day,day' has a name twice"), ("", "''")],
)
def test_what_groups_is_known_and_named_once(asked: Program, by: str, says: str) -> None:
    ran = asked("--by", by)
    assert (ran.code, ran.out) == (2, "")
    assert says in " ".join(ran.err.split())


def test_the_net_is_shown_however_narrow_the_screen_and_however_long_a_name(
    ledger_url: str, asked: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        trade(ledger, "KASUSDT", "11", "USDT", "the reason " * 9)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert " net " in asked("--by", "symbol,intent").out.splitlines()[2]
    assert asked("--by", "reason").out.splitlines()[2].split()[-1] == "net"


def test_groups_and_total_have_the_same_columns_and_what_has_no_room_is_named(
    asked: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    piped = asked("--by", "symbol")
    assert (piped.err, piped.out.splitlines()[2].split()[-2:]) == ("", ["average", "loss"]), "a pipe has room"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    ran = asked("--by", "symbol")
    assert ran.out.splitlines()[2].split() == ["symbol", "currency", "cycles", "net", "profit"]
    assert [line for line in ran.out.splitlines() if "currency" in line] == ran.out.splitlines()[2:3]
    group, total = (
        next(line for line in ran.out.splitlines() if line.startswith(name)) for name in ("BTC/USD:BTC ", "total ")
    )
    assert group.removeprefix("BTC/USD:BTC") == total.removeprefix("total      "), "the only cycle in BTC"
    assert ran.err.startswith("no room for fees, cash, won share, ") and ran.err.endswith(
        ": --wide shows them, --columns chooses\n"
    )
    assert asked("--by", "symbol", "--wide").err == asked("--by", "symbol", "--columns", "net").err == ""


def test_an_account_without_a_name_has_none_for_programs_and_words_for_people(asked: Program) -> None:
    group, *_ = asked("--by", "account", "--json").json["groups"]
    assert (group["group"], group["names"]) == ("no account", [None])
    assert asked("--by", "account").out.splitlines()[4].startswith("no account  BTC")
    assert asked("--by", "account", "--csv").out.splitlines()[1].startswith(",BTC,")


def test_the_lowest_profit_comes_first_when_asked_for_and_what_is_left_out_is_said(asked: Program) -> None:
    ran = asked("--by", "symbol", "--sort", "worst", "--limit", "2")
    assert [line.split()[0] for line in ran.out.splitlines()[4:6]] == ["BTC/USD:BTC", "SUIUSDT"]
    assert "\nand 2 more: --limit 4\n" in ran.out


def test_cycles_may_be_judged_before_fees(asked: Program) -> None:
    found = asked("--by", "side", "--judge", "gross", "--json").json["total"][1]["results"]
    assert (found["judged_by"], found["won"], found["lost"], found["unknown"]) == ("gross", 1, 1, 1)


def test_nothing_is_said_to_have_been_earned_when_nothing_was_over(asked: Program) -> None:
    ran = asked("--symbol", "KASUSDT")
    note, words = ran.err.splitlines()
    assert (ran.code, words) == (0, "no cycle that moved money was over in this time")
    assert note.startswith("note: nothing was ever recorded of --symbol KASUSDT")
    assert asked("--symbol", "KASUSDT", "--csv").out == ""
    assert asked("--json", "--csv").code == 2
