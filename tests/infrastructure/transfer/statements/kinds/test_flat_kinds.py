"""What an interface answers with nothing within says the same as a table in CSV, as programs save it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.statement_fill import StatementRefused
from infrastructure.transfer.statements.statement_kinds import KINDS
from tests.infrastructure.transfer.statements.statement_text import file_of, kind_of
from tests.infrastructure.transfer.statements.test_samples import FOLDER, facts_told, kind_of_sample

FLAT = [path for path in sorted(FOLDER.glob("*.json")) if kind_of_sample(path).also is FileForm.CSV]


def as_csv(rows: list[dict[str, Any]]) -> str:
    """As pandas writes it: with a number before each line."""
    text, names = io.StringIO(), dict.fromkeys(name for row in rows for name in row)
    table = csv.writer(text)
    table.writerow(["", *names])
    table.writerows([number, *(row.get(name) for name in names)] for number, row in enumerate(rows))
    return text.getvalue()


def told(text: str, kind: str) -> list[str]:
    """What it says, but for the numbers of its lines."""
    return [line.partition(": ")[2] for line in facts_told(text.encode(), KINDS[kind]).splitlines()]


@pytest.mark.parametrize("path", FLAT, ids=[path.name for path in FLAT])
def test_a_table_says_the_same(path: Path) -> None:
    rows = [dict(row.named) for row in file_of(path.read_bytes()).rows()]
    flat = [row for row in rows if not any(isinstance(value, dict | list) and value for value in row.values())]
    table, kind = as_csv(flat), kind_of_sample(path).name
    assert kind_of(table) == kind
    assert told(table, kind) == told(json.dumps(flat, default=str), kind) != []


def test_what_is_within_is_not_read_from_a_table() -> None:
    rows = [dict(row.named) for row in file_of((FOLDER / "bybit-executions.delivery.json").read_bytes()).rows()]
    with pytest.raises(StatementRefused, match="line 3: extraFees is no list of objects"):
        told(as_csv(rows), "bybit-executions")
    assert told(as_csv([{**row, "extraFees": []} for row in rows]), "bybit-executions")
