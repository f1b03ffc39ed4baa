"""Any CSV file of fills whose columns have the plain names; it is never guessed, for it does not say whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from infrastructure.transfer.statements.kinds.csv_fills import REQUIRED, CsvFills
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.statement_fill import StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose

_NAMES: Final = MappingProxyType(
    {
        "time": ("time", "timestamp", "datetime", "date"),
        "symbol": ("symbol", "pair", "market", "instrument"),
        "leg": ("leg", "position_side"),
        "quantity": ("quantity", "qty", "size", "amount"),
        "fee": ("fee", "commission"),
        "fee_currency": ("fee_currency", "fee_asset", "fee_coin", "commission_asset", "commission_currency"),
        "profit": ("profit", "realized_pnl"),
        "trade_id": ("trade_id",),
        "order_id": ("order_id",),
    }
)
PLAIN_COLUMNS: Final = MappingProxyType(
    {
        says: tuple(dict.fromkeys((*names, *(name.replace("_", " ") for name in names))))
        for says, names in _NAMES.items()
    }
)
"""The names of each thing, with a blank in place of the line as well."""


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFill]:
    fills = CsvFills(PLAIN_COLUMNS, whose)
    return fills.read(file.rows(once=fills.names))


PLAIN_CSV: Final = StatementKind(
    name="csv",
    form=FileForm.CSV,
    needs=tuple(PLAIN_COLUMNS.get(says, (says,)) for says in REQUIRED),
    asks=("exchange",),
    is_guessed=False,
    read=_read,
    source="any program; it is never guessed, so `--as csv --exchange NAME`",
    lacks="what has no column is not known",
    becomes="the same; where no profit is said, none is compared",
)
