"""A file is recognised by what it begins with, and is not guessed where that does not say it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from infrastructure.transfer.statements.sources.statement_file import StatementFile
from infrastructure.transfer.statements.statement_fill import StatementRefused
from infrastructure.transfer.statements.statement_kinds import KINDS, near, told_twice
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


def test_no_two_kinds_need_the_same() -> None:
    needs = [(kind.form, frozenset(map(frozenset, kind.needs))) for kind in KINDS.values()]
    assert len(set(needs)) == len(needs)


def test_a_database_has_to_have_a_name(tmp_path: Path) -> None:
    with pytest.raises(StatementRefused, match="from standard input"):
        _ = StatementFile(io.BufferedReader(io.BytesIO(b"SQLite format 3\x00"))).start
    path = tmp_path / "broken.sqlite"
    path.write_bytes(b"SQLite format 3\x00" * 9)
    with path.open("rb") as stream, pytest.raises(StatementRefused, match="cannot be read as a database"):
        _ = StatementFile(stream, path).start


def test_kinds_that_tell_of_the_same_fills_are_not_put_together() -> None:
    first, other = KINDS["bybit-executions"], KINDS["bybit-closed-pnl"]
    assert told_twice([other, KINDS["okx-fills"], first]) == (first, other)
    assert told_twice([first, first, KINDS["binance-futures-trades"], KINDS["binance-futures-income"]]) is None
