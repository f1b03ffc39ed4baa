"""Binance, futures: the trade history that its website exports in CSV.

Realised profit is before fees, and a fee that is paid is above zero. For symbols that are settled in their base,
quantities count contracts of 10 or 100 dollars; the file does not say which.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from infrastructure.transfer.statements.kinds.csv_fills import REQUIRED, CsvFills
from infrastructure.transfer.statements.kinds.exchanges.binance.first_years import OF_FUTURES
from infrastructure.transfer.statements.sources.one_account import of_one_account
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import in_utc
from infrastructure.transfer.statements.statement_facts import StatementFact
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose

_COLUMNS: Final = MappingProxyType(
    {
        "time": in_utc("date", "time"),
        "leg": ("position side",),
        "fee_currency": ("fee coin",),
        "profit": ("realized profit",),
        "trade_id": ("trade id",),
        "order_id": ("order id",),
    }
)


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    fills = CsvFills(_COLUMNS, whose, is_both_unless_said=False, first_year=OF_FUTURES)
    for fill in fills.read(of_one_account(file.rows(once=fills.names))):
        yield replace(fill, in_contracts=True) if fill.key.is_inverse else fill


BINANCE_TRADES: Final = StatementKind(
    name="binance-futures-trades",
    form=FileForm.CSV,
    needs=tuple(_COLUMNS.get(field, (field,)) for field in (*REQUIRED, "fee", "profit")),
    exchange="binance",
    read=_read,
)
