"""The sheet of a workbook as the lines of a CSV file, read by openpyxl: the optional extra `xlsx`.

A workbook has numbers as binary floats, of which 15 digits are exact, and times as numbers of days, exact to a
millisecond.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Context
from itertools import islice
from typing import Any, Final

from infrastructure.transfer.statements.sources.file_text import whole
from infrastructure.transfer.transfer_errors import StatementRefused

_ZIP: Final = b"PK\x03\x04"
_CONTENTS: Final = "[content_types].xml"
_UNPACKED_MAX: Final = 1 << 30
"""The most bytes of an unpacked workbook: a sheet of a million lines has less; more would fill the memory."""
_CERTAIN: Final = Context(prec=15, traps=[])
_CERTAIN_MAX: Final = 10**15
_LIST_OF_TRADES: Final = "List of trades"
"""The sheet of TradingView's workbook that is a statement; beside it are sheets of figures."""
_SHOWN_MAX: Final = 5


def is_workbook(stream: io.BufferedReader) -> bool:
    """Whether a file is a workbook; the stream is set back to its beginning."""
    if not stream.peek(len(_ZIP)).startswith(_ZIP) or not stream.seekable():
        return False
    with whole():
        names = zipfile.ZipFile(stream).namelist()
    stream.seek(0)
    return any(name.lower() == _CONTENTS for name in names)


def workbook_start(stream: io.BufferedReader, count: int) -> str:
    """The first lines of its sheet; the stream is set back to its beginning. Refuses: StatementRefused."""
    start = "".join(islice(workbook_lines(stream), count))
    stream.seek(0)
    return start


def workbook_lines(stream: io.BufferedReader) -> Iterator[str]:
    """Every row of its only sheet, or of its list of trades, as CSV, also blank ones. Refuses: StatementRefused."""
    with _opened(stream) as book:
        sheets = [sheet for sheet in book.worksheets if next(_filled(sheet), None) is not None]
        sheets = [sheet for sheet in sheets if sheet.title == _LIST_OF_TRADES] or sheets
        if len(sheets) != 1:
            titles = ", ".join(sheet.title for sheet in sheets[:_SHOWN_MAX]) or "none"
            raise StatementRefused(
                f"{len(sheets):,} sheets of the workbook have something in them ({titles}), and exactly one must have; "
                "save the one that is meant as CSV, and give that"
            )
        begins, names = max(islice(_filled(sheets[0]), _SHOWN_MAX), key=lambda row: len(row[1]))
        last = 0
        for number, cells in _filled(sheets[0]):
            yield from ["\r\n"] * (number - last - 1)
            last, line = number, io.StringIO()
            missing = len(names) - len(cells) if number > begins else 0
            csv.writer(line).writerow([_text(number, cell) for cell in cells] + [""] * missing)
            yield line.getvalue()


def _filled(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    """The numbers and the cells of the rows that are not empty; empty cells at the end of a row are left out."""
    sheet.reset_dimensions()  # those that a file states may be wrong
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        cells = [*row]
        while cells and cells[-1] in (None, ""):
            cells.pop()
        if cells:
            yield number, cells


@contextmanager
def _opened(stream: io.BufferedReader) -> Iterator[Any]:
    try:
        import openpyxl  # noqa: PLC0415 - an optional extra
    except ImportError as missing:
        raise StatementRefused(
            f"a workbook needs openpyxl ({missing}); install it with: pip install openpyxl, or save its sheet as CSV"
        ) from None
    with whole():
        unpacked = sum(member.file_size for member in zipfile.ZipFile(stream).infolist())
    if unpacked > _UNPACKED_MAX:
        raise StatementRefused(f"the workbook would be {unpacked:,} bytes; save its sheet as CSV, and give that")
    try:
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
    except Exception as wrong:  # noqa: BLE001 - it raises errors of any kind for a damaged file
        raise StatementRefused(f"the file cannot be read as a workbook: {wrong}") from None
    try:
        yield book
    finally:
        book.close()


def _text(line: int, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if abs(value) >= _CERTAIN_MAX:
        raise StatementRefused.at(
            line,
            f"{value!r:.60} is a number of more than 15 digits, and a workbook keeps no more of it; export it as CSV",
        )
    return f"{_CERTAIN.create_decimal(repr(value)):f}"
