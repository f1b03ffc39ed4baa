"""A table in Parquet as rows, read by pyarrow: the optional extra `parquet`.

Each value is the text that a CSV file of the same table has, so that both are read in the same way.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.transfer_errors import StatementRefused

_ROWS_AT_ONCE: Final = 5_000


def parquet_names(stream: io.BufferedReader) -> list[str]:
    """The names of the columns; the stream is set back to its beginning. Refuses: StatementRefused."""
    with _opened(stream) as file:
        names = [name.strip().lower() for name in file.schema_arrow.names]
    stream.seek(0)
    return names


def parquet_rows(stream: io.BufferedReader) -> Iterator[StatementRow]:
    """Every row, numbered from 1. Refuses: StatementRefused."""
    with _opened(stream) as file:
        names, line = [name.strip().lower() for name in file.schema_arrow.names], 0
        for batch in file.iter_batches(_ROWS_AT_ONCE):
            for values in zip(*map(_values, batch.columns), strict=True):
                line += 1
                yield StatementRow(line, dict(zip(names, map(_text, values), strict=True)))


@contextmanager
def _opened(stream: io.BufferedReader) -> Iterator[Any]:
    if not stream.seekable():
        raise StatementRefused("Parquet cannot be read from standard input; give the name of its file")
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415 - an optional extra
    except ImportError as missing:
        raise StatementRefused(f"Parquet needs pyarrow ({missing}); install it with: pip install pyarrow") from None
    try:
        yield parquet.ParquetFile(stream)
    except (ArrowException, OSError, UnicodeDecodeError) as wrong:  # the last one is for a damaged name
        raise StatementRefused(f"the file cannot be read as Parquet: {wrong}") from None


def _values(column: Any) -> list[Any]:
    import pyarrow as pa  # noqa: PLC0415 - an optional extra

    is_time = pa.types.is_timestamp(column.type)
    values = column.cast(pa.timestamp("us", column.type.tz), safe=False) if is_time else column
    return list(values.to_pylist())


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
