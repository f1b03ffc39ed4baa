"""Any CSV file of fills with the usual column names; it is never guessed, because it does not name its exchange."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from infrastructure.transfer.statements.kinds.csv_fills import REQUIRED, CsvFills
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.statement_facts import StatementFill
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
        field: tuple(dict.fromkeys((*names, *(name.replace("_", " ") for name in names))))
        for field, names in _NAMES.items()
    }
)
"""The column names of each field, also with a blank in place of the underscore."""


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFill]:
    fills = CsvFills(PLAIN_COLUMNS, whose)
    return fills.read(file.rows(once=fills.names))


PLAIN_CSV: Final = StatementKind(
    name="csv",
    form=FileForm.CSV,
    needs=tuple(PLAIN_COLUMNS.get(field, (field,)) for field in REQUIRED),
    asks=("exchange",),
    is_guessed=False,
    read=_read,
)
