"""`positions`: the order, the number and the columns of its rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.past import before_now
from tests.scripts.program import Program


@pytest.fixture
def asked(ledger_url: str, program: Program) -> Program:
    """APT failed long ago, SUI is covered, XMR bare, and of SUI something happened last."""

    def at(minutes: float) -> dict[str, Any]:
        return {"at": before_now(minutes=minutes)}

    with PositionLedger.connect(ledger_url) as ledger:
        for symbol, minutes in (("APTUSDT", 300), ("SUIUSDT", 200), ("XMRUSDT", 100)):
            wanted: dict[str, Any] = {"symbol": symbol, "exchange": "binance", "side": "long", "quantity": "1"}
            ledger.request_entry(**wanted, intent_id="1", **at(minutes))
        ledger.fail_entry(position_id="APTUSDT.binance#1", outcome="rejected", reason="limit", **at(299))
        for symbol in ("XMRUSDT", "SUIUSDT"):
            fields: dict[str, Any] = {"position_id": f"{symbol}.binance#1"}
            ledger.record_entry_placed(**fields, exchange_order_id=symbol, filled_qty="1", avg_px="10", **at(99))
        ledger.set_stop_loss(
            position_id="SUIUSDT.binance#1", stop_price="9", exchange_order_id="s", activate=True, **at(5)
        )
    return lambda *words: program("positions", "--database", ledger_url, *words)


@pytest.mark.parametrize(
    ("words", "symbols"),
    [
        ((), ["APTUSDT", "SUIUSDT", "XMRUSDT"]),
        (("--sort", "updated"), ["SUIUSDT", "XMRUSDT", "APTUSDT"]),
        (("--sort", "worst"), ["XMRUSDT", "SUIUSDT", "APTUSDT"]),
        (("--since", "4h"), ["SUIUSDT", "XMRUSDT"]),
        (("--sort", "worst", "--limit", "1"), ["XMRUSDT"]),
    ],
)
def test_an_order_and_how_many(asked: Program, words: tuple[str, ...], symbols: list[str]) -> None:
    assert [row["symbol"] for row in asked(*words, "--json").json] == symbols
    table = asked(*words).out.splitlines()[2:]
    assert [line.partition(".")[0] for line in table] == symbols


def test_what_is_left_out_is_said(asked: Program) -> None:
    assert asked("--limit", "1").err == "and 2 more: --limit 3\n"
    assert asked("--limit", "3").err == ""


def test_columns_are_those_that_are_named(asked: Program) -> None:
    assert asked("--columns", "remarks,position", "--symbol", "XMRUSDT").out.splitlines()[2:] == [
        "UNPROTECTED  XMRUSDT.binance#1"
    ]
    assert asked("--columns", "remark").code == 2


def test_a_moment_of_the_past_has_no_worst_now(asked: Program) -> None:
    ran = asked("--sort", "worst", "--as-of", "3")
    assert ran.code == 2
    assert "leave out --as-of" in ran.err
    assert asked("--since", "yesterday").code == 2


def test_what_may_be_at_the_exchange_is_bare_only_if_it_is_held(program: Program, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/sent.db"
    with PositionLedger.connect(url) as ledger:
        place = ledger.request_entry(
            symbol="APTUSDT", exchange="binance", side="long", quantity="1", intent_id="1"
        ).position_id
        ledger.record_entry_placed(position_id=place, exchange_order_id="1")
    remarks = ("positions", "--columns", "remarks", "--database", url)
    assert program(*remarks).out.splitlines()[2:] == ["unprotected if held"]
    assert program("status", "--json", "--database", url).json["unprotected"] == 0
    with PositionLedger.connect(url) as ledger:
        ledger.record_entry_fill(position_id=place, trade_id="1", last_qty="1", last_px="2")
    assert program(*remarks).out.splitlines()[2:] == ["UNPROTECTED"]
    assert program("status", "--json", "--database", url).json["unprotected"] == 1


def test_a_column_that_has_no_room_on_a_terminal_is_named(asked: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert asked().err == "", "elsewhere all columns are there"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    ran = asked()
    assert "UNPROTECTED" not in ran.out
    assert ran.err == "no room for opened (UTC), remarks: --wide shows them, --columns chooses\n"
    assert asked("--wide").err == asked("--columns", "position,remarks").err == ""


def test_a_reason_that_is_cut_short_says_so(ledger_url: str, program: Program) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        for symbol, reason in (("APTUSDT", "\n a word " * 20), ("SUIUSDT", "at once\nand more")):
            wanted: dict[str, Any] = {"symbol": symbol, "exchange": "binance", "side": "long", "quantity": "1"}
            place = ledger.request_entry(**wanted, intent_id="1").position_id
            ledger.fail_entry(position_id=place, outcome="rejected", reason=reason)
    lines = program("positions", "--database", ledger_url).out.splitlines()[2:]
    assert lines[0].endswith("  " + ("a word " * 20)[:60] + "…") and lines[1].endswith("  at once and more")
