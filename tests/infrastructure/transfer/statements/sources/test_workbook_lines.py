"""A sheet of a workbook says what it says in CSV, whether its cells are texts, numbers or times."""

from __future__ import annotations

import csv
import io
import sys
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from infrastructure.transfer.statements.kinds.exchanges.binance.binance_trades import BINANCE_TRADES
from infrastructure.transfer.statements.kinds.programs.tradingview import TRADINGVIEW_LIST
from infrastructure.transfer.statements.sources.archive import is_archive, members
from infrastructure.transfer.statements.sources.statement_file import StatementFile
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import file_of, kind_of
from tests.infrastructure.transfer.statements.test_samples import FOLDER, facts_told, kind_of_sample

SAMPLES = [
    path
    for path in sorted(FOLDER.glob("*.csv"))
    if not path.name.startswith("mapped")  # a map says what separates
]
HEADER = ["Date(UTC)", "Symbol", "Side", "Price", "Quantity", "Amount", "Fee", "Realized Profit", "Quote Asset"]


Cells = Sequence[Sequence[Any]]


def packed(*sheets: Cells, titles: Sequence[str] = ()) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    book.remove(book.active)
    for rows, title in zip_longest(sheets, titles):
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append([*row])
    book.save(out)
    return out.getvalue()


def buffered(data: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(data), 1 << 18)


@pytest.mark.parametrize("path", SAMPLES, ids=[path.name for path in SAMPLES])
def test_every_sample_says_the_same_in_a_workbook(path: Path) -> None:
    text = path.read_text(encoding="utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=file_of(text).start.delimiter))
    book, kind = packed(rows), kind_of_sample(path)
    assert kind_of(book) == kind_of(text)
    told = [facts_told(data, kind).splitlines() for data in (book, text.encode())]
    without_lines = [[fact.partition(": ")[2] for fact in facts] for facts in told]  # a cell may have several in CSV
    assert without_lines[0] == without_lines[1] != []


def test_numbers_and_times_are_read_as_they_were_meant() -> None:
    typed = [datetime(2026, 3, 17, 9, 24, 12), "BTCUSDT", "BUY", 50000.1, 3, 150000.3, 0.1 + 0.2, 0, "USDT"]  # noqa: DTZ001 - a workbook has none
    text = ["2026-03-17 09:24:12", "BTCUSDT", "BUY", "50000.1", "3", "150000.3", "0.3", "0", "USDT"]
    told = [facts_told(packed([[], HEADER, [], row]), BINANCE_TRADES) for row in (typed, text)]
    assert [line.partition(", trade")[0] for line in told] == [
        "4: 2026-03-17T09:24:12.000000Z BTCUSDT.binance buys 3 at 50000.1, fee 0.3, profit 0"
    ] * 2


def test_a_number_that_is_not_kept_whole_is_refused() -> None:
    rows: list[list[Any]] = [
        [*HEADER, "Trade ID"],
        ["2026-03-17 09:24:12", "BTCUSDT", "BUY", 1, 1, 1, 0, 0, "USDT", 2200000000355489633],
    ]
    with pytest.raises(StatementRefused, match=r"line 2: 2\.2\d*e\+18 is a number of more than 15 digits"):
        facts_told(packed(rows), BINANCE_TRADES)


def test_one_sheet_has_to_have_something_in_it() -> None:
    with pytest.raises(
        StatementRefused, match=r"^2 sheets .* have something in them \(Sheet, Sheet1\), and exactly one must have"
    ):
        _ = file_of(packed([HEADER], [HEADER])).start
    with pytest.raises(StatementRefused, match=r"0 sheets of the workbook have something in them \(none\)"):
        _ = file_of(packed([[]])).start
    assert kind_of(packed([[]], [HEADER])) == BINANCE_TRADES.name


def test_the_list_of_trades_is_read_beside_the_figures_of_tradingview() -> None:
    figures: Cells = [["", "All USDT", "All %"], ["Net profit", 94.9, 0.95]]
    header = ["Trade #", "Type", "Date and time", "Signal", "Price USDT", "Position size (qty)", "Net P&L USDT"]
    entered = datetime(2026, 3, 17, 9)  # noqa: DTZ001 - a workbook has none
    trades: Cells = [
        [1, "Entry long", entered, "Long", 50000, 0.1, 94.9],
        [1, "Exit long", entered.replace(hour=10), "Close", 51000, 0.1, 94.9],
    ]
    book = packed(figures, [header, *trades], figures, titles=["Performance", "List of trades", "Properties"])
    assert kind_of(book) == TRADINGVIEW_LIST.name
    assert [told.partition(", profit")[0] for told in facts_told(book, TRADINGVIEW_LIST).splitlines()] == [
        "2: 2026-03-17T09:00:00.000000Z BTCUSDT.okx buys 0.1 at 50000, fee 0",
        "3: 2026-03-17T10:00:00.000000Z BTCUSDT.okx sells 0.1 at 51000, fee 5.1",
    ]


def test_a_workbook_in_an_archive_is_read_there() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(
            "trades.xlsx", packed([HEADER, ["2026-03-17 09:24:12", "BTCUSDT", "BUY", 1, 1, 1, 0, 0, "USDT"]])
        )
    stream = buffered(out.getvalue())
    assert is_archive(stream)
    with ExitStack() as stack:
        (member,) = members(stream, stack).values()
        (row,) = StatementFile(member).rows()
    assert row.named["symbol"] == "BTCUSDT"


def test_what_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
    with pytest.raises(StatementRefused, match="the file cannot be read as a workbook"):
        _ = file_of(out.getvalue()).start
    with pytest.raises(StatementRefused, match="the packed file was cut off, or is damaged"):
        _ = file_of(out.getvalue()[:40]).start
    monkeypatch.setattr("infrastructure.transfer.statements.sources.workbook_lines._UNPACKED_MAX", 3)
    with pytest.raises(StatementRefused, match="the workbook would be 4 bytes"):
        _ = file_of(out.getvalue()).start
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(StatementRefused, match=r"a workbook needs openpyxl .*; install it with: pip install openpyxl"):
        _ = file_of(packed([HEADER])).start
