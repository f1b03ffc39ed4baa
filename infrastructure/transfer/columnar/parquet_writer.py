"""Parquet, written by pyarrow: the optional extra `parquet`.

Numbers are decimal128(38, 18), which holds every price and quantity exactly; a sum or a profit with more than 18
decimals is rounded half-even. Times are timestamps in UTC, in microseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import IO, Any, Final

import pyarrow as pa
from pyarrow import parquet

from domain.values import DECIMALS_MAX, plain, rounded
from infrastructure.transfer.columnar.columns import Column, ColumnKind, Value
from infrastructure.transfer.transfer_errors import ExportRefused

_ROWS_AT_ONCE: Final = 20_000
_WHOLE_MAX: Final = Decimal(10) ** 20
_TYPES: Final = {
    ColumnKind.TEXT: pa.string(),
    ColumnKind.INTEGER: pa.int64(),
    ColumnKind.NUMBER: pa.decimal128(38, DECIMALS_MAX),
    ColumnKind.TIME: pa.timestamp("us", tz="UTC"),
    ColumnKind.FLAG: pa.bool_(),
}


class ParquetFile:
    """A file of rows, which are written in groups."""

    def __init__(self, out: IO[bytes], columns: Sequence[Column]) -> None:
        self._schema = pa.schema([pa.field(column.name, _TYPES[column.kind]) for column in columns])
        self._numbers = [index for index, column in enumerate(columns) if column.kind is ColumnKind.NUMBER]
        self._file: Any = parquet.ParquetWriter(out, self._schema, compression="zstd")
        self._rows: list[list[Value]] = []

    def row(self, values: Sequence[Value]) -> None:
        """Write one row. Refuses: ExportRefused for a number of more than 20 digits before its point."""
        row = list(values)
        for index in self._numbers:
            if (number := row[index]) is not None:
                assert isinstance(number, Decimal), "a column of numbers"
                row[index] = _fitting(number, self._schema.names[index], str(row[0]))
        self._rows.append(row)
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._flush()

    def finish(self) -> None:
        """Write the last group of rows, and the end of the file."""
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        columns = zip(*self._rows, strict=True) if self._rows else ([] for _ in self._schema)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        self._file.write_batch(pa.record_batch(arrays, schema=self._schema))
        self._rows = []


def _fitting(number: Decimal, name: str, record: str) -> Decimal:
    if number.copy_abs() >= _WHOLE_MAX:
        raise ExportRefused(f"{name} {plain(number)} of {record} does not fit into Parquet's decimals; export CSV")
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int), "finite"
    return number if exponent >= -DECIMALS_MAX else rounded(number)
