"""A file is recognised by what it begins with, and is not guessed where that does not say it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from infrastructure.transfer.statements.kind_recognition import KINDS, near, telling_the_same
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import file_of, kind_of

TRADES = "Uid,Time,Symbol,Side,Price,Quantity,Amount,Fee,Realized Profit,Buyer,Maker,Trade ID,Order ID\n"


def test_a_header_says_the_kind() -> None:
    assert kind_of(TRADES) == kind_of("\ufeff" + TRADES) == "binance-futures-trades"


def test_a_header_that_lacks_one_column_is_taken_for_the_kind() -> None:
    assert kind_of(TRADES.replace("Fee,", "")) == "binance-futures-trades"


def test_what_any_program_may_write_is_not_guessed() -> None:
    assert kind_of("time,symbol,side,price,quantity\n") is None
    assert kind_of("position_id,symbol,side,quantity\n") is None
    assert kind_of("") is None
    assert kind_of('"\x00') is None


def test_what_is_lacking_is_said_of_the_nearest_kinds() -> None:
    words = near(file_of("time,symbol,side,price\n").start)
    assert words[0] == "csv needs quantity"
    assert near(file_of("time,symbol,side,price,quantity\n").start)[0] == "it may be csv"


def test_a_column_that_is_missing_is_called_as_in_a_table() -> None:
    """The same column may have a name in the answers of an exchange, which no header has."""
    tables = [kind for kind in KINDS.values() if kind.form is FileForm.CSV]
    shown = [names if isinstance(names, str) else names[0] for kind in tables for names in kind.needs]
    assert [name for name in shown if name != name.lower() or "_pl" in name] == []


def test_no_two_kinds_need_the_same() -> None:
    needs = [(kind.form, frozenset(map(str, kind.needs))) for kind in KINDS.values()]
    assert len(set(needs)) == len(needs)


def test_a_database_has_to_have_a_name(tmp_path: Path) -> None:
    with pytest.raises(StatementRefused, match="from standard input"):
        _ = StatementFile(io.BufferedReader(io.BytesIO(b"SQLite format 3\x00"))).start
    path = tmp_path / "broken.sqlite"
    path.write_bytes(b"SQLite format 3\x00" * 9)
    with path.open("rb") as stream, pytest.raises(StatementRefused, match="cannot be read as a database"):
        _ = StatementFile(stream, path).start


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bybit-closed-pnl", "bybit-executions"),
        ("bybit-closed-pnl-csv", "bybit-transaction-log-csv"),
        ("okx-history-csv", "okx-fills"),
        ("hyperliquid-funding-csv", "hyperliquid-funding"),
        ("ccxt-funding", "binance-futures-income"),
        ("binance-futures-positions", "binance-futures-trades"),
        ("kraken-futures-log", "kraken-futures-log-csv"),
        ("kraken-futures-log-csv", "kraken-futures-fills"),
        ("kraken-futures-log", "ccxt-trades"),
        ("coinbase-fills-csv", "ccxt-trades"),
    ],
)
def test_kinds_that_tell_of_the_same_are_not_put_together(one: str, other: str) -> None:
    assert telling_the_same([KINDS[other], KINDS["okx-positions"], KINDS[one]]) is not None
    assert {kind.name for kind in telling_the_same([KINDS[other], KINDS[one]]) or ()} == {one, other}


def test_kinds_that_go_together_are() -> None:
    names = ("binance-futures-trades", "binance-futures-user-trades", "binance-futures-income", "ccxt-trades")
    assert telling_the_same([KINDS[name] for name in names]) is None
    assert telling_the_same([KINDS["bybit-executions"]] * 2) is None
    assert telling_the_same([KINDS["ccxt-trades"], KINDS["ccxt-funding"], KINDS["okx-fills"]]) is None
