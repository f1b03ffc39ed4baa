"""What an interface answers with nothing within says the same as a table in CSV, as programs save it."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infrastructure.transfer.statements.kind_recognition import KINDS
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import file_of, kind_of
from tests.infrastructure.transfer.statements.test_samples import FOLDER, facts_told, kind_of_sample

_MADE_UP = re.compile(r"row-[0-9a-f]+")
_TIMES = {"ts", "createdAt", "cTime", "uTime", "create_date"}
FLAT = [path for path in sorted(FOLDER.glob("*.json")) if kind_of_sample(path).also is FileForm.CSV]


IN_WORDS = ("bitmex", "dydx", "kraken", "gate")
COUNTED = [path for path in FLAT if not path.name.startswith(IN_WORDS)]
"""Those whose times count what passed since 1970, but for those of Gate with fractions of seconds."""


def as_csv(rows: list[dict[str, Any]]) -> str:
    """As pandas writes it: with a number before each line."""
    text, names = io.StringIO(), dict.fromkeys(name for row in rows for name in row)
    table = csv.writer(text)
    table.writerow(["", *names])
    table.writerows([number, *(row.get(name) for name in names)] for number, row in enumerate(rows))
    return text.getvalue()


def told(text: str, kind: str) -> list[str]:
    """What it says, but for the numbers of its lines, and the names of those of ccxt that have none."""
    lines = facts_told(text.encode(), KINDS[kind]).splitlines()
    return [
        _MADE_UP.sub("row", line.partition(": ")[2]) if kind.startswith("ccxt-") else line.partition(": ")[2]
        for line in lines
    ]


@pytest.mark.parametrize("path", FLAT, ids=[path.name for path in FLAT])
def test_a_table_says_the_same(path: Path) -> None:
    rows = rows_of(path)
    kind = kind_of_sample(path).name
    flat = [row for row in rows if kind.startswith("ccxt-") or not any(map(_holds_something, row.values()))]
    table = as_csv(flat)
    assert kind_of(table) == kind
    assert told(table, kind) == told(json.dumps(flat, default=str), kind) != []


@pytest.mark.parametrize("path", COUNTED, ids=[path.name for path in COUNTED])
def test_times_of_which_a_program_made_texts_are_of_the_zone_that_is_said(path: Path) -> None:
    """They were refused with the advice to say a zone, and it was not read."""
    kind, rows = kind_of_sample(path), rows_of(path)
    texts = [{name: _in_words(name, value) for name, value in row.items()} for row in rows]
    assert times(texts, kind.name) == times(rows, kind.name)


def _in_words(name: str, value: object) -> object:
    digits = str(value).partition(".")[0]
    if ("time" not in name.lower() and name not in _TIMES) or not digits.isdecimal() or len(digits) < len("1773739452"):
        return value
    return str(datetime.fromtimestamp(int(digits.ljust(16, "0")[:16]) / 10**6, UTC).replace(tzinfo=None))


def times(rows: list[dict[str, Any]], kind: str) -> list[str]:
    return [line.split()[1] for line in facts_told(json.dumps(rows, default=str).encode(), KINDS[kind]).splitlines()]


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Its objects, with the numbers that a program has of them."""
    rows: list[dict[str, Any]] = json.loads(
        json.dumps([row.named for row in file_of(path.read_bytes()).rows()], default=float)
    )
    return rows


def _holds_something(value: object) -> bool:
    return isinstance(value, dict | list) and bool(value)


def test_an_object_of_ccxt_that_a_table_spoiled_is_refused() -> None:
    row = rows_of(FOLDER / "ccxt-funding.json")[0]
    with pytest.raises(
        StatementRefused, match=r"line 2: info \"\{'a': \.\.\.\" is no object that can be read; save it as"
    ):
        told(as_csv([{**row, "info": "{'a': ..."}]), "ccxt-funding")


def test_what_is_within_is_not_read_from_a_table() -> None:
    rows = [dict(row.named) for row in file_of((FOLDER / "bybit-executions.delivery.json").read_bytes()).rows()]
    with pytest.raises(StatementRefused, match="line 3: extraFees is no list of objects"):
        told(as_csv(rows), "bybit-executions")
    assert told(as_csv([{**row, "extraFees": []} for row in rows]), "bybit-executions")
