"""A table in Parquet says what it says in CSV."""

from __future__ import annotations

import csv
import io
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from pyarrow import parquet

from infrastructure.transfer.statements.kinds.programs.nautilus_positions import NAUTILUS_POSITIONS
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.kinds.programs.booked import booked
from tests.infrastructure.transfer.statements.statement_text import file_of, kind_of
from tests.infrastructure.transfer.statements.test_samples import FOLDER


def packed(columns: dict[str, pa.Array]) -> bytes:
    out = io.BytesIO()
    parquet.write_table(pa.table(columns), out)
    return out.getvalue()


def test_values_are_the_texts_of_csv() -> None:
    moment = datetime(2026, 3, 17, 9, 24, 12, tzinfo=UTC)
    file = file_of(
        packed(
            {
                "Time": pa.array([moment], pa.timestamp("ns", "UTC")),
                "n": pa.array([Decimal("0.00000001")]),
                "f": pa.array([50000.5]),
                "l": pa.array([["1 USDT"]]),
                "x": pa.array([None], pa.string()),
            }
        )
    )
    assert file.start.names == ("time", "n", "f", "l", "x")
    (row,) = file.rows()
    assert row.named == {
        "time": "2026-03-17 09:24:12+00:00",
        "n": "0.00000001",
        "f": "50000.5",
        "l": "['1 USDT']",
        "x": "",
    }


def test_a_report_in_parquet_is_the_same_as_in_csv() -> None:
    text = (FOLDER / "nautilus-positions.netting.csv").read_text(encoding="utf-8")
    lines = list(csv.DictReader(io.StringIO(text)))
    data = packed({name: pa.array([line[name] for line in lines]) for name in lines[0]})
    assert kind_of(data) == "nautilus-positions"
    assert booked(data, NAUTILUS_POSITIONS, Whose()) == booked(text, NAUTILUS_POSITIONS, Whose())


def test_what_is_damaged_is_refused() -> None:
    with pytest.raises(StatementRefused, match="cannot be read as Parquet"):
        kind_of(packed({"a": pa.array([1])})[:-9])


def test_a_name_that_is_damaged_is_refused() -> None:
    whole = packed({"symbol": pa.array(["BTCUSDT"])})
    file = file_of(whole.replace(b"symbol", b"\x84ymbol"))
    with pytest.raises(StatementRefused, match="the file cannot be read as Parquet: 'utf-8' codec can't decode"):
        _ = file.start


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = packed({"a": pa.array([1])})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(StatementRefused, match=r"Parquet needs pyarrow .*; install it with: pip install pyarrow"):
        kind_of(data)
