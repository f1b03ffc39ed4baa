"""A file that can be no statement is called what it is, also where its first keys are those of a kind."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from infrastructure.transfer.transfer_errors import StatementRefused
from scripts.options.statement_files import OpenedFiles, StatementOptions

KEYS = ("coin", "px", "sz", "side", "time", "startPosition", "dir", "closedPnl", "tid")


def test_a_table_by_columns_is_called_that_whatever_its_keys(tmp_path: Path) -> None:
    by_columns, by_rows = tmp_path / "columns.json", tmp_path / "rows.json"
    by_columns.write_text(json.dumps({key: {"0": "1"} for key in KEYS}), encoding="utf-8")
    by_rows.write_text(json.dumps([dict.fromkeys(KEYS, "1")]), encoding="utf-8")
    options = StatementOptions(None, None, None, None, None, None)
    with ExitStack() as stack:
        with pytest.raises(StatementRefused, match=r"columns\.json is a table that pandas wrote by columns"):
            OpenedFiles([str(by_columns)], options, stack)
        (file,) = OpenedFiles([str(by_rows)], options, stack).files
        assert file.kind is not None and file.kind.name == "hyperliquid-fills"


def test_the_encoding_of_a_table_is_left_to_its_map(tmp_path: Path) -> None:
    table, columns = tmp_path / "fills.csv", tmp_path / "map.toml"
    table.write_text("time,pair\n", encoding="utf-16-le")
    columns.write_text('encoding = "utf-16-le"\n', encoding="utf-8")
    with ExitStack() as stack:
        (file,) = OpenedFiles([str(table)], StatementOptions(None, None, None, None, None, columns), stack).files
        assert file.kind is not None and file.kind.name == "mapped-csv"
