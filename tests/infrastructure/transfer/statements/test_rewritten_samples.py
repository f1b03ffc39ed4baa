"""A sample that was written anew, as programs and spreadsheets do, says the same, or is refused with its line."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infrastructure.transfer.statements.sources.statement_row import MADE_UP
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import file_of, kind_of
from tests.infrastructure.transfer.statements.test_samples import FOLDER, facts_told, kind_of_sample

TABLES = [
    path for path in sorted(FOLDER.glob("*.csv")) if not path.name.startswith("mapped")
]  # a map says its spelling
OBJECTS = sorted([*FOLDER.glob("*.json"), *FOLDER.glob("*.jsonl")])
NUMBER = re.compile(r"-?\d+\.\d+", re.ASCII)
ZERO = re.compile(r"0(?:\.0+)?", re.ASCII)
ID = re.compile(rf"(?:trade|order|id) (?:\d+|\S*{MADE_UP}\S+)", re.ASCII)
"""Ids that are made up follow from what stands in a line, and in which order."""

Cells = list[list[str]]


def dumped(rows: Cells, delimiter: str = ",", **how: Any) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, **how).writerows(rows)
    return text.getvalue()


def each_cell(rewrite: Callable[[str], str]) -> Callable[[Cells], str]:
    return lambda rows: dumped([rows[0], *([rewrite(cell) for cell in row] for row in rows[1:])])


def is_number(cell: str) -> bool:
    return NUMBER.fullmatch(cell) is not None


TABLE_REWRITINGS: dict[str, Callable[[Cells], str | bytes]] = {
    "columns in another order": lambda rows: dumped([row[::-1] for row in rows]),
    "a column more": lambda rows: dumped([[*rows[0], "Note"], *([*row, "x"] for row in rows[1:])]),
    "a mark": lambda rows: "\ufeff" + dumped(rows),
    "UTF-16": lambda rows: ("\ufeff" + dumped(rows)).encode("utf-16-le"),
    "ends of lines of a Mac": lambda rows: dumped(rows, lineterminator="\r"),
    "ends of lines of Unix": lambda rows: dumped(rows, lineterminator="\n"),
    "no end of the last line": lambda rows: dumped(rows).rstrip("\r\n"),
    "blank lines": lambda rows: "\n\n" + dumped([line for row in rows for line in (row, [], [""] * len(row))]),
    "a total below": lambda rows: dumped([*rows, ["Total", *[""] * (len(rows[0]) - 1)]]),
    "numbers below": lambda rows: dumped([*rows, ["Total", *["123.45"] * (len(rows[0]) - 1)]]),
    "a header in capitals": lambda rows: dumped([[cell.upper() for cell in rows[0]], *rows[1:]]),
    "the other way round": lambda rows: dumped([rows[0], *rows[:0:-1]]),
    "blanks around": lambda rows: dumped([[f" {cell} " for cell in row] for row in rows]),
    "quotes": lambda rows: dumped(rows, quoting=csv.QUOTE_ALL),
    "semicolons": lambda rows: dumped(rows, ";"),
    "tabs": lambda rows: dumped(rows, "\t"),
    "powers of ten": each_cell(lambda cell: f"{Decimal(cell):E}" if is_number(cell) else cell),
    "thousands": each_cell(lambda cell: f"{Decimal(cell):,}" if is_number(cell) else cell),
    "commas": each_cell(lambda cell: cell.replace(".", ",") if is_number(cell) else cell),
    "a zero below zero": each_cell(lambda cell: f"-{cell}" if ZERO.fullmatch(cell) else cell),
    "more than can be kept": each_cell(lambda cell: "1" + "0" * 19 if is_number(cell) else cell),
    "what is no number": each_cell(lambda cell: "inf" if is_number(cell) else cell),
}
REVERSED = "the other way round"
OF_ONE_SPELLING = {"semicolons", "tabs", "UTF-16"}
"""The line above the columns is written as they are."""
IN_ORDER = ("bybit-closed-pnl-csv", "nautilus-positions")
"""Kinds whose facts follow from the order of the lines."""


def rewritten_tables() -> Iterator[tuple[Path, str]]:
    for path in TABLES:
        for rewriting in TABLE_REWRITINGS:
            if rewriting in OF_ONE_SPELLING and path.read_text(encoding="utf-8-sig").startswith("UID:"):
                continue
            if rewriting != REVERSED or not path.name.startswith(IN_ORDER):
                yield path, rewriting


def told(data: str | bytes, path: Path) -> list[str] | str:
    """What it says, but for its lines and ids, in any order; or why it is refused."""
    try:
        facts = facts_told(data.encode() if isinstance(data, str) else data, kind_of_sample(path)).splitlines()
    except StatementRefused as refused:
        return refused.message
    return sorted(ID.sub("", fact.partition(": ")[2]) for fact in facts)


@pytest.mark.parametrize(("path", "rewriting"), [*rewritten_tables()], ids=lambda given: getattr(given, "name", given))
def test_a_table_that_is_written_anew(path: Path, rewriting: str) -> None:
    text = path.read_text(encoding="utf-8-sig")
    above = re.match(r"(?:UID:.*\n)?", text)
    assert above is not None
    rest = text[above.end() :].replace("\ufeff", "")
    rows = list(csv.reader(io.StringIO(rest, newline=""), delimiter=file_of(rest).start.delimiter))
    written = TABLE_REWRITINGS[rewriting](rows)
    if above.end() and isinstance(written, str):
        written = above[0] + written.removeprefix("\ufeff")
    said = told(written, path)
    if isinstance(said, str):
        assert said.startswith("line "), said
    else:
        assert said == told(text, path)
    assert kind_of(written) == kind_of(text)


ZONES = re.compile(r"\(UTC(?:[+-]0+(?::00)?)?\)", re.IGNORECASE)


@pytest.mark.parametrize("zone", ["(UTC+00:00)", "(UTC+8)", ""])
@pytest.mark.parametrize(
    "path", [path for path in TABLES if ZONES.search(path.read_text(encoding="utf-8"))], ids=lambda path: path.name
)
def test_times_of_another_zone_are_of_the_same_kind(path: Path, zone: str) -> None:
    text = path.read_text(encoding="utf-8-sig")
    rewritten = ZONES.sub(zone, text)
    assert kind_of(rewritten) == kind_of(text)
    assert isinstance(told(rewritten, path), list)


def texts(value: Any) -> Any:
    """As one that keeps all numbers as texts has it."""
    if isinstance(value, dict):
        return {name: texts(each) for name, each in value.items()}
    if isinstance(value, list):
        return [texts(each) for each in value]
    if isinstance(value, Decimal):
        return f"{value:.15g}"
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


OBJECT_REWRITINGS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "as a list": lambda objects: objects,
    "keys in another order": lambda objects: [dict(reversed(each.items())) for each in objects],
    "a key more": lambda objects: [{**each, "note": None} for each in objects],
    "numbers as texts": texts,
    "each twice": lambda objects: [each for each in objects for _ in range(2)],
    "all twice": lambda objects: objects * 2,
    "the other way round": lambda objects: objects[::-1],
}


@pytest.mark.parametrize("rewriting", OBJECT_REWRITINGS)
@pytest.mark.parametrize("path", OBJECTS, ids=[path.name for path in OBJECTS])
def test_objects_that_are_written_anew(path: Path, rewriting: str) -> None:
    kind, rows = kind_of_sample(path), [row.named for row in file_of(path.read_bytes()).rows()]
    written = json.dumps(OBJECT_REWRITINGS[rewriting](rows), default=float)
    said, known = told(written, path), told(path.read_text(encoding="utf-8"), path)
    if "twice" in rewriting and isinstance(said, list):
        said, known = sorted(set(said)), sorted(set(known))
    assert said == known
    assert kind is kind_of_sample(path)
